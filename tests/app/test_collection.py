import threading
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from latelight.app import Collection, Library
from latelight.errors import InputError, NotFoundError, QueryError
from latelight.types import Document

RECORDS = [
    {"id": "ferry", "title": "The ferry", "text": "The ferry was refitted in 2019.", "year": 2019},
    {
        "id": "lamp",
        "title": "The lamp",
        "text": "The lamp of the lighthouse burns oil.",
        "year": 2020,
    },
    {
        "id": "tram",
        "title": "The tram",
        "text": "The tram depot burned down in winter.",
        "year": 2021,
    },
]


@pytest.fixture
def notes(library: Library) -> Collection:
    target = library.collection("notes", create=True)
    target.add(RECORDS)
    return target


@pytest.mark.parametrize("mode", ["auto", "maxsim", "bm25", "hybrid"])
def test_the_right_record_comes_first_in_every_mode(notes: Collection, mode: str) -> None:
    hits = notes.search("refitted ferry", mode=mode)  # type: ignore[arg-type]
    assert hits[0].doc_id == "ferry"
    assert [hit.rank for hit in hits] == list(range(1, len(hits) + 1))


@settings(max_examples=40, deadline=None)
@given(
    words=st.lists(
        st.sampled_from(["the", "ferry", "lamp", "oil", "winter", "2019", "burns", "zebra"]),
        min_size=1,
    )
)
@pytest.mark.parametrize("mode", ["maxsim", "bm25", "hybrid"])
def test_contributions_add_up_to_the_score(
    shared_notes: Collection, mode: str, words: list[str]
) -> None:
    for hit in shared_notes.search(" ".join(words), mode=mode, explain=True):  # type: ignore[arg-type]
        assert sum(e.contribution for e in hit.evidence) == pytest.approx(hit.score, abs=1e-4)
        for one in hit.evidence:
            if one.text:
                assert one.locator.span is not None


@pytest.fixture(scope="module")
def shared_notes(tmp_path_factory: pytest.TempPathFactory) -> Collection:
    from latelight.app import engine
    from latelight.settings import Settings
    from latelight.testing.encoders import FakeEncoder

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(engine, "create_encoder", lambda *a, **k: FakeEncoder(dim=64))
        engine.shared_encoder.cache_clear()
        root = tmp_path_factory.mktemp("shared") / "library"
        target = Library(root, Settings(n_threads=1)).collection("notes", create=True)
        target.add(RECORDS)
        target.search("load")
    engine.shared_encoder.cache_clear()
    return target


def test_evidence_points_at_the_words_that_matched(notes: Collection) -> None:
    hit = notes.search("lighthouse", explain=True, mode="maxsim")[0]
    (one,) = hit.evidence
    text = "The lamp\nThe lamp of the lighthouse burns oil."
    assert one.locator.span is not None
    assert text[one.locator.span.start : one.locator.span.end] == "lighthouse"
    assert "[lighthouse]" in hit.snippet().plain()


def test_a_filter_is_applied_before_the_hits_are_cut(notes: Collection) -> None:
    hits = notes.search("the", k=1, filter={"year": {"$gte": 2021}})
    assert [hit.doc_id for hit in hits] == ["tram"]
    assert len(notes.search("the", filter={"year": 1900})) == 0


def test_grouping_keeps_the_best_unit_of_each_document(library: Library) -> None:
    target = library.collection("long", create=True)
    sentence = "The lamp burns. "
    target.add([{"id": str(i), "text": sentence * 400} for i in range(3)])
    assert len({hit.doc_id for hit in target.search("lamp", k=10)}) < 10
    grouped = target.search("lamp", k=10, group_by="document")
    assert sorted(hit.doc_id for hit in grouped) == ["0", "1", "2"]


def test_adding_the_same_again_changes_nothing(notes: Collection) -> None:
    before = notes.stats()
    report = notes.add(RECORDS).wait()
    assert (report.n_added, report.n_unchanged) == (0, 3)
    assert notes.stats() == before


