"""What `add` packs: names, groups, and what stays here."""

import base64
import os
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from latelight.client import parcels
from latelight.client.parcels import Files, Packed, Records
from latelight.errors import InputError, NotFoundError
from latelight.pipelines.inputs import sort_given
from latelight.pipelines.records import record_item


def packed(what: Any, **options: Any) -> tuple[list[parcels.Parcel], Packed]:
    own = Packed(sort_given(what, options.pop("metadata", {}), **options))
    return list(own.parcels()), own


def names(found: list[parcels.Parcel]) -> list[list[str]]:
    return [[part.name for part in one.parts] for one in found if isinstance(one, Files)]


@pytest.fixture
def filings(tmp_path: Path) -> Path:
    for name in ("filings/2022/report.txt", "filings/2023/report.txt", "notes/report.txt"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(name)
    return tmp_path


def test_names_tell_nothing_of_this_machine_and_stay_apart(filings: Path) -> None:
    inside = ["filings/2022/report.txt", "filings/2023/report.txt"]
    assert names(packed(filings / "filings")[0]) == [inside]
    assert names(packed(str(filings / "filings" / "**" / "*.txt"))[0]) == [inside]
    assert names(packed(filings / "notes" / "report.txt")[0]) == [["report.txt"]]
    both = [filings / "filings" / "2022", filings / "notes" / "report.txt"]
    assert names(packed(both)[0]) == [["filings/2022/report.txt", "notes/report.txt"]]


def test_a_file_that_is_named_twice_is_sent_once(filings: Path) -> None:
    found, _ = packed([filings / "notes", filings / "notes" / "report.txt"])
    assert names(found) == [["notes/report.txt"]]


def test_requests_hold_so_many_files_and_bytes(
    filings: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(parcels, "MOST_FILES", 2)
    found = packed([filings / "filings", filings / "notes"], metadata={"a": 1})[0]
    assert [len(group) for group in names(found)] == [2, 1]
    monkeypatch.setattr(parcels, "MOST_BYTES", 30)
    assert [len(group) for group in names(packed(filings / "filings")[0])] == [1, 1]
    assert all(isinstance(one, Files) and one.metadata == {"a": 1} for one in found)


def test_what_cannot_be_read_here_stays_here_with_its_reason(filings: Path) -> None:
    os.mkfifo(filings / "notes" / "pipe")
    (filings / "notes" / "link").symlink_to(filings / "filings")
    found, own = packed(filings / "notes")
    assert names(found) == [["notes/report.txt"]]
    assert any("pipe" in warning for warning in own.warnings)
    assert any("symbolic link" in warning for warning in own.warnings)
    found, own = packed(filings / "notes" / "pipe")
    assert found == []
    assert own.failures[0].code == "unreadable_file"


def test_a_path_that_names_nothing_is_an_error(filings: Path) -> None:
    with pytest.raises(NotFoundError):
        packed(filings / "nothing-here")


def test_records_keep_everything_on_the_way(filings: Path) -> None:
    rows = np.eye(3, dtype=np.float32)[:2]
    given = [
        {"id": "a", "title": "A", "text": "one", "year": 1},
        {"id": "b", "vectors": {"text": rows.tolist()}, "locators": {"spans": [[0, 1], [2, 3]]}},
        {"id": "c", "bytes": b"\x00\xff", "name": "c.bin", "metadata": {"year": 3}},
        {"id": "d", "path": str(filings / "notes" / "report.txt"), "year": 4},
    ]
    (parcel,) = packed(given, metadata={"team": "x"})[0]
    assert isinstance(parcel, Records)
    a, b, c, d = (record_item(value, {}, "s") for value in parcel.values)
    assert (a.doc_id, a.title, a.text, a.metadata) == ("a", "A", "one", {"year": 1, "team": "x"})
    np.testing.assert_array_equal(b.vectors["text"].vectors, rows)
    assert b.vectors["text"].locators.spans.tolist() == [[0, 1], [2, 3]]
    assert (c.doc_id, c.name, c.data) == ("c", "c.bin", b"\x00\xff")
    assert c.metadata == {"year": 3, "team": "x"}
    assert (d.doc_id, d.name, d.data) == ("d", "report.txt", b"notes/report.txt")


def test_vectors_without_a_space_and_without_a_place_are_kept_so() -> None:
    value = {"vectors": [[1.0, 0.0]], "locators": {"boxes": [[float("nan")] * 4]}}
    (parcel,) = packed(value)[0]
    assert isinstance(parcel, Records)
    item = record_item(parcel.values[0], {}, "s")
    assert list(item.vectors) == [""]
    assert np.isnan(item.vectors[""].locators.boxes).all()


def test_records_come_in_groups_and_long_files_among_them_alone(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(parcels, "MOST_RECORD_BYTES", 200)
    long = {"id": "long", "bytes": b"x" * 300, "name": "long.bin"}
    given = [{"id": str(n), "text": "y" * 60} for n in range(3)]
    found = packed([*given, long])[0]
    assert sum(len(one.values) for one in found if isinstance(one, Records)) == 3
    assert len([one for one in found if isinstance(one, Records)]) == 3
    (alone,) = [one for one in found if isinstance(one, Files)]
    assert (alone.doc_id, alone.parts[0].content) == ("long", b"x" * 300)


def test_bytes_keep_their_id_and_name() -> None:
    (parcel,) = packed(b"abc", name="a.txt", doc_id="one")[0]
    assert isinstance(parcel, Records)
    (value,) = parcel.values
    assert (value["id"], value["name"]) == ("one", "a.txt")
    assert base64.b64decode(value["bytes"]) == b"abc"


def test_text_that_is_no_unicode_is_refused_with_a_remedy() -> None:
    with pytest.raises(InputError, match="errors='replace'"):
        packed({"id": "a", "text": "\ud800"})


def test_a_generator_is_read_as_it_is_sent(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(parcels, "MOST_RECORDS", 2)
    taken = []

    def records() -> Any:
        for number in range(10):
            taken.append(number)
            yield {"id": str(number), "text": "a"}

    own = Packed(sort_given(records(), {}))
    next(own.parcels())
    assert len(taken) == 3
