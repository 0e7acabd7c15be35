"""Files that are handed over: kept until their job is done, known by their own names."""

import hashlib
from pathlib import Path

import pytest

from latelight.app import Collection, Library
from latelight.app.adding import file_name
from latelight.errors import InputError
from latelight.pipelines.items import Upload


def upload(tmp_path: Path, name: str, data: bytes) -> Upload:
    path = tmp_path / f"incoming-{hashlib.sha256(name.encode()).hexdigest()[:8]}"
    path.write_bytes(data)
    return Upload(name, path, hashlib.sha256(data).hexdigest(), len(data))


@pytest.fixture
def notes(library: Library) -> Collection:
    return library.collection("notes", create=True)


def kept_files(notes: Collection) -> list[Path]:
    return [path for path in notes._home.jobs.rglob("*") if path.is_file()]


def test_an_upload_is_known_by_its_name_and_nothing_of_it_stays(
    notes: Collection, tmp_path: Path
) -> None:
    given = upload(tmp_path, "ferry.txt", b"The ferry was refitted in 2019.")
    job = notes.add([given], metadata={"year": 2019})
    assert job.wait().n_added == 1
    (document,) = notes.documents()
    assert (document.source, dict(document.metadata)) == ("ferry.txt", {"year": 2019})
    assert not given.path.exists()
    assert kept_files(notes) == []


def test_new_content_under_an_old_name_replaces_it(notes: Collection, tmp_path: Path) -> None:
    notes.add([upload(tmp_path, "ferry.txt", b"The ferry was refitted.")])
    report = notes.add([upload(tmp_path, "ferry.txt", b"The ferry was sold.")]).wait()
    assert report.n_replaced == 1
    assert len(notes.documents()) == 1


def test_a_prepared_job_can_be_begun_by_another_process(
    library: Library, notes: Collection, tmp_path: Path
) -> None:
    job = notes.prepare([upload(tmp_path, "lamp.md", b"# Lamp\n\nIt burns oil.")])
    assert not notes.documents()
    again = Library(library.root, library.settings).job(job.id)
    assert again.resume().wait().n_added == 1
    assert notes.documents()[0].source == "lamp.md"
    assert kept_files(notes) == []


def test_the_same_upload_again_is_the_same_job(notes: Collection, tmp_path: Path) -> None:
    first = notes.prepare([upload(tmp_path, "lamp.md", b"It burns oil.")])
    second = notes.prepare([upload(tmp_path, "lamp.md", b"It burns oil.")])
    other = notes.prepare([upload(tmp_path, "lamp.md", b"It burns gas.")])
    assert first.id == second.id != other.id


def test_an_uploaded_file_of_records_is_a_document_for_each(
    notes: Collection, tmp_path: Path
) -> None:
    lines = b'{"id": "a", "text": "A tram."}\n\n{"id": "b", "path": "../../latelight.json"}\n'
    job = notes.add([upload(tmp_path, "many.jsonl", lines)], metadata={"year": 1})
    assert job.progress.n_items == 2
    assert [one.doc_id for one in notes.documents()] == ["a"]
    (failure,) = job.errors
    assert failure.source == "many.jsonl:3"
    assert "leads out" in failure.message


def test_a_failed_upload_is_kept_for_another_try_and_goes_with_the_job(
    notes: Collection, tmp_path: Path
) -> None:
    job = notes.add([upload(tmp_path, "bad.pdf", b"%PDF-1.7 nothing")])
    (failure,) = job.errors
    assert failure.source == "bad.pdf"
    assert len(kept_files(notes)) >= 2
    assert job.retry_failed().wait().failures
    job.cancel()
    assert (job.state, kept_files(notes)) == ("done", [])


def test_an_id_is_for_one_upload_only(notes: Collection, tmp_path: Path) -> None:
    two = [upload(tmp_path, "a.txt", b"one"), upload(tmp_path, "b.txt", b"two")]
    with pytest.raises(InputError, match="2 items"):
        notes.add(two, doc_id="one")


@pytest.mark.parametrize(
    "name", ["../../etc/passwd", "/etc/passwd", "..", "", "a\x00b", "CON", "x" * 900]
)
def test_names_on_the_disk_lead_nowhere(name: str, tmp_path: Path) -> None:
    made = file_name(name)
    assert (tmp_path / made).resolve().parent == tmp_path.resolve()
    assert 0 < len(made.encode()) <= 201
    (tmp_path / made).write_bytes(b"")


def test_documents_are_listed_by_id_however_they_were_written(notes: Collection) -> None:
    notes.add([{"id": i, "text": f"note {i}"} for i in ("c", "a", "d")])
    first = notes.list_documents(limit=2)
    notes.delete(["a"])
    notes.add([{"id": "b", "text": "note b"}])
    rest = notes.list_documents(after=first[-1].document.doc_id, limit=2)
    assert [one.document.doc_id for one in (*first, *rest)] == ["a", "c", "d"]
    assert first[0].n_units == 1
