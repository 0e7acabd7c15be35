"""Random operations on a store against a plain dict, which keeps the order of writing."""

import contextlib
import shutil
import tempfile
from dataclasses import replace
from pathlib import Path

import numpy as np
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from latelight.errors import WriterLockedError
from latelight.index import Snapshot, Store, WriterOptions
from latelight.index.flushing import flush_sealed
from latelight.index.upkeep import Upkeep
from tests.index.faults import QuickFiles
from tests.index.making import SPACES, put, query

IDS = st.sampled_from("abcdefgh")
AXES = st.lists(st.lists(st.integers(0, 7), max_size=3), max_size=3)
YEARS = st.one_of(st.none(), st.integers(2020, 2023))

Model = dict[str, tuple[list[list[int]], dict[str, int]]]


def score(axes: list[int], wanted: tuple[int, ...]) -> float:
    return float(sum(axis in axes for axis in wanted)) if axes else -np.inf


def check(snapshot: Snapshot, model: Model) -> None:
    """Compare everything that a reader can see with the model."""
    assert snapshot.n_documents == len(model)
    assert [d.doc_id for d in snapshot.documents()] == list(snapshot.document_ids()) == list(model)
    allow = snapshot.allow_list({"year": {"$gte": 2022}})
    scores = snapshot.scores("text", query(1, 2), snapshot.allow_list(None))
    filtered = snapshot.scores("text", query(1, 2), allow)
    n_live = 0
    for doc_id, (axes, metadata) in model.items():
        ordinals = snapshot.find(doc_id)
        n_live += len(ordinals)
        assert scores[ordinals].tolist() == [score(a, (1, 2)) for a in axes]
        allowed = metadata.get("year", 0) >= 2022
        assert allow[ordinals].tolist() == [allowed] * len(axes)
        assert (filtered[ordinals] == (scores[ordinals] if allowed else -np.inf)).all()
        assert dict(snapshot.document(doc_id).metadata) == metadata
        assert len({snapshot.document_ordinals()[u] for u in ordinals}) == min(len(axes), 1)
        assert [snapshot.unit(u).unit_id for u in ordinals] == [f"c{i}" for i in range(len(axes))]
    assert snapshot.n_live_units == n_live
    assert not np.isfinite(scores[~snapshot.allow_list(None)]).any()


