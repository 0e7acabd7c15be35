import base64
import io
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from latelight.errors import CorruptFileError, InputError
from latelight.pipelines.inputs import Inputs, sort_given
from latelight.pipelines.items import BadItem, BytesItem, FileItem, Item, RecordItem
from latelight.pipelines.records import parse_vectors, record_item, records_from
from latelight.pipelines.spool import read_spool, write_spool

ROWS = np.eye(4, 8, dtype=np.float32)


def record(value: dict[str, Any], **options: Any) -> Item:
    return record_item(value, {}, "here", **options)


def lines(*values: Any, folder: Path) -> list[Item]:
    text = "\n".join(value if isinstance(value, str) else json.dumps(value) for value in values)
    return list(records_from(io.BytesIO(text.encode()), {}, source="r", folder=folder))


def test_a_record_with_a_path_is_that_file(tmp_path: Path) -> None:
    item = record({"doc_id": 7, "path": str(tmp_path / "a.pdf"), "year": 2020})
    assert item == FileItem(tmp_path / "a.pdf", {"year": 2020}, "7")


def test_a_record_with_bytes_is_a_file_of_its_own() -> None:
    item = record({"id": "a", "bytes": b"%PDF", "name": "a.pdf", "metadata": {"year": 1}})
    assert item == BytesItem("a.pdf", b"%PDF", {"year": 1}, "a")
    in_json = record({"id": "a", "bytes": base64.b64encode(b"%PDF").decode()})
    assert isinstance(in_json, BytesItem) and in_json.data == b"%PDF"
    with pytest.raises(InputError, match="base64"):
        record({"id": "a", "bytes": "no base64!"})


def test_beside_a_text_path_and_bytes_are_metadata() -> None:
    item = record({"text": "words", "path": "a/b", "bytes": 12})
    assert isinstance(item, RecordItem)
    assert item.metadata == {"path": "a/b", "bytes": 12}


@pytest.mark.parametrize("path", ["../secret", "/etc/passwd", "sub/../../x", "link/secret"])
def test_a_path_in_a_file_of_records_stays_in_its_folder(tmp_path: Path, path: str) -> None:
    folder = tmp_path / "in"
    folder.mkdir()
    (folder / "link").symlink_to(tmp_path)
    (item,) = lines({"path": path}, folder=folder)
    assert isinstance(item, BadItem)
    assert "leads out of" in str(item.error)
    (good,) = lines({"path": "sub/a.txt"}, folder=folder)
    assert isinstance(good, FileItem) and good.path == folder / "sub" / "a.txt"
    assert not good.follow_links


def test_vectors_come_with_their_places() -> None:
    value = {"spans": [[0, 1]] * 4, "times": [[0, 0.5]] * 4}
    item = record({"id": "a", "text": "abc", "vectors": {"text": ROWS}, "locators": value})
    assert isinstance(item, RecordItem)
    rows = item.vectors["text"]
    np.testing.assert_array_equal(rows.vectors, ROWS)
    assert rows.locators.spans is not None and rows.locators.spans.shape == (4, 2)
    assert rows.locators.times is not None and rows.locators.boxes is None


@pytest.mark.parametrize(
    ("vectors", "locators", "said"),
    [
        ([1.0, 2.0], None, r"shape \(2,\)"),
        ([], None, "at least one row"),
        ([[1, 0], [1]], None, "no array"),
        ("text", None, "no array"),
        ({}, None, "names no space"),
        ([[3.0, 4.0]], None, "row 0 has length 5"),
        ([[float("nan"), 1.0]], None, "length nan"),
        ([[1.0, 0.0]], {"spans": [[0, 1], [1, 2]]}, r"give \(1, 2\)"),
        ([[1.0, 0.0]], {"span": []}, "some of spans, boxes, times"),
        ([[1.0, 0.0]], {"spans": [["a", "b"]]}, "no array"),
    ],
)
def test_vectors_that_do_not_fit_are_refused(vectors: Any, locators: Any, said: str) -> None:
    with pytest.raises(InputError, match=said):
        parse_vectors(vectors, locators)


def test_other_vectors_are_another_content() -> None:
    items = [record({"text": "a", "vectors": rows}) for rows in (ROWS, ROWS[::-1], {"x": ROWS})]
    plain = record({"text": "a"})
    digests = {i.canonical_bytes() for i in (*items, plain) if isinstance(i, RecordItem)}
    assert len(digests) == 4


def test_lines_are_read_one_at_a_time(tmp_path: Path) -> None:
    class Endless(io.RawIOBase):
        def readable(self) -> bool:
            return True

        def readinto(self, buffer: Any) -> int:
            line = b'{"text": "again"}\n'
            buffer[: len(line)] = line
            return len(line)

    stream = io.BufferedReader(Endless(), 4096)
    found = records_from(stream, {}, source="r", folder=tmp_path)
    assert [next(found).source for _ in range(1000)][-1] == "r:1000"


def test_a_line_that_nests_too_deep_or_is_too_long_fails_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("latelight.pipelines.records.MAX_LINE_BYTES", 500_000)
    deep, long = "[" * 100_000, json.dumps({"text": "x" * 2_000_000})
    found = lines(deep, {"text": "a"}, long, {"text": "b"}, folder=tmp_path)
    assert [type(i) for i in found] == [BadItem, RecordItem, BadItem, RecordItem]
    assert [i.source for i in found] == ["r:1", "r:2", "r:3", "r:4"]


def test_a_spool_gives_back_what_was_put_in(tmp_path: Path) -> None:
    items: list[Item] = [
        BytesItem("a.pdf", b"\x00\xff", {"year": 1}, "a"),
        FileItem(tmp_path / "b", {}, "b", follow_links=False),
        RecordItem("c", "T", "text \ud800", "record:1", {"tags": ["x"]}),
        record({"text": "d", "vectors": ROWS, "locators": {"boxes": np.zeros((4, 4))}}),
    ]
    told = write_spool(tmp_path / "spool", items)
    back = list(read_spool(tmp_path / "spool"))
    assert back == items
    first, second = items[3], back[3]
    assert isinstance(first, RecordItem) and isinstance(second, RecordItem)
    assert first.canonical_bytes() == second.canonical_bytes()
    assert told.n_items == 4
    assert write_spool(tmp_path / "other", items) == told


def test_a_damaged_spool_says_so(tmp_path: Path) -> None:
    write_spool(tmp_path / "spool", [BytesItem("a", b"words")])
    data = (tmp_path / "spool").read_bytes()
    for damaged in (data[:-1], data[:5], data[:8] + b"\xc1" * (len(data) - 8)):
        (tmp_path / "spool").write_bytes(damaged)
        with pytest.raises(CorruptFileError, match="spool"):
            list(read_spool(tmp_path / "spool"))


def test_what_is_asked_can_be_written_down_and_asked_again(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("x")
    given = sort_given([tmp_path / "a.txt", {"id": "r", "text": "y"}], {"year": 1})
    spooled = write_spool(tmp_path / "spool", given.loose)
    asked = Inputs(given.paths, given.metadata, "", spooled, tmp_path / "spool")
    again = Inputs.from_dict(json.loads(asked.to_json()), tmp_path / "spool")
    assert again == asked
    assert again.key == asked.key
    assert [item.source for item in again.items()] == [str(tmp_path / "a.txt"), "record:1"]  # type: ignore[union-attr]
    assert Inputs(given.paths, {"year": 2}).key != Inputs(given.paths, {"year": 1}).key
