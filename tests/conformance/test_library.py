"""What holds for a library here and for one behind a server, word for word."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from latelight.errors import (
    FilterError,
    InputError,
    NotFoundError,
    QueryError,
    SettingError,
    UnsupportedMediaError,
)
from latelight.pipelines.progress import Encoded, Ended, Event, ItemFailed, Started
from latelight.pipelines.spec import PipelineSpec, SearchSpec
from tests.conformance.conftest import RECORDS, AnyCollection, AnyLibrary

# -- collections -----------------------------------------------------------------------------


def test_collections_are_made_listed_and_dropped(library: AnyLibrary) -> None:
    assert library.collections() == []
    made = library.collection("reports", create=True)
    again = library.collection("reports", create=True)
    assert made.digest == again.digest
    assert (made.name, made.namespace, made.spec.name) == ("reports", "default", "default")
    library.collection("other", create=True, namespace="team")
    assert library.collections() == ["reports"]
    assert library.collections(namespace="team") == ["other"]
    assert library.collections(namespace="nobody") == []
    found = {(namespace, one.name) for namespace, one in library.every_collection()}
    assert found == {("default", "reports"), ("team", "other")}
    library.drop_collection("reports")
    assert library.collections() == []


def test_what_is_missing_or_misnamed_is_said(library: AnyLibrary) -> None:
    with pytest.raises(NotFoundError):
        library.collection("reports")
    with pytest.raises(NotFoundError):
        library.drop_collection("reports")
    with pytest.raises(InputError, match="collection"):
        library.collection("no/good")
    with pytest.raises(NotFoundError, match="pipeline"):
        library.collection("reports", create=True, pipeline="no-such-thing")


def test_a_pipeline_comes_as_a_spec_or_a_file(library: AnyLibrary, tmp_path: Path) -> None:
    spec = PipelineSpec(name="deep", search=SearchSpec(k=3))
    assert library.collection("a", create=True, pipeline=spec).spec == spec
    file = tmp_path / "deep.yaml"
    file.write_text("name: deep\nsearch: {k: 3}\n")
    target = library.collection("b", create=True, pipeline=file)
    assert target.spec == spec
    target.add([{"id": str(n), "text": "ferry"} for n in range(5)])
    assert len(target.search("ferry")) == 3
    (tmp_path / "bad.yaml").write_text("nam: deep\n")
    with pytest.raises(SettingError):
        library.collection("c", create=True, pipeline=tmp_path / "bad.yaml")


# -- adding ----------------------------------------------------------------------------------


def test_folders_files_and_globs_are_added(library: AnyLibrary, tmp_path: Path) -> None:
    for name in ("files/2022/report.txt", "files/2023/report.txt", "files/notes.md"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(f"The ferry of {name}.")
    target = library.collection("reports", create=True)
    job = target.add(tmp_path / "files", metadata={"team": "sea"})
    assert job.state == "done"
    assert job.wait().n_added == 3
    assert job.done
    assert job.errors == ()
    assert job.progress.n_done == 3
    assert len(target.documents()) == 3
    again = target.add(str(tmp_path / "files" / "**" / "*")).wait()
    assert (again.n_added, again.n_unchanged + again.n_replaced) == (0, 3)
    (tmp_path / "files/2023/report.txt").write_text("Another text about trams.")
    changed = target.add(tmp_path / "files").wait()
    assert (changed.n_added, changed.n_replaced) == (0, 3 - changed.n_unchanged)
    assert len(target.documents()) == 3
    sources = {hit.document.source.rsplit("/", 2)[-2] for hit in target.search("report ferry")}
    assert "2022" in sources


def test_a_file_has_the_id_and_metadata_that_are_given(library: AnyLibrary, tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("The ferry.")
    target = library.collection("reports", create=True)
    target.add(tmp_path / "a.txt", doc_id="ferry", metadata={"year": 2023})
    stored = target.get("ferry")
    assert stored.document.metadata == {"year": 2023}
    assert stored.document.media_type == "text/plain"
    assert stored.document.n_bytes == 10
    assert stored.units[0].text == "The ferry."
    with pytest.raises(InputError, match="items"):
        target.add([tmp_path / "a.txt", b"x"], doc_id="two", name="b.txt")


def test_jsonl_holds_records_and_its_lines_are_replaced(
    library: AnyLibrary, tmp_path: Path
) -> None:
    lines = tmp_path / "r.jsonl"
    lines.write_text('{"text": "one ferry"}\n{"text": "two"}\nnone\n')
    target = library.collection("reports", create=True)
    report = target.add(lines).wait()
    assert (report.n_added, len(report.failures)) == (2, 1)
    lines.write_text('{"text": "one tram"}\n{"text": "two"}\n')
    target.add(lines)
    assert {target.get(d.doc_id).units[0].text for d in target.documents()} == {"one tram", "two"}


def test_what_cannot_be_read_fails_alone_with_its_reason(
    library: AnyLibrary, tmp_path: Path
) -> None:
    (tmp_path / "files").mkdir()
    (tmp_path / "files" / "bad.pdf").write_bytes(b"%PDF-1.7 no more")
    (tmp_path / "files" / "good.txt").write_text("The ferry.")
    target = library.collection("reports", create=True)
    heard: list[Event] = []
    job = target.add(tmp_path / "files", progress=heard.append)
    report = job.wait()
    assert (report.n_added, report.state) == (1, "done")
    (failure,) = report.failures
    assert failure.source.endswith("bad.pdf")
    assert failure.code == "damaged_file"
    assert job.failures == report.failures
    assert any(isinstance(one, Started) for one in heard)
    assert any(isinstance(one, Encoded) for one in heard)
    assert [one.failure for one in heard if isinstance(one, ItemFailed)] == [failure]
    assert isinstance(heard[-1], Ended)
    with pytest.raises(NotFoundError):
        target.add(tmp_path / "nothing-here")
    with pytest.raises(InputError, match="Bytes need a name"):
        target.add(b"abc")
    with pytest.raises(InputError, match="Metadata"):
        target.add(RECORDS, metadata={"a": {"b": 1}})  # type: ignore[dict-item]


def test_jobs_are_listed_found_and_heard(library: AnyLibrary) -> None:
    target = library.collection("reports", create=True)
    job = target.add(RECORDS, wait=False)
    events = list(job.events())
    assert isinstance(events[-1], Ended)
    job.wait()
    (summary,) = library.jobs(collection="reports")
    assert (summary.record.job_id, summary.state) == (job.id, "done")
    assert summary.record.progress.n_added == len(RECORDS)
    assert library.job(job.id[:10]).id == job.id
    assert target.job(job.id).state == "done"
    with pytest.raises(NotFoundError):
        library.job("no-such-job")
    library.collection("other", create=True)
    with pytest.raises(NotFoundError, match="reports"):
        library.collection("other").job(job.id)


def test_the_beginning_of_several_ids_says_whose(library: AnyLibrary) -> None:
    notes = library.collection("notes", create=True)
    ids = sorted(notes.add([{"id": f"d{n}", "text": "The ferry."}]).id for n in range(4))
    shared = ids[0][:2]
    with pytest.raises(NotFoundError, match=f"several jobs \\({ids[0]}, .*, …\\)"):
        library.job(shared)
    with pytest.raises(NotFoundError, match="several jobs"):
        notes.job(shared)
    with pytest.raises(NotFoundError, match="'no such'"):
        library.job("no such")
    assert library.job(ids[0]).id == ids[0]


def test_a_job_can_try_again_what_has_failed(library: AnyLibrary) -> None:
    target = library.collection("reports", create=True)
    job = target.add([b"%PDF-1.7 no more"], name="bad.pdf")
    assert len(job.retry_failed().wait().failures) == 1
    job.cancel()
    assert job.resume is not None


# -- searching -------------------------------------------------------------------------------


def test_hits_carry_everything(paper: AnyCollection) -> None:
    hits = paper.search("the ferry timetable", explain=True)
    hit = hits[0]
    assert (hit.doc_id, hit.rank, hits.query) == ("page", 1, "the ferry timetable")
    assert hit.document == paper.get("page").document
    assert hit.unit == paper.get("page").units[0]
    assert hit.place == "page 1"
    assert sum(e.contribution for e in hit.evidence) == pytest.approx(hit.score)
    ferry = next(e for e in hit.evidence if e.token == "ferry" and e.signal == "maxsim")
    assert ferry.text == "ferry"
    assert ferry.locator.box is not None
    assert "ferry" in hit.snippet().plain()
    assert {stage.name for stage in hits.stages} >= {"encode", "evidence"}
    assert hits.to_dict()["hits"][0] == hit.to_dict()
    assert isinstance(repr(hits), str)
    assert len(hits[:2]) == 2


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ({"k": 1}, ["page"]),
        ({"filter": {"year": {"$lt": 2024}}}, ["boats", "a/b c?"]),
        ({"filter": {"year": 1999}}, []),
        ({"mode": "bm25"}, ["page", "boats", "a/b c?"]),
        ({"mode": "maxsim", "exact": True, "group_by": "document", "k": 1}, ["page"]),
        ({"recall": "best", "key": "somebody", "k": 1}, ["page"]),
    ],
)
def test_options_do_what_they_say(
    paper: AnyCollection, options: dict[str, object], expected: list[str]
) -> None:
    found = [hit.doc_id for hit in paper.search("harbour ferry timetable", **options)]  # type: ignore[arg-type]
    assert found[: len(expected)] == expected
    assert len(found) >= len(expected)
    if not expected:
        assert found == []


@pytest.mark.parametrize(
    ("options", "kind"),
    [
        ({"text": ""}, QueryError),
        ({"text": "  "}, QueryError),
        ({"text": "?!"}, QueryError),
        ({"text": "a", "k": 0}, InputError),
        ({"text": "a", "mode": "magic"}, InputError),
        ({"text": "a", "recall": "perfect"}, InputError),
        ({"text": "a", "group_by": "page"}, InputError),
        ({"text": "a", "filter": {"$no": 1}}, FilterError),
        ({}, InputError),
        ({"text": "a", "image": b"a"}, InputError),
        ({"image": "no-such-file.png"}, NotFoundError),
    ],
)
def test_what_cannot_be_asked_is_refused(
    paper: AnyCollection, options: dict[str, object], kind: type[Exception]
) -> None:
    with pytest.raises(kind) as told:
        paper.search(**options)  # type: ignore[arg-type]
    assert type(told.value) is kind


def test_without_explain_there_is_nothing_to_show(paper: AnyCollection) -> None:
    hit = paper.search("ferry")[0]
    for show in (hit.snippet, hit.heatmap):
        with pytest.raises(InputError, match="explain=True"):
            show()


def test_many_queries_are_answered_in_their_order(paper: AnyCollection) -> None:
    found = paper.search_batch(["ferry timetable", "keeper wages"], k=1, explain=True)
    assert [hits.query for hits in found] == ["ferry timetable", "keeper wages"]
    assert all(len(hits) == 1 and hits[0].evidence for hits in found)
    keyed = paper.search_batch(["ferry", "wages", "slash"], key=["a", None, "a"], k=1)
    assert [hits.query for hits in keyed] == ["ferry", "wages", "slash"]
    assert paper.search_batch([]) == []
    with pytest.raises(InputError, match="2 keys for 1 queries"):
        paper.search_batch(["ferry"], key=["a", "b"])
    with pytest.raises(InputError, match="list of texts"):
        paper.search_batch("ferry")
    with pytest.raises(QueryError):
        paper.search_batch(["ferry", " "])


def test_a_document_is_explained_however_it_ranks(paper: AnyCollection) -> None:
    hits = paper.explain("keeper", "a/b c?")
    assert [hit.doc_id for hit in hits] == ["a/b c?"]
    unit = hits[0].unit.unit_id
    assert paper.explain("keeper", "a/b c?", unit_id=unit)[0].score == hits[0].score
    with pytest.raises(NotFoundError):
        paper.explain("keeper", "nothing")
    with pytest.raises(NotFoundError):
        paper.explain("keeper", "page", unit_id="nothing")


def test_more_like_this(paper: AnyCollection) -> None:
    unit = paper.get("page").units[0].unit_id
    assert paper.similar("page", unit, box=(0, 0, 1, 0.5))[0].doc_id == "boats"
    low = paper.similar("page", unit, box=(0, 0.5, 1, 1), explain=True, exact=True, mode="maxsim")
    assert low[0].doc_id == "lamps"
    assert low[0].evidence
    with pytest.raises(InputError, match="box"):
        paper.similar("page", unit, box=(0.5, 0.5, 0.1, 0.1))
    with pytest.raises(NotFoundError):
        paper.similar("nothing", unit)


# -- pictures --------------------------------------------------------------------------------


def test_pages_and_their_light_are_drawn(paper: AnyCollection, tmp_path: Path) -> None:
    hit = paper.search("ferry wages", explain=True, k=1)[0]
    page = hit.preview()
    whole, one = hit.heatmap(), hit.heatmap("ferry")
    assert page.height > page.width > 100
    assert whole.peak > 0
    assert whole.save(tmp_path / "why.png").stat().st_size > 1000
    top, bottom = _light(one.image)
    assert top > 3 * bottom, "only the word's own place is lit"
    with pytest.raises(InputError, match="tram"):
        hit.heatmap("tram")


def test_row_maps_hold_every_row(paper: AnyCollection) -> None:
    hit = paper.search("ferry wages", explain=True, k=1)[0]
    (one,) = hit.row_maps()
    assert [token.text for token in one.tokens] == ["ferry", "wages"]
    assert one.similarities.shape == (2, 6)
    best = one.similarities.max(axis=1)
    ours = {e.token: e.similarity for e in hit.evidence if e.signal == "maxsim"}
    np.testing.assert_allclose(best, [ours["ferry"], ours["wages"]], atol=1e-3)
    box = one.locators.locators_of(int(one.similarities[0].argmax()), hit.unit.locator)[0].box
    assert box is not None
    assert box.top < 0.5


def test_text_alone_has_no_picture(paper: AnyCollection) -> None:
    hit = paper.search("slash id", explain=True, k=1)[0]
    assert hit.doc_id == "a/b c?"
    with pytest.raises((UnsupportedMediaError, NotFoundError)):  # records keep no file
        hit.preview()
    with pytest.raises(InputError, match="no picture"):
        hit.heatmap()


# -- looking, deleting -----------------------------------------------------------------------


def test_documents_are_listed_and_looked_at(paper: AnyCollection) -> None:
    assert {one.doc_id for one in paper.documents()} == {"page", "boats", "lamps", "a/b c?"}
    odd = paper.get("a/b c?")
    assert (odd.document.title, odd.document.metadata) == ("Odd", {"year": 2023})
    with pytest.raises(NotFoundError):
        paper.get("nothing")


def test_documents_are_deleted(paper: AnyCollection) -> None:
    assert paper.delete(["boats", "a/b c?", "nothing"]) == 2
    assert paper.delete([]) == 0
    assert {hit.doc_id for hit in paper.search("ferry")} == {"page", "lamps"}
    with pytest.raises(InputError, match="list of ids"):
        paper.delete("lamps")


def test_stats_count(paper: AnyCollection) -> None:
    found = paper.stats()
    assert (found.n_documents, found.n_units, found.pipeline) == (4, 4, "default")
    assert found.n_rows > 6
    assert found.spaces["text"]["dim"] == 64
    assert found.digest == paper.digest


def _light(picture: Image.Image) -> tuple[float, float]:
    """Return how much colour is in the upper and the lower half of the page below the caption."""
    pixels = np.asarray(picture.convert("HSV"), np.float32)[:, :, 1]
    page = pixels[-int(pixels.shape[0] * 0.8) :]
    half = len(page) // 2
    return float(page[:half].sum()), float(page[half:].sum())
