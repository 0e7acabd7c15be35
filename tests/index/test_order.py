"""Documents stay in the order in which they were last written, whatever is rewritten."""

import random

import pytest

from latelight.index import SpaceSpec, Store, WriterOptions, coding, merge_policy, merging, writer
from latelight.index.upkeep import Upkeep
from tests.index.faults import QuickFiles
from tests.index.making import SPACES, document, ids_of, make_store, put, query


def of_sizes(path, *sizes, **options):
    """Return a store with a segment of so many documents for each, and all ids in order."""
    store = Store.create(path, SPACES, options=WriterOptions(**options))
    with store.writer() as writing:
        for number, size in enumerate(sizes):
            for n in range(size):
                put(writing, f"{number}.{n}", [[n % 8]])
            writing.flush()
    return store, [f"{number}.{n}" for number, size in enumerate(sizes) for n in range(size)]


def sizes_of(store):
    return [entry.n_documents for entry in store.snapshot().manifest.segments]


def test_what_is_replaced_goes_to_the_end(tmp_path):
    store = make_store(tmp_path / "g", {"a": [[0]], "b": [[1]], "c": [[2]]})
    with store.writer() as writing:
        put(writing, "d", [[3]])
        put(writing, "e", [[4]])
        put(writing, "a", [[5]])
        put(writing, "d", [[6]])
        writing.commit()
    assert ids_of(store.snapshot()) == list("bcead")
    with store.writer() as writing:
        put(writing, "e", [[5]])
        writing.commit()
    assert ids_of(store.snapshot()) == list("bcade")
    store.compact()
    assert ids_of(store.snapshot()) == list("bcade")


def test_segments_that_are_no_neighbours_do_not_become_one(tmp_path):
    store, ids = of_sizes(tmp_path / "g", 1, 2, 3, 4, 5, 6, 7)
    store.release()
    entries = store.snapshot().manifest.segments
    chosen = tuple(entries[n].segment_id for n in (0, 1, 3, 5, 6))
    manifest = merging.merge(store._live, store._options, lambda _: chosen)
    assert sizes_of(store) == [3, 3, 4, 5, 13]
    kept = {e.segment_id for e in manifest.segments} & {e.segment_id for e in entries}
    assert kept == {entries[2].segment_id, entries[4].segment_id}
    assert ids_of(store.snapshot()) == ids
    assert store.verify() == []


def test_runs_keep_their_places_while_others_write(tmp_path):
    """Segments come, go and are merged meanwhile, a run dies wholly."""
    store, ids = of_sizes(tmp_path / "g", 1, 2, 3, 4, 5)
    gone = [one for one in ids if one[0] in "12"]

    def meanwhile():
        with Store.open(store.path).writer() as writing:
            put(writing, "0.0", [[7]])
            put(writing, "new", [[7]])
            writing.delete([*gone[:-1], "4.2"])
            writing.commit()
            writing.delete(gone[-1:])
            put(writing, "newer", [[7]])
            writing.commit()

    store.release()
    files = QuickFiles()
    files.meanwhile = meanwhile
    entries = store.snapshot().manifest.segments
    chosen = tuple(entries[n].segment_id for n in (1, 2, 4))
    options = WriterOptions(files=files)
    assert merging.merge(store._live, options, lambda _: chosen) is not None
    expected = [one for one in ids if one not in {*gone, "0.0", "4.2"}] + ["0.0", "new", "newer"]
    assert ids_of(store.snapshot()) == expected
    assert store.verify() == []


