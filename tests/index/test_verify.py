import random
import shutil

import pytest

from latelight.errors import LatelightError
from latelight.index import Problem, Store, verify_directory
from latelight.index import verify as verify_module
from latelight.index.manifest import manifest_numbers, publish_manifest, read_manifest
from latelight.index.sections import SectionFile, SectionWriter
from tests.index.making import make_store, put


@pytest.fixture
def store(tmp_path):
    store = make_store(tmp_path / "g", {"a": [[0, 1]], "b": [[1]]})
    with store.writer() as writer:
        put(writer, "c", [[2], []], {"year": 2023, "tags": ["x", "y"]})
        writer.delete(["b"])
        writer.flush()
    store.collect_garbage()
    return store


def flip(path, place):
    data = bytearray(path.read_bytes())
    data[place] ^= 0x10
    path.write_bytes(data)


def rewritten(path, change):
    """Write a segment file anew with other arrays and right checksums."""
    file = SectionFile.open(path, "segment")
    arrays = {name: file.array(name).copy() for name in file.header.sections}
    change(arrays)
    path.unlink()
    with SectionWriter(path) as writer:
        for name, array in arrays.items():
            writer.add(name, array)
        writer.finish("segment", file.header.attributes)


def test_a_sound_store_has_no_problems(store):
    seen = []
    assert store.verify(lambda done, total: seen.append((done, total))) == []
    assert seen[-1][0] == seen[-1][1] > 0


def test_a_flipped_byte_anywhere_is_found(store, tmp_path):
    files = [p for p in store.path.rglob("*") if p.is_file() and p.name != "LOCK"]
    assert sorted(p.name.split("-")[0] for p in files) == [
        "MANIFEST",
        "WAL",
        "segment.ll",
        "segment.ll",
        "tombstones",
    ]
    chance = random.Random(4)
    for path in files:
        good = path.read_bytes()
        for place in chance.sample(range(len(good)), 60):
            flip(path, place)
            assert verify_directory(store.path), f"{path.name} byte {place}"
            path.write_bytes(good)
    assert verify_directory(store.path) == []


def test_a_cut_file_is_found(store):
    for path in [p for p in store.path.rglob("*") if p.is_file() and p.name != "LOCK"]:
        good = path.read_bytes()
        path.write_bytes(good[:-1])
        assert verify_directory(store.path), path.name
        path.write_bytes(good)


def test_damage_names_file_and_section(store):
    entry = store.snapshot().manifest.segments[0]
    path = store.path / "segments" / entry.segment_id / "segment.ll"
    flip(path, SectionFile.open(path, "segment").header.sections["space.text.values"].offset)
    problems = store.verify()
    assert [(p.file, p.section) for p in problems] == [
        (f"segments/{entry.segment_id}/segment.ll", "space.text.values")
    ]


def test_all_damage_is_listed_not_only_the_first(store):
    for path in store.path.rglob("segment.ll"):
        flip(path, 70)
    assert len({p.file for p in store.verify()}) == 2


def test_a_missing_file_is_found(store):
    shutil.rmtree(store.path / "segments" / store.snapshot().manifest.segments[1].segment_id)
    assert "FileNotFoundError" in store.verify()[0].message


def test_what_a_writer_cleans_up_meanwhile_is_no_damage(store, monkeypatch):
    read, flushed = verify_module.LogReader, []

    def flush_before_reading(root, name):
        if not flushed:
            flushed.append(name)
            with Store.open(root).writer() as writer:
                put(writer, "x", [[1]])
                writer.commit()
                put(writer, "y", [[1]])
                writer.flush()
            assert not (root / "wal" / name).exists()
        return read(root, name)

    monkeypatch.setattr(verify_module, "LogReader", flush_before_reading)
    assert store.verify() == []
    assert flushed


def test_a_directory_without_manifest_is_found(tmp_path):
    assert verify_directory(tmp_path)[0].file == "MANIFEST"
    assert verify_directory(tmp_path / "nowhere")[0].file == "MANIFEST"


def test_an_old_damaged_manifest_is_found(store):
    with store.writer() as writer:
        put(writer, "z", [[1]])
        writer.flush()
    flip(store.path / f"MANIFEST-{manifest_numbers(store.path)[0]:012d}", 200)
    assert [p.file for p in store.verify()] == ["MANIFEST-000000000003"]


def swapped(array):
    array[[0, -1]] = array[[-1, 0]]


@pytest.mark.parametrize(
    ("section", "change"),
    [
        ("space.text.row_offsets", lambda a: a.__setitem__(1, 99)),
        ("document.unit_offsets", lambda a: a.__setitem__(1, 99)),
        ("document.id_hash", swapped),
        ("document.id_order", lambda a: a.__setitem__(0, a[1])),
        ("document.source_hash", swapped),
        ("document.source_order", lambda a: a.__setitem__(0, a[1])),
        ("space.text.scales", lambda a: a.__setitem__(0, float("nan"))),
        ("lexical.ordinals", lambda a: a.__setitem__(0, 9)),
        ("lexical.frequencies", lambda a: a.__setitem__(0, 9)),
        ("lexical.postings_offsets", lambda a: a.__setitem__(1, 99)),
        ("document.id.offsets", lambda a: a.__setitem__(1, 99)),
    ],
)
def test_wrong_cross_references_are_found_under_right_checksums(tmp_path, section, change):
    store = make_store(tmp_path / "g", {"a": [[0, 1]], "b": [[1]], "c": [[2]]})
    rewritten(next(store.path.rglob("segment.ll")), lambda arrays: change(arrays[section]))
    assert section in [p.section for p in store.verify()]


def test_a_document_that_lives_twice_is_found(store):
    newest = read_manifest(store.path, manifest_numbers(store.path)[-1])
    with store.writer() as writer:
        put(writer, "a", [[5]])
        writer.flush()
    after = read_manifest(store.path, newest.number + 1)
    twice = type(after)(after.number + 1, "", after.spaces, (*newest.segments, after.segments[-1]))
    publish_manifest(store.path, twice)
    assert any("'a' is live in two places" in p.message for p in Store.open(store.path).verify())


def test_reading_a_damaged_store_never_crashes(store):
    """Without verify, damage ends in an error of ours or in wrong numbers, not in a crash."""
    path = next(store.path.rglob("segment.ll"))
    good, chance = path.read_bytes(), random.Random(9)
    for place in chance.sample(range(len(good)), 150):
        flip(path, place)
        try:
            snapshot = Store.open(store.path).snapshot()
            for document in snapshot.documents():
                snapshot.find(document.doc_id)
        except (LatelightError, ValueError, TypeError, IndexError, OverflowError):
            pass
        path.write_bytes(good)
    assert store.verify() == []


def test_a_problem_says_where_and_what():
    problem = Problem("segments/x/segment.ll", "space.text.values", "its bytes differ")
    assert (problem.file, problem.section) == ("segments/x/segment.ll", "space.text.values")
