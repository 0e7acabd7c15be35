"""Random operations on a store against a plain dict."""

import shutil
import tempfile
from pathlib import Path

import numpy as np
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from latelight.index import Snapshot, Store, WriterOptions
from tests.index.faults import QuickFiles
from tests.index.making import SPACES, put, query

IDS = st.sampled_from("abcd")
AXES = st.lists(st.lists(st.integers(0, 7), max_size=3), max_size=3)
YEARS = st.one_of(st.none(), st.integers(2020, 2023))

Model = dict[str, tuple[list[list[int]], dict[str, int]]]


def score(axes: list[int], wanted: tuple[int, ...]) -> float:
    return float(sum(axis in axes for axis in wanted)) if axes else -np.inf


def check(snapshot: Snapshot, model: Model) -> None:
    """Compare everything that a reader can see with the model."""
    assert snapshot.n_documents == len(model)
    assert sorted(d.doc_id for d in snapshot.documents()) == sorted(model)
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
        log_documents=st.sampled_from([0, 1, 7, 256]),
    )
    def begin(self, flush_bytes, merge_factor, log_documents):
        self.directory = Path(tempfile.mkdtemp())
        self.options = WriterOptions(flush_bytes, merge_factor, QuickFiles(), log_documents)
        self.store = Store.create(self.directory / "g", SPACES, options=self.options)
        self.reader = Store.open(self.directory / "g")
        self.version = self.store.snapshot().version
        self.committed: Model = {}
        self.kept: list[tuple[Snapshot, Model]] = []
        self.open_writer()

    def open_writer(self):
        self.writer = self.store.writer()
        self.pending = dict(self.committed)

    @rule(doc_id=IDS, axes=AXES, year=YEARS)
    def add(self, doc_id, axes, year):
        metadata = {} if year is None else {"year": year}
        put(self.writer, doc_id, axes, metadata)
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

    def published(self, version):
        assert self.store.snapshot().version == version >= self.version
        assert version > self.version or self.pending == self.committed
        self.version = version
        self.committed = dict(self.pending)

    @rule(doc_id=IDS, axes=AXES, year=YEARS)
    def add_in_a_commit_of_its_own(self, doc_id, axes, year):
        self.commit()
        self.add(doc_id, axes, year)
        self.commit()

    @rule()
    def drop_changes_and_open_again(self):
        self.writer.close()
        self.store.release()
        self.store = Store.open(self.directory / "g", options=self.options)
        self.open_writer()

    @rule()
    def compact(self):
        self.writer.close()
        self.store.compact()
        self.open_writer()

    @rule(doc_id=IDS, axes=AXES, gone=st.lists(IDS, max_size=2), flush=st.booleans())
    def compact_while_others_write(self, doc_id, axes, gone, flush):
        def write():
            with Store.open(self.directory / "g", options=self.options).writer() as self.writer:
                self.delete(gone)
                self.add(doc_id, axes, None)
                self.flush() if flush else self.commit()

        self.writer.close()
        self.pending = dict(self.committed)
        self.options.files.meanwhile = write
        self.store.compact()
        self.options.files.meanwhile = None
        self.version = self.store.snapshot().version
        self.open_writer()

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