def test_new_content_under_an_old_id_replaces_it(notes: Collection) -> None:
    report = notes.add({"id": "ferry", "text": "A new hovercraft arrived."}).wait()
    assert report.n_replaced == 1
    assert notes.stats().n_documents == 3
    assert notes.search("hovercraft", mode="bm25")[0].doc_id == "ferry"
    assert len(notes.search("refitted", mode="bm25")) == 0


def test_changed_metadata_alone_is_a_replacement(notes: Collection) -> None:
    notes.add({**RECORDS[0], "year": 1999})
    assert notes.search("ferry", filter={"year": 1999})[0].doc_id == "ferry"


def test_a_changed_file_takes_the_place_of_its_earlier_self(
    library: Library, tmp_path: Path
) -> None:
    target = library.collection("files", create=True)
    one, other = tmp_path / "one.txt", tmp_path / "other.txt"
    one.write_text("The lamp burns oil.")
    other.write_text("The lamp burns oil.")
    target.add([one, other])
    assert target.stats().n_documents == 1
    one.write_text("The lamp burns gas.")
    target.add([one, other])
    texts = sorted(u.text for d in target.documents() for u in target.get(d.doc_id).units)
    assert texts == ["The lamp burns gas.", "The lamp burns oil."]
    other.write_text("The lamp is electric.")
    target.add([one, other])
    assert target.stats().n_documents == 2


def test_a_changed_line_of_a_file_takes_the_place_of_its_earlier_self(
    library: Library, tmp_path: Path
) -> None:
    target = library.collection("lines", create=True)
    lines = tmp_path / "notes.jsonl"
    lines.write_text('{"text": "a lamp"}\n{"text": "a ferry"}\n{"id": "own", "text": "a tram"}\n')
    target.add(lines)
    lines.write_text('{"text": "a bell"}\n{"text": "a ferry"}\n{"text": "an oar"}\n')
    report = target.add(lines).wait()
    assert (report.n_replaced, report.n_added, report.n_unchanged) == (1, 1, 1)
    texts = sorted(u.text for d in target.documents() for u in target.get(d.doc_id).units)
    assert texts == ["a bell", "a ferry", "a tram", "an oar"]


def test_records_without_an_id_or_a_file_replace_nothing(library: Library) -> None:
    """They have no place of their own, though all are called `record`."""
    target = library.collection("loose", create=True)
    assert target.add({"text": "a lamp"}).wait().n_added == 1
    assert target.add([{"text": "a ferry"}, {"text": "a tram"}]).wait().n_added == 2
    assert target.add({"text": "a lamp"}).wait().n_unchanged == 1
    assert target.stats().n_documents == 3