class StoreMachine(RuleBasedStateMachine):
    @initialize(
        flush_bytes=st.sampled_from([1, 3000, 1 << 20]),
        merge_factor=st.sampled_from([2, 3, 10]),
        log_documents=st.sampled_from([0, 1, 3, 9, 256]),
        background=st.sampled_from([True, True, True, False]),
        with_threads=st.booleans(),
    )
    def begin(self, flush_bytes, merge_factor, log_documents, background, with_threads):
        self.directory = Path(tempfile.mkdtemp())
        self.options = WriterOptions(
            flush_bytes=flush_bytes,
            merge_factor=merge_factor,
            files=QuickFiles(),
            log_documents=log_documents,
            background=background,
        )
        self.with_threads = with_threads
        Store.create(self.directory / "g", SPACES, options=self.options)
        self.store = self.opened()
        self.reader = Store.open(self.directory / "g")
        self.version = self.store.snapshot().version
        self.committed: Model = {}
        self.kept: list[tuple[Snapshot, Model]] = []
        self.open_writer()

    def opened(self) -> Store:
        """Return the store; without threads, full logs wait until a rule flushes them."""
        store = Store.open(self.directory / "g", options=self.options)
        if not self.with_threads:
            store._upkeep = Upkeep(store._live, replace(self.options, background=False))
        return store

    def open_writer(self):
        self.writer = self.store.writer()
        self.pending = dict(self.committed)

    @rule(doc_id=IDS, axes=AXES, year=YEARS)
    def add(self, doc_id, axes, year):
        metadata = {} if year is None else {"year": year}
        put(self.writer, doc_id, axes, metadata)
        self.pending.pop(doc_id, None)  # what is replaced goes to the end
        self.pending[doc_id] = (axes, metadata)

    @rule(doc_ids=st.lists(IDS, max_size=3))
    def delete(self, doc_ids):
        there = [doc_id for doc_id in set(doc_ids) if self.pending.pop(doc_id, None) is not None]
        assert self.writer.delete(doc_ids) == len(there)

    @rule()
    def commit(self):
        self.published(self.writer.commit())

    @rule()
    def flush(self):
        self.published(self.writer.flush())

    def published(self, version, store=None):
        assert (store or self.store).snapshot().version == version >= self.version
        assert version > self.version or self.pending == self.committed
        self.version = version
        self.committed = dict(self.pending)

    @rule(changes=st.lists(st.tuples(IDS, AXES, YEARS), min_size=1, max_size=6))
    def add_in_commits_of_their_own(self, changes):
        self.commit()
        for change in changes:
            self.add(*change)
            self.commit()

    @rule()
    def drop_changes_and_open_again(self):
        self.writer.close()
        self.store.release()
        self.store = self.opened()
        self.open_writer()

    @rule()
    def compact(self):
        self.writer.close()
        self.store.compact()
        self.open_writer()

    @rule()
    def flush_a_full_log(self):
        self.writer.close()
        self.flush_sealed()
        self.open_writer()

    def flush_sealed(self):
        before = self.store.snapshot().version
        manifest = None
        with contextlib.suppress(WriterLockedError):  # a thread is at it
            manifest = flush_sealed(self.store._live, self.options)
        self.version = self.store.snapshot().version
        assert self.version >= before + (manifest is not None)

    @rule(
        flush_only=st.booleans(),
        changes=st.lists(st.tuples(IDS, AXES, st.lists(IDS, max_size=2)), min_size=1, max_size=7),
        last=st.sampled_from(["commit", "flush", "compact", "flush_sealed"]),
    )
    def rewrite_while_others_write(self, flush_only, changes, last):
        def write():
            other = self.opened()
            with other.writer() as self.writer:
                for doc_id, axes, gone in changes:
                    self.delete(gone)
                    self.add(doc_id, axes, None)
                    self.published(self.writer.commit(), other)
                if last == "flush":
                    self.published(self.writer.flush(), other)
            other.release()
            if last == "compact":
                with contextlib.suppress(WriterLockedError):  # a compaction is going on
                    other.compact()
            if last == "flush_sealed":
                self.flush_sealed()

        self.writer.close()
        self.pending = dict(self.committed)
        self.options.files.meanwhile = write
        self.flush_sealed() if flush_only else self.store.compact()
        self.options.files.meanwhile = None
        self.version = self.store.snapshot().version
        self.open_writer()

    @rule()
    def a_copy_of_the_files_is_whole(self):
        """A kill leaves what is there at any moment between two operations."""
        copy = self.directory / "copy"
        shutil.copytree(self.directory / "g", copy)
        check(Store.open(copy).snapshot(), self.committed)
        assert Store.open(copy).verify() == []
        shutil.rmtree(copy)

    @rule()
    def back_up(self):
        copy = self.directory / "copy"
        self.store.backup(copy)
        check(Store.open(copy).snapshot(), self.committed)
        shutil.rmtree(copy)

    @rule()
    def clean_up(self):
        self.writer.close()
        self.store.collect_garbage()
        self.open_writer()

    @rule()
    def keep_a_snapshot(self):
        self.kept.append((self.store.snapshot(), dict(self.committed)))

    @invariant()
    def readers_see_what_was_committed(self):
        check(self.store.snapshot(), self.committed)

    @rule()
    def the_other_reader_looks(self):
        check(self.reader.snapshot(), self.committed)

    def teardown(self):
        for snapshot, model in self.kept:
            check(snapshot, model)
        self.writer.close()
        self.store.release()
        assert self.store.background_error is None
        check(self.reader.snapshot(), self.committed)
        assert self.store.verify() == []
        shutil.rmtree(self.directory)


TestStore = StoreMachine.TestCase
TestStore.settings = settings(max_examples=40, stateful_step_count=30, deadline=None)
