"""Several generations of a collection: filled from what is kept, written to together, repaired."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from latelight.app import Collection, Library, engine, mirror
from latelight.app.opened import OpenGeneration
from latelight.errors import (
    DamagedFileError,
    ExtractionError,
    GenerationMovedError,
    ModelError,
    NotFoundError,
    ReleaseConflictError,
    ReleaseStateError,
)
from latelight.extractors.sandbox import ExtractionPool
from latelight.extractors.text import extract_record
from latelight.index import Writer
from latelight.pipelines.rebuild import joined_text
from latelight.pipelines.spec import PipelineSpec, parse_spec
from latelight.releases.catalog import LIVE
from latelight.settings import Settings
from latelight.testing.encoders import FakeEncoder

OTHER_ENCODER = parse_spec("name: other\nspaces: {text: {encoder: minilm}}")
OTHER_BITS = parse_spec("spaces: {text: {bits: 4}}")
OTHER_PASSAGES = parse_spec("extract: {passage_characters: 200}")
OTHER_SEARCH = parse_spec("search: {k: 2}")
SENTENCES = " ".join(f"Sentence {n} is about boat{n} and cargo{n}." for n in range(30))


@pytest.fixture
def library(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Library]:
    """A library whose encoders are fakes, each with rows of its own."""
    monkeypatch.setattr(engine, "create_encoder", lambda name, **_: FakeEncoder(dim=64, name=name))
    engine.shared_encoder.cache_clear()
    yield Library(tmp_path / "library", Settings(n_threads=1, commit_seconds=0))
    engine.shared_encoder.cache_clear()


@pytest.fixture
def notes(library: Library, tmp_path: Path) -> Collection:
    """A collection of two files and a few records."""
    folder = tmp_path / "files"
    folder.mkdir()
    (folder / "ferry.txt").write_text("The ferry was refitted in 2019.")
    (folder / "lamp.md").write_text("# Lamp\n\nThe lamp burns oil.")
    made = library.collection("notes", create=True)
    made.add(folder, metadata={"year": 2020})
    made.add([{"id": f"r{n}", "title": f"T{n}", "text": f"record {n}. A tram."} for n in range(5)])
    made.add({"id": "long", "text": SENTENCES, "pages": 7})
    return made


def candidate(target: Collection) -> OpenGeneration:
    standing = target._versions.standing()
    return target._versions.open(standing.versions[standing.aliases["candidate"]])


def contents(generation: OpenGeneration) -> dict[str, Any]:
    snapshot = generation.store.snapshot()
    return {
        one.doc_id: (one, [snapshot.unit(i).text for i in snapshot.find(one.doc_id)])
        for one in snapshot.documents()
    }


def rows(generation: OpenGeneration, doc_id: str) -> list[Any]:
    snapshot = generation.store.snapshot()
    return [snapshot.rows("text", i) for i in snapshot.find(doc_id)]


def is_in_line(target: Collection, other: OpenGeneration | None = None) -> bool:
    other = other or candidate(target)
    mine, live = contents(other), contents(target._versions.live())
    same = {d: one[0] for d, one in mine.items()} == {d: one[0] for d, one in live.items()}
    return same and not target._versions.notes.count_debts()


@pytest.mark.parametrize("spec", [OTHER_ENCODER, OTHER_BITS, OTHER_PASSAGES])
def test_a_candidate_is_filled_with_the_same_documents(
    notes: Collection, spec: PipelineSpec
) -> None:
    before = contents(notes._versions.live())
    version = notes.begin_candidate(spec)
    assert not notes._versions.standing().serves(version.digest)
    report = notes.backfill().wait()
    assert (report.n_added, report.failures) == (8, ())
    assert notes._versions.standing().serves(version.digest)
    after = contents(candidate(notes))
    # The same ids, metadata, places, times: only units and rows may differ.
    assert {d: one[0] for d, one in after.items()} == {d: one[0] for d, one in before.items()}
    if spec is OTHER_PASSAGES:
        assert len(before["long"][1]) == 1
        assert len(after["long"][1]) > 5
        assert " ".join(after["long"][1]) == SENTENCES
    else:
        assert after == before
    assert notes.digest != version.digest
    assert notes.search("ferry", k=1)[0].document.source.endswith("ferry.txt")


def test_rows_are_taken_over_bit_by_bit_where_nothing_is_encoded(
    notes: Collection, monkeypatch: pytest.MonkeyPatch
) -> None:
    notes.begin_candidate(OTHER_BITS)

    def refused(*_: Any, **__: Any) -> None:
        raise AssertionError("nothing has to be encoded")

    monkeypatch.setattr(FakeEncoder, "encode_documents", refused)
    notes.backfill()
    for doc_id in contents(notes._versions.live()):
        pairs = zip(
            rows(notes._versions.live(), doc_id), rows(candidate(notes), doc_id), strict=True
        )
        for (values, scales), (other_values, other_scales) in pairs:
            assert np.array_equal(values, other_values)
            assert np.array_equal(scales, other_scales)


def test_only_a_changed_space_is_encoded(library: Library, monkeypatch: pytest.MonkeyPatch) -> None:
    both = "spaces: {text: {}, look: {encoder: %s}}"
    target = library.collection("two", create=True, pipeline=parse_spec(both % "minilm"))
    target.add([{"id": f"r{n}", "text": f"record {n}. A tram."} for n in range(3)])
    target.add(b"a file with a lamp", name="lamp.txt")
    encoded: list[str] = []
    real = FakeEncoder.encode_documents

    def counted(self: FakeEncoder, units: Any, **options: Any) -> Any:
        encoded.append(self.info.name)
        return real(self, units, **options)

    monkeypatch.setattr(FakeEncoder, "encode_documents", counted)
    target.begin_candidate(parse_spec(both % "colbert-small"))
    target.backfill()
    assert set(encoded) == {"colbert-small"}
    live, other = target._versions.live(), candidate(target)
    for doc_id in contents(live):
        pairs = zip(rows(live, doc_id), rows(other, doc_id), strict=True)
        assert all(np.array_equal(a[0], b[0]) for a, b in pairs)


def test_a_version_that_only_searches_otherwise_shares_the_index(notes: Collection) -> None:
    version = notes.begin_candidate(OTHER_SEARCH)
    assert version.store == notes._versions.standing().live.store
    assert version.digest != notes.digest
    assert notes._versions.standing().serves(version.digest)
    notes.add({"id": "new", "text": "a new one"})
    assert contents(candidate(notes)).keys() == contents(notes._versions.live()).keys()
    notes.retire(version.digest)
    assert notes.search("ferry", k=1)


def test_the_live_pipeline_is_no_candidate(notes: Collection) -> None:
    with pytest.raises(ReleaseStateError, match="is that of the live version"):
        notes.begin_candidate("default")
    notes.begin_candidate(OTHER_BITS)
    assert notes.begin_candidate(OTHER_BITS) == candidate(notes).version  # again: the same
    with pytest.raises(ReleaseStateError, match="points at"):
        notes.begin_candidate(OTHER_ENCODER)


def test_without_a_candidate_there_is_nothing_to_fill(notes: Collection) -> None:
    with pytest.raises(NotFoundError, match="has no candidate"):
        notes.backfill()


def test_what_is_written_goes_to_both(notes: Collection, tmp_path: Path) -> None:
    notes.begin_candidate(OTHER_ENCODER)
    notes.add({"id": "early", "text": "before it is filled"})
    notes.backfill()
    assert is_in_line(notes)
    file = tmp_path / "buoy.txt"
    file.write_text("The buoy is red.")
    notes.add(file)
    notes.add({"id": "r1", "text": "another text"})
    notes.add({"id": "r2", "title": "T2", "text": "record 2. A tram.", "colour": "red"})
    assert notes.delete(["r3", "nobody"]) == 1
    assert is_in_line(notes)
    file.write_text("The buoy is green.")
    notes.add(file)
    assert is_in_line(notes)
    found = contents(candidate(notes))
    assert found["r1"][1] == ["another text"]
    assert found["r2"][0].metadata == {"colour": "red"}
    assert "r3" not in found
    assert [one for one in found.values() if one[1] == ["The buoy is red."]] == []


def test_a_candidate_that_cannot_be_written_to_keeps_nobody_from_adding(
    notes: Collection, monkeypatch: pytest.MonkeyPatch
) -> None:
    notes.begin_candidate(OTHER_ENCODER)
    notes.backfill()
    real = FakeEncoder.encode_documents

    def failing(self: FakeEncoder, units: Any, **options: Any) -> Any:
        if self.info.name == "minilm":
            raise ModelError("out of order")
        return real(self, units, **options)

    with monkeypatch.context() as patch:
        patch.setattr(FakeEncoder, "encode_documents", failing)
        assert notes.add({"id": "new", "text": "a new one"}).wait().n_added == 1
        assert "out of order" in str(notes._mirror.error)
    assert notes._versions.notes.count_debts() == {candidate(notes).version.store: 1}
    notes._mirror.follow()
    assert is_in_line(notes)


def test_what_the_candidate_cannot_read_is_left_out_and_said(
    notes: Collection, tmp_path: Path
) -> None:
    big = tmp_path / "big.txt"
    big.write_text("A long story. " * 100)
    notes.add(big)
    notes.begin_candidate(parse_spec("extract: {max_bytes: 500}"))
    report = notes.backfill().wait()
    assert [Path(one.source).name for one in report.failures] == ["big.txt"]
    (left,) = notes._versions.notes.left_out(candidate(notes).version.store)
    assert left.code == "file_too_large"
    assert not candidate(notes).store.snapshot().contains(left.doc_id)
    big.write_text("A short story.")
    notes.add(big)
    assert is_in_line(notes)


def test_what_is_deleted_while_it_is_found_hopeless_is_not_left_out_for_ever(
    notes: Collection, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refused(self: Any, source: Any, options: Any) -> None:
        raise DamagedFileError("broken")

    real = mirror._failed

    def found(*given: Any) -> Any:
        failed = real(*given)
        if failed:  # meanwhile somebody deletes it, and the candidate follows
            assert notes.delete([one.doc_id for one in failed]) == 2
        return failed

    monkeypatch.setattr(ExtractionPool, "extract", refused)
    monkeypatch.setattr(mirror, "_failed", found)
    notes.begin_candidate(OTHER_ENCODER)
    notes.backfill()
    assert notes._versions.notes.left_out(candidate(notes).version.store) == []
    assert is_in_line(notes)


def test_a_lost_original_fails_alone(notes: Collection) -> None:
    lost = next(one for one in notes.documents() if one.source.endswith("ferry.txt"))
    notes._versions.live().originals.path(lost.sha256).unlink()
    notes.begin_candidate(OTHER_ENCODER)
    (failure,) = notes.backfill().wait().failures
    assert failure.code == ExtractionError.code
    assert "original is not in the library" in failure.message


def test_records_from_before_their_texts_were_kept_are_put_together(
    notes: Collection, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = Writer.add

    def without_text(self: Writer, *given: Any) -> None:
        real(self, *given[:5])

    with monkeypatch.context() as patch:
        patch.setattr(Writer, "add", without_text)
        notes.add({"id": "old", "title": "Old", "text": SENTENCES})
    assert notes._versions.live().store.snapshot().text_of("old") == ""
    notes.begin_candidate(OTHER_PASSAGES)
    assert notes.backfill().wait().failures == ()
    assert is_in_line(notes)
    assert " ".join(contents(candidate(notes))["old"][1]).split() == f"Old {SENTENCES}".split()


@given(st.lists(st.sampled_from(["A word.", "One more here!", "\n\n", " ", "x" * 130]), min_size=1))
def test_joined_passages_have_the_texts_words_and_places(parts: list[str]) -> None:
    text = " ".join(parts)
    if not text.strip():
        return
    units = extract_record(text, "A title").units
    joined = joined_text(units)
    assert joined.split() == f"A title {text}".split()
    for unit in units:
        assert unit.locator.span is not None
        assert joined[unit.locator.span.start : unit.locator.span.end] == unit.text


def test_given_vectors_stay_where_their_encoder_does(notes: Collection) -> None:
    own = np.eye(64, dtype=np.float32)[:3]
    notes.add([{"id": "v", "text": "some words", "vectors": own}, {"id": "w", "vectors": own}])
    notes.begin_candidate(OTHER_PASSAGES)
    assert notes.backfill().wait().failures == ()
    (values, scales), = rows(candidate(notes), "v")  # fmt: skip
    assert np.allclose(values * scales[:, None], own)
    notes.retire(candidate(notes).version.digest)
    notes.begin_candidate(OTHER_ENCODER)
    (failure,) = notes.backfill().wait().failures
    assert "came with its own vectors and no text" in failure.message
    assert contents(candidate(notes)).keys() == contents(notes._versions.live()).keys() - {"w"}


def test_retiring_frees_the_index_and_keeps_the_originals(notes: Collection) -> None:
    version = notes.begin_candidate(OTHER_ENCODER)
    notes.backfill()
    path = candidate(notes).store.path
    notes.retire(version.digest)
    assert not path.exists()
    assert list(notes.versions()) == [notes.digest]
    notes.retire(version.digest)  # again: nothing
    with pytest.raises(ReleaseStateError, match="is the live version"):
        notes.retire(notes.digest)
    assert notes.begin_candidate(OTHER_ENCODER).store == version.store
    assert notes.backfill().wait().n_added == 8


def test_compaction_keeps_what_any_generation_needs(notes: Collection) -> None:
    notes.begin_candidate(OTHER_ENCODER)
    notes.backfill()
    file = next(one for one in notes.documents() if one.source.endswith("ferry.txt"))
    # As if the candidate were behind: the live generation alone has lost the file.
    with notes._versions.live().store.writer() as writer:
        writer.delete([file.doc_id])
        writer.commit()
    notes.compact()
    assert notes._versions.live().originals.path(file.sha256).exists()
    assert notes._mirror.compare(candidate(notes).version.store) == 1
    notes.compact()
    assert not notes._versions.live().originals.path(file.sha256).exists()


def test_a_moved_alias_is_followed_by_whoever_holds_the_collection(
    library: Library, notes: Collection
) -> None:
    elsewhere = Library(library.root, library.settings).collection("notes")
    before = notes.digest
    version = notes.begin_candidate(OTHER_ENCODER)
    notes.backfill()
    notes._versions.notes.move(LIVE, before, version.digest)
    assert elsewhere.digest == notes.digest == version.digest
    elsewhere.add({"id": "later", "text": "a later one"})
    assert notes.search("later", k=1)[0].doc_id == "later"
    old = notes._versions.open(notes.versions()[before])
    assert is_in_line(notes, old)
    notes._versions.notes.move(LIVE, version.digest, before)
    assert elsewhere.search("later", k=1)[0].doc_id == "later"


def test_one_who_moves_an_alias_that_was_moved_is_told(notes: Collection) -> None:
    version = notes.begin_candidate(OTHER_ENCODER)
    with pytest.raises(ReleaseStateError, match="not built yet"):
        notes._versions.notes.move(LIVE, notes.digest, version.digest)
    notes.backfill()
    with pytest.raises(ReleaseConflictError, match="another process moved it first"):
        notes._versions.notes.move(LIVE, "0123", version.digest)


def test_nobody_writes_to_what_is_no_longer_live(notes: Collection) -> None:
    before = notes._versions.live()
    version = notes.begin_candidate(OTHER_ENCODER)
    notes.backfill()
    announce = notes._mirror._announce(before)
    notes._versions.notes.move(LIVE, before.version.digest, version.digest)
    with pytest.raises(GenerationMovedError):
        announce(["d"])
    assert notes._versions.notes.count_debts() == {}


def test_who_owes_a_document_takes_it_over_before_it_is_written_again(notes: Collection) -> None:
    before = notes._versions.live()
    version = notes.begin_candidate(OTHER_ENCODER)
    notes.backfill()
    # Written to the old live generation and not yet to the new one when the alias moved.
    with before.store.writer() as writer:
        writer.delete(["r1"])
        notes._mirror._announce(before)(["r1"])
        writer.commit()
    notes._versions.notes.move(LIVE, before.version.digest, version.digest)
    assert notes._versions.live().store.snapshot().contains("r1")
    notes.add({"id": "r1", "text": "written again"})
    assert is_in_line(notes, before)
    assert notes.get("r1").units[0].text == "written again"
    notes.delete(["r2"])
    assert is_in_line(notes, before)


def test_a_restored_backup_answers_from_nothing_that_was_not_compared(
    library: Library, notes: Collection, tmp_path: Path
) -> None:
    import latelight

    version = notes.begin_candidate(OTHER_ENCODER)
    notes.backfill()
    notes.begin_candidate(OTHER_ENCODER)
    library.backup(tmp_path / "backup")
    restored = latelight.restore(tmp_path / "backup", tmp_path / "again", settings=library.settings)
    again = restored.collection("notes")
    assert not again._versions.standing().serves(version.digest)
    assert again.backfill().wait().n_added == 0
    assert again._versions.standing().serves(version.digest)
    assert is_in_line(again)


def test_dropping_forgets_every_generation(library: Library, notes: Collection) -> None:
    notes.begin_candidate(OTHER_ENCODER)
    library.drop_collection("notes")
    with pytest.raises(NotFoundError, match="was dropped"):
        notes.search("ferry")
    made = library.collection("notes", create=True)
    assert len(made.versions()) == 1


OPERATIONS = st.lists(
    st.tuples(
        st.sampled_from(["add", "delete", "half add", "half delete", "follow", "move"]),
        st.sampled_from(["a", "b", "c"]),
        st.integers(0, 3),
    ),
    max_size=12,
)


@settings(
    max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(OPERATIONS)
def test_whatever_is_done_and_left_half_done_both_end_alike(
    tmp_path_factory: pytest.TempPathFactory,
    monkeypatch: pytest.MonkeyPatch,
    operations: list[tuple[str, str, int]],
) -> None:
    """Against a dictionary: a half operation is one that was killed after its first write."""
    monkeypatch.setattr(engine, "create_encoder", lambda name, **_: FakeEncoder(dim=64, name=name))
    engine.shared_encoder.cache_clear()
    library = Library(tmp_path_factory.mktemp("l"), Settings(n_threads=1, commit_seconds=0))
    target = library.collection("c", create=True)
    target.begin_candidate(OTHER_BITS)
    target.backfill()
    truth: dict[str, str] = {}
    for operation, doc_id, number in operations:
        text = f"number {number}"
        with monkeypatch.context() as patch:
            if operation.startswith("half"):
                patch.setattr(type(target._mirror), "follow", lambda self: None)
            if operation.endswith("add"):
                target.add({"id": doc_id, "text": text})
                truth[doc_id] = text
            elif operation.endswith("delete"):
                target.delete([doc_id])
                truth.pop(doc_id, None)
            elif operation == "follow":
                target._mirror.follow()
            else:
                standing = target._versions.standing()
                (other,) = set(standing.versions) - {standing.live.digest}
                target._versions.notes.move(LIVE, standing.live.digest, other)
    store = target._versions.standing().live.store
    target._mirror.settle(store)
    target._mirror.follow()
    for version in target.versions().values():
        found = contents(target._versions.open(version))
        assert {d: one[1] for d, one in found.items()} == {d: [t] for d, t in truth.items()}
    assert json.dumps(target._versions.notes.count_debts()) == "{}"
    engine.shared_encoder.cache_clear()