def test_adding_one_file_reads_no_other_document(
    library: Library, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from latelight.index.documents import DocumentColumns

    target = library.collection("many", create=True)
    target.add([{"id": f"d{i}", "text": f"number {i}"} for i in range(50)])
    (tmp_path / "one.txt").write_text("The lamp burns oil.")
    target.add(tmp_path / "one.txt")
    read: list[int] = []
    real = DocumentColumns.document
    monkeypatch.setattr(
        DocumentColumns, "document", lambda self, n: read.append(n) or real(self, n)
    )
    (tmp_path / "one.txt").write_text("The lamp burns gas.")
    (tmp_path / "two.txt").write_text("The lamp is electric.")
    report = target.add([tmp_path / "one.txt", tmp_path / "two.txt"]).wait()
    assert (report.n_added, report.n_replaced) == (1, 1)
    assert len(read) <= 2


def test_deleted_documents_are_not_found_and_not_kept(library: Library, tmp_path: Path) -> None:
    target = library.collection("files", create=True)
    for name in ("one", "two"):
        (tmp_path / f"{name}.txt").write_text(f"The {name} lamp.")
    target.add(tmp_path / "one.txt", doc_id="one")
    target.add(tmp_path / "two.txt", doc_id="two")
    assert target.delete(["one", "never-there"]) == 1
    assert [hit.doc_id for hit in target.search("lamp")] == ["two"]
    target.compact()
    assert [hit.doc_id for hit in target.search("lamp")] == ["two"]
    assert len(list((library.root / "ns/default/files/originals").iterdir())) == 1
    assert target.verify() == []


def test_a_document_is_checked_while_nobody_can_change_it(notes: Collection) -> None:
    def refuse(document: Document) -> None:
        raise InputError(document.title)

    with pytest.raises(InputError, match="The ferry"):
        notes.delete_checked("ferry", refuse)
    assert len(notes.documents()) == 3
    with pytest.raises(NotFoundError):
        notes.delete_checked("nobody", refuse)

    new = {"id": "ferry", "text": "The ferry was sold."}
    other = threading.Thread(target=notes.add, args=([new],))

    def change_meanwhile(document: Document) -> None:
        assert document.title == "The ferry"
        other.start()
        other.join(0.3)
        assert other.is_alive()

    notes.delete_checked("ferry", change_meanwhile)
    other.join(60)
    assert notes.get("ferry").units[0].text == "The ferry was sold."


def test_a_bad_file_fails_alone(library: Library, tmp_path: Path) -> None:
    (tmp_path / "good.txt").write_text("The lamp burns oil.")
    (tmp_path / "empty.txt").write_bytes(b"")
    (tmp_path / "random.pdf").write_bytes(bytes(range(256)) * 4)
    (tmp_path / "records.jsonl").write_text('{"id": "r", "text": "The tram."}\nbroken\n')
    job = library.collection("files", create=True).add(tmp_path)
    report = job.wait()
    assert report.n_added == 2
    failed = {Path(f.source).name: f.code for f in job.errors}
    assert failed["empty.txt"] == "empty_file"
    assert set(failed) == {"empty.txt", "random.pdf", "records.jsonl:2"}


def test_explain_shows_a_document_however_it_ranks(notes: Collection) -> None:
    hit = notes.explain("refitted ferry", "tram")[0]
    assert hit.doc_id == "tram"
    assert sum(e.contribution for e in hit.evidence) == pytest.approx(hit.score, abs=1e-4)
    with pytest.raises(NotFoundError):
        notes.explain("ferry", "no-such-document")
    with pytest.raises(NotFoundError, match="no unit 'p9'"):
        notes.explain("ferry", "tram", unit_id="p9")


def test_a_search_says_what_it_did(notes: Collection) -> None:
    names = [stage.name for stage in notes.search("lamp", mode="hybrid").stages]
    assert names[0] == "encode"
    assert {"allow-list", "maxsim:text", "bm25", "select", "evidence"} <= set(names)


def test_batches_give_what_single_searches_give(notes: Collection) -> None:
    one, other = notes.search_batch(["ferry", "lamp"], k=2)
    assert [h.score for h in one] == [h.score for h in notes.search("ferry", k=2)]
    assert [h.doc_id for h in other] == [h.doc_id for h in notes.search("lamp", k=2)]


def test_wrong_calls_say_what_is_wrong(notes: Collection) -> None:
    with pytest.raises(QueryError):
        notes.search("  ")
    with pytest.raises(InputError, match="k is 0"):
        notes.search("x", k=0)
    with pytest.raises(InputError, match="group_by"):
        notes.search("x", group_by="team")  # type: ignore[arg-type]
    with pytest.raises(InputError, match="either a text or an image"):
        notes.search()
    with pytest.raises(InputError, match="list of ids"):
        notes.delete("ferry")
    with pytest.raises(InputError, match="explain=True"):
        notes.search("ferry")[0].snippet()
    with pytest.raises(InputError, match="no picture"):
        notes.search("ferry", explain=True)[0].heatmap()


def test_an_empty_collection_finds_nothing(library: Library) -> None:
    assert len(library.collection("empty", create=True).search("lamp")) == 0


def test_a_job_in_the_background_ends(library: Library) -> None:
    target = library.collection("later", create=True)
    job = target.add(RECORDS, wait=False)
    assert job.wait(60).n_added == 3
    assert job.done
