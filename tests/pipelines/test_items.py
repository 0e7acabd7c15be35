import io
from pathlib import Path

import pytest

from latelight.errors import InputError, NotFoundError
from latelight.pipelines.inputs import Inputs, sort_given
from latelight.pipelines.items import Addable, BadItem, BytesItem, FileItem, Item, RecordItem
from latelight.pipelines.records import records_from
from latelight.types import Metadata


def items_from(
    what: Addable, metadata: Metadata, *, name: str = "", doc_id: str = ""
) -> list[Item]:
    given = sort_given(what, metadata, name=name, doc_id=doc_id)
    inputs = Inputs(given.paths, given.metadata, given.doc_id)
    return [*(i for i in inputs.items() if isinstance(i, Item)), *given.loose]


def test_a_folder_gives_its_visible_files_in_name_order(tmp_path: Path) -> None:
    (tmp_path / "sub").mkdir()
    (tmp_path / ".git").mkdir()
    for name in ("b.txt", "a.txt", "sub/c.txt", ".hidden", ".git/x.txt"):
        (tmp_path / name).write_text("x")
    items = items_from(tmp_path, {"year": 2023})
    assert [Path(i.source).name for i in items] == ["a.txt", "b.txt", "c.txt"]
    assert all(isinstance(i, FileItem) and i.metadata == {"year": 2023} for i in items)


def test_a_library_below_a_folder_is_not_added_to_itself(tmp_path: Path) -> None:
    (tmp_path / "library").mkdir()
    (tmp_path / "library" / "latelight.json").write_text("{}")
    (tmp_path / "note.txt").write_text("x")
    assert [Path(i.source).name for i in items_from(tmp_path, {})] == ["note.txt"]


def test_a_link_to_a_folder_above_is_not_followed(tmp_path: Path) -> None:
    (tmp_path / "sub").mkdir()
    (tmp_path / "sub" / "a.txt").write_text("x")
    (tmp_path / "sub" / "up").symlink_to(tmp_path)
    assert len(items_from(tmp_path, {})) == 1


def test_a_glob_gives_the_files_that_match(tmp_path: Path) -> None:
    for name in ("one.pdf", "two.pdf", "three.txt"):
        (tmp_path / name).write_text("x")
    items = items_from(str(tmp_path / "*.pdf"), {})
    assert [Path(i.source).name for i in items] == ["one.pdf", "two.pdf"]


def test_a_name_with_glob_letters_is_a_file_first(tmp_path: Path) -> None:
    (tmp_path / "a[1].txt").write_text("x")
    assert len(items_from(tmp_path / "a[1].txt", {})) == 1


def test_nothing_there_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(NotFoundError, match="names no file"):
        items_from(tmp_path / "*.pdf", {})


def test_a_jsonl_file_gives_records_with_their_metadata(tmp_path: Path) -> None:
    path = tmp_path / "r.jsonl"
    path.write_text(
        '{"_id": 7, "title": "T", "text": "body", "team": "a", "metadata": {"year": 2024}}\n\n'
    )
    (item,) = items_from(path, {"lang": "en"})
    assert isinstance(item, RecordItem)
    assert (item.doc_id, item.title, item.text) == ("7", "T", "body")
    assert item.metadata == {"team": "a", "year": 2024, "lang": "en"}
    assert item.source == f"{path.resolve()}:1"


def test_a_bad_line_fails_alone() -> None:
    lines = io.BytesIO(b'{"id": 1, "text": "a"}\nnot json\n[1]\n{"id": 2, "text": 5}\n')
    items = list(records_from(lines, {}, source="in", folder=Path()))
    assert [isinstance(i, BadItem) for i in items] == [False, True, True, True]
    assert [i.source for i in items] == ["in:1", "in:2", "in:3", "in:4"]


def test_bytes_need_a_name() -> None:
    (item,) = items_from(b"hello", {}, name="a.txt", doc_id="mine")
    assert isinstance(item, BytesItem)
    assert item.doc_id == "mine"
    with pytest.raises(InputError, match="Bytes need a name"):
        items_from(b"hello", {})


def test_an_id_for_several_files_is_refused(tmp_path: Path) -> None:
    for name in ("a.txt", "b.txt"):
        (tmp_path / name).write_text("x")
    with pytest.raises(InputError, match="2 items"):
        items_from(tmp_path, {}, doc_id="mine")


def test_metadata_that_cannot_be_filtered_on_is_refused() -> None:
    with pytest.raises(InputError, match="'tags'"):
        items_from({"id": "1", "text": "x", "tags": [{"a": 1}]}, {})
