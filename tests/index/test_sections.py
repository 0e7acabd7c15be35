import numpy as np
import pytest

from latelight.errors import CorruptFileError, FormatVersionError
from latelight.index.sections import SectionFile, SectionWriter


def write(path, arrays, requires=()):
    with SectionWriter(path) as writer:
        for name, array in arrays.items():
            writer.add(name, array)
        writer.finish("segment", {"n": 3}, requires)


@pytest.fixture
def path(tmp_path):
    target = tmp_path / "segment.ll"
    write(target, {"a": np.arange(5, dtype=np.int32), "b": np.ones((2, 3), np.float16)})
    return target


def test_arrays_come_back_with_dtype_and_shape(path):
    file = SectionFile.open(path, "segment")
    assert file.array("a").tolist() == [0, 1, 2, 3, 4]
    assert file.array("a").dtype == np.int32
    assert file.array("b").shape == (2, 3)
    assert file.header.attributes == {"n": 3}
    assert "a" in file and "c" not in file


def test_sections_begin_at_multiples_of_64(path):
    entries = SectionFile.open(path, "segment").header.sections
    assert [entry.offset for entry in entries.values()] == [64, 128]


def test_arrays_are_views_that_cannot_be_written(path):
    array = SectionFile.open(path, "segment").array("a")
    with pytest.raises(ValueError, match="read-only"):
        array[0] = 9


def test_chunks_are_written_as_one_array(tmp_path):
    with SectionWriter(tmp_path / "f") as writer:
        writer.add_chunks("x", [np.zeros((0, 2), np.int8), np.ones((1, 2), np.int8)])
        writer.finish("segment", {})
    assert SectionFile.open(tmp_path / "f", "segment").array("x").tolist() == [[1, 1]]


def test_empty_arrays_keep_their_shape(tmp_path):
    write(tmp_path / "f", {"x": np.zeros((0, 128), np.int8)})
    assert SectionFile.open(tmp_path / "f", "segment").array("x").shape == (0, 128)


def test_an_existing_file_is_never_overwritten(path):
    with pytest.raises(FileExistsError):
        SectionWriter(path)


def test_an_unfinished_file_is_not_valid(tmp_path):
    with SectionWriter(tmp_path / "f") as writer:
        writer.add("x", np.ones(100))
    with pytest.raises(CorruptFileError, match="mark"):
        SectionFile.open(tmp_path / "f", "segment")


def test_every_flipped_byte_is_noticed(path):
    good = path.read_bytes()
    for place in range(len(good)):
        path.write_bytes(good[:place] + bytes([good[place] ^ 4]) + good[place + 1 :])
        try:
            found = SectionFile.open(path, "segment").problems()
        except CorruptFileError:
            continue
        assert found, f"byte {place} was flipped unnoticed"


def test_every_cut_is_noticed_at_open(path):
    good = path.read_bytes()
    for length in range(len(good)):
        path.write_bytes(good[:length])
        with pytest.raises(CorruptFileError):
            SectionFile.open(path, "segment")


def test_damage_names_the_section(path):
    data = bytearray(path.read_bytes())
    data[128] ^= 1
    path.write_bytes(data)
    assert [name for name, _ in SectionFile.open(path, "segment").problems()] == ["b"]


def test_a_missing_section_names_file_and_section(path):
    with pytest.raises(CorruptFileError, match=r"segment\.ll has no section 'zzz'"):
        SectionFile.open(path, "segment").array("zzz")


def test_another_kind_of_file_is_refused(path):
    with pytest.raises(CorruptFileError, match="'tombstones'"):
        SectionFile.open(path, "tombstones")


def test_an_unknown_required_feature_asks_for_an_upgrade(tmp_path):
    write(tmp_path / "f", {}, requires=["codec-9"])
    with pytest.raises(FormatVersionError, match=r"codec-9.*Upgrade"):
        SectionFile.open(tmp_path / "f", "segment", frozenset({"codec-8"}))
    assert SectionFile.open(tmp_path / "f", "segment", frozenset({"codec-9"}))


def test_an_unknown_version_asks_for_an_upgrade(tmp_path, monkeypatch):
    monkeypatch.setattr("latelight.index.sections.VERSION", 2)
    write(tmp_path / "f", {})
    monkeypatch.undo()
    with pytest.raises(FormatVersionError, match="version 2"):
        SectionFile.open(tmp_path / "f", "segment")