@pytest.mark.parametrize("background", [False, True])
def test_commits_merge_in_place(tmp_path, background):
    options = WriterOptions(merge_factor=3, background=background, files=QuickFiles())
    store = Store.create(tmp_path / "g", SPACES, options=options)
    chance, ids = random.Random(5), []
    for n in range(60):
        with store.writer() as writing:
            for i in range(chance.choice([1, 1, 1, 5, 30])):
                put(writing, f"{n}.{i}", [[i % 8]])
                ids.append(f"{n}.{i}")
            gone = chance.sample(ids, 2)
            writing.delete(gone)
            ids = [one for one in ids if one not in gone]
            writing.flush()
        assert ids_of(store.snapshot()) == ids
    store.release()
    assert store.background_error is None
    assert len(sizes_of(store)) < 15
    assert ids_of(store.snapshot()) == ids
    assert store.verify() == []


def test_what_was_logged_comes_before_a_large_commit(tmp_path):
    """The first of its segments is written long before the commit."""
    store = Store.create(tmp_path / "g", SPACES, options=WriterOptions(flush_bytes=1))
    for doc_id in "abc":
        with store.writer() as writing:
            writing.add(document(doc_id), [], {})
            writing.commit()
    assert store.snapshot().n_logged == 3
    with store.writer() as writing:
        for doc_id in "dbe":
            put(writing, doc_id, [[1], [2]])
            assert ids_of(store.snapshot()) == list("abc")
        writing.delete(["a"])
        writing.commit()
    assert ids_of(store.snapshot()) == list("cdbe")
    assert store.verify() == []


def test_a_compaction_joins_neighbours_only(tmp_path):
    store, ids = of_sizes(tmp_path / "g", 4, 1, 40, 1, 1, background=False)
    n_bytes = [entry.n_bytes for entry in store.snapshot().manifest.segments]
    assert n_bytes[0] + n_bytes[1] + 1 < n_bytes[1] + n_bytes[2]
    options = WriterOptions(flush_bytes=n_bytes[0] + n_bytes[1] + 1)
    small = Store.open(store.path, options=options)
    small.compact()
    assert sizes_of(small) == [5, 40, 2]
    assert ids_of(small.snapshot()) == ids
    with small.writer() as writing:
        writing.delete(["2.7"])
        writing.commit()
    small.compact()
    assert sum(sizes_of(small)) == 46
    assert ids_of(small.snapshot()) == [one for one in ids if one != "2.7"]
    number = small.snapshot().manifest.segments
    small.compact()
    assert small.snapshot().manifest.segments == number  # nothing is left to win


# Segments that are full of units


@pytest.fixture
def few_units(monkeypatch):
    for module in (merge_policy, merging, writer, coding):
        monkeypatch.setattr(module, "MAX_UNITS", 4)


def test_segments_that_are_full_of_units_are_not_merged_for_ever(tmp_path, few_units):
    store, ids = of_sizes(tmp_path / "g", *[1] * 15)
    options = WriterOptions(merge_factor=2, background=False)
    plan = Upkeep(store._live, options).plan
    manifests = list(iter(lambda: merging.merge(store._live, options, plan), None))
    assert len(manifests) < 8
    assert max(sizes_of(store)) <= 4
    assert len(sizes_of(store)) <= 8
    assert ids_of(store.snapshot()) == ids


def test_no_commit_writes_a_segment_of_too_many_units_for_codes(tmp_path, few_units):
    options = WriterOptions(min_coded_rows=1)
    store = Store.create(tmp_path / "g", {"text": SpaceSpec(8, bits=2)}, options=options)
    with store.writer() as writing:
        put(writing, "a", [[1], [2]])
        writing.commit()
        for doc_id in "bcd":
            put(writing, doc_id, [[1], [2], [3]])
        writing.flush()
    views = store._live.state().views
    assert [view.segment.n_units for view in views] == [2, 3, 3, 3]
    assert all(view.segment.spaces["text"].coded is not None for view in views)
    snapshot = store.snapshot()
    assert ids_of(snapshot) == list("abcd")
    scores = snapshot.scores("text", query(3), snapshot.allow_list())
    assert [snapshot.doc_id_of(u) for u in range(snapshot.n_units) if scores[u] > 0.9] == [*"bcd"]
