"""A collection's other generations, brought into line with the live one and kept so.

Everything is written to the live generation first, under whose lock the ids are noted as owed to
the others (`releases/generations.py`). Settling makes these documents anew from what is kept of
them, with the other generation's own models, and takes the notes away. It is the same for one
document that was just added, for all of them when a generation is new, and after a crash.
"""

import threading
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from itertools import groupby
from pathlib import Path

from latelight.app.opened import OpenGeneration, Versions
from latelight.errors import GenerationMovedError, LatelightError
from latelight.index import Snapshot
from latelight.index.lock import WriterLock
from latelight.pipelines.background import lower_priority
from latelight.pipelines.extracting import is_there
from latelight.pipelines.ingest import Ingest
from latelight.pipelines.ledger import Control, Ledger, NoLedger
from latelight.pipelines.progress import Failure
from latelight.pipelines.rebuild import Rebuild, Recipe, identity_of
from latelight.pipelines.tally import IngestReport, Tally
from latelight.pipelines.target import (
    EVERYTHING,
    Announce,
    ItemSource,
    Scope,
    Target,
    announce_to_nobody,
)
from latelight.pipelines.writing import waiting_writer
from latelight.releases.difference import steps_between
from latelight.releases.generations import Debt, LeftOut
from latelight.types import Document

CHUNK = 256
"""Documents that are brought into line together."""
FOLLOW_SECONDS = 0.5
STAGING_NAME = "originals"
MEMO_NAME = "memo"
_LOCK_SECONDS = 600.0
Check = Callable[[Document], None]
"""Raises an error where a document is not as it should be."""


@dataclass(frozen=True)
class Work:
    """A run of a job that fills a generation.

    Attributes:
        directory: of the job, for what is not published yet.
        tally, ledger, control: as `Ingest` takes them.
        scope: which items it looks at.
        niceness: how far everybody else is preferred to its threads.
    """

    directory: Path
    tally: Tally
    ledger: Ledger
    control: Control
    scope: Scope = EVERYTHING
    niceness: int = 0


class MirrorLock(WriterLock):
    """Held by who brings generations into line; the system drops it when its process ends."""

    work = "brought into line"


class Mirror:
    """Writes to one collection's generations; safe to use from several threads and processes."""

    def __init__(self, versions: Versions) -> None:
        """Serve the versions of a collection."""
        self._versions = versions
        self.error: Exception | None = None
        """What kept another generation from following when it was last tried."""

    # -- writing to the live generation ------------------------------------------------------

    def add(self, inputs: ItemSource, work: Work) -> IngestReport:
        """Add to the live generation, whichever that is by then, and let the others follow.

        Raises:
            LatelightError: what stopped it; everything so far published stays.
        """
        while True:
            live = self._versions.live()
            self.settle(live.version.store)
            try:
                with self._following():
                    return self._ingest(live, inputs, work, self._announce(live))
            except GenerationMovedError:
                continue  # what was published is known there, or owed to it

    def delete(self, doc_ids: Iterable[str], check: Check | None = None) -> int:
        """Delete documents from every generation; return how many the live one had.

        Args:
            doc_ids: of the documents.
            check: is shown each as it is while nobody else can change it; what it raises is raised,
                and nothing is deleted.

        Raises:
            NotFoundError: with a check, one of them is not there.
            WriterLockedError: another process is writing.
        """
        wanted = list(dict.fromkeys(doc_ids))
        while True:
            live = self._versions.live()
            self.settle(live.version.store)
            try:
                n_deleted = self._delete_live(live, wanted, check)
            except GenerationMovedError:
                continue
            self.follow()
            return n_deleted

    def _delete_live(
        self, live: OpenGeneration, doc_ids: Sequence[str], check: Check | None
    ) -> int:
        with live.store.writer() as writer:
            if check is not None:
                present = live.store.snapshot()
                for doc_id in doc_ids:
                    check(present.document(doc_id))
            n_deleted = writer.delete(doc_ids)
            if n_deleted:
                self._announce(live)(doc_ids)
                writer.commit()
        return n_deleted

    def _announce(self, live: OpenGeneration) -> Announce:
        """Return what is told of every commit, under the lock of the generation that it is for."""
        store = live.version.store

        def announce(doc_ids: Iterable[str]) -> None:
            standing = self._versions.standing()
            if standing.live.store != store:
                raise GenerationMovedError(
                    f"{store} is no longer the live generation, {standing.live.store} is. Write "
                    "again: it goes there."
                )
            others, ids = standing.other_stores, list(doc_ids)
            if others and ids:
                self._versions.notes.note_debts(others, store, ids)

        return announce

    # -- following ---------------------------------------------------------------------------

    def follow(self) -> None:
        """Bring every generation into line; what cannot be is left owed, with its reason here.

        A candidate that cannot be written to must never keep anybody from adding.
        """
        self.error = None
        if not self._versions.standing().other_stores:
            return
        try:
            for store in self._versions.notes.count_debts():
                self.settle(store)
        except (LatelightError, OSError) as error:
            self.error = error

    @contextmanager
    def at_rest(self) -> Iterator[None]:
        """Hold still, with nothing owed by the live generation; writes to it go on.

        Raises:
            LatelightError: it has to follow another one in something, and cannot.
        """
        self.settle(self._versions.standing().live.store)
        with self._lock():
            yield

    @contextmanager
    def _following(self) -> Iterator[None]:
        """Let the other generations follow while something is added, and at the end."""
        stop = threading.Event()

        def follow() -> None:
            while not stop.wait(FOLLOW_SECONDS):
                with suppress(LatelightError):  # the collection may be dropped
                    if self._versions.standing().other_stores:
                        self.follow()

        thread = threading.Thread(target=follow, name="latelight-follow", daemon=True)
        thread.start()
        try:
            yield
        finally:
            stop.set()
            thread.join()
            self.follow()

    def backfill(self, store: str, work: Work) -> IngestReport:
        """Fill a generation with all that the live one has; then queries may be answered from it.

        Stopped at any moment and started again, it goes on with what is missing. This thread, which
        should be the run's own, gives way to others as `work` says, and so does all that it begins.

        Raises:
            LatelightError: what stopped it; everything so far published stays.
        """
        lower_priority(work.niceness)
        target, live = self._versions.of_store(store), self._versions.live()
        known = {} if work.scope.only else self._left_out(store)
        whole = self._rebuild(live, target, live.store.snapshot(), without=known)
        report = self._ingest(target, whole, work, announce_to_nobody)
        if report.state == "done":
            self.compare(store, report.failures)
            self._versions.notes.finish(store)
        return report

    def compare(self, store: str, failures: Sequence[Failure] = ()) -> int:
        """Bring a generation into line wherever it differs from the live one; return where it did.

        Nobody has to wait: what is written meanwhile is owed to it anyway.

        Args:
            store: the generation's.
            failures: why documents could not be made anew, as far as a run found out.
        """
        live, target = self._versions.live(), self._versions.of_store(store)
        truth, mine = live.store.snapshot(), target.store.snapshot()
        known = self._left_out(store)
        missing = [
            one
            for one in truth.documents()
            if not is_same(mine, one) and known.get(one.doc_id) != one.sha256
        ]
        failed = _failed(missing, failures)
        self._versions.notes.clear(store, (), failed)
        # Whoever deleted or replaced one of these meanwhile may have paid before it was written
        # down as left out, and nobody would ever look at it again.
        newest = live.store.snapshot()
        hopeless = {one.doc_id for one in failed if _is_still(newest, one)}
        differing = [one.doc_id for one in missing if one.doc_id not in hopeless]
        differing += [one.doc_id for one in failed if not newest.contains(one.doc_id)]
        differing += [one.doc_id for one in mine.documents() if not truth.contains(one.doc_id)]
        if differing:
            self._versions.notes.note_debts([store], live.version.store, differing)
            self.settle(store)
        return len(differing)

    def settle(self, store: str) -> None:
        """Bring a generation into line in everything that it owes.

        Raises:
            LatelightError: it cannot be; the rest stays owed.
        """
        notes = self._versions.notes
        if not self._versions.standing().other_stores:
            return
        while notes.count_debts().get(store):
            with self._lock():
                debts = sorted(notes.debts(store, CHUNK), key=lambda debt: debt.source)
                for source, own in groupby(debts, key=lambda debt: debt.source):
                    self._pay(store, source, list(own))

    def _lock(self) -> MirrorLock:
        directory = self._versions.home.mirror
        directory.mkdir(parents=True, exist_ok=True)
        return MirrorLock(directory, _LOCK_SECONDS)

    def _pay(self, store: str, source: str, debts: list[Debt]) -> None:
        target, origin = self._versions.of_store(store), self._versions.of_store(source)
        with waiting_writer(origin.store, _LOCK_SECONDS):
            pass  # whoever noted these held this lock: the commit is done, or will never be
        truth = origin.store.snapshot()
        ids = [debt.doc_id for debt in debts]
        own = self._rebuild(origin, target, truth, only=ids)
        staging = self._versions.home.mirror
        work = Work(staging, Tally(), NoLedger(), Control())
        report = self._ingest(target, own, work, announce_to_nobody)
        mine = target.store.snapshot()
        wrong = [one for one in ids if not _agree(mine, truth, one)]
        self._drop(target, [one for one in wrong if mine.contains(one)])
        reasons = {one.source: one for one in report.failures}
        left_out = [_left_out(truth.document(one), reasons) for one in wrong if truth.contains(one)]
        self._versions.notes.clear(store, debts, left_out)

    def _drop(self, target: OpenGeneration, doc_ids: Sequence[str]) -> None:
        """Delete what a generation has and should not: gone there, or of other content by now."""
        if doc_ids:
            with waiting_writer(target.store, _LOCK_SECONDS) as writer:
                writer.delete(doc_ids)
                writer.commit()

    def _left_out(self, store: str) -> dict[str, str]:
        return {one.doc_id: one.sha256 for one in self._versions.notes.left_out(store)}

    def _rebuild(
        self,
        origin: OpenGeneration,
        target: OpenGeneration,
        truth: Snapshot,
        *,
        only: Sequence[str] | None = None,
        without: dict[str, str] | None = None,
    ) -> Rebuild:
        steps = steps_between(origin.spec, origin.lock, target.spec, target.lock)
        recipe = Recipe(
            extract=bool(steps.extract),
            encode=frozenset(space for space, changes in steps.encode.items() if changes),
            spaces=tuple(target.spec.spaces),
        )
        return Rebuild(truth, origin.originals, recipe, only, without)

    def _ingest(
        self, target: OpenGeneration, items: ItemSource, work: Work, announce: Announce
    ) -> IngestReport:
        filled = Target(
            target.store,
            target.loaded(),
            target.originals,
            work.directory / STAGING_NAME,
            announce,
        )
        options = target.ingest_options()
        memo = str(work.directory / MEMO_NAME)
        extraction = replace(options.extraction, memo=memo)
        options = replace(options, extraction=extraction, niceness=work.niceness)
        ingest = Ingest(filled, options, work.tally, work.ledger, work.control)
        return ingest.run(items, work.scope)


def is_same(snapshot: Snapshot, document: Document) -> bool:
    """Return whether a generation has a document with the same content and metadata."""
    return is_there(snapshot, identity_of(document))


def _is_still(snapshot: Snapshot, left_out: LeftOut) -> bool:
    """Return whether what was left out is still wanted, with that content."""
    doc_id = left_out.doc_id
    return snapshot.contains(doc_id) and snapshot.document(doc_id).sha256 == left_out.sha256


def _failed(missing: Sequence[Document], failures: Sequence[Failure]) -> list[LeftOut]:
    """Return the documents that a run has just failed to make, and need not try again."""
    reasons = {one.source: one for one in failures}
    n_from = Counter(one.source for one in missing)
    return [
        _left_out(one, reasons)
        for one in missing
        if one.source in reasons and n_from[one.source] == 1
    ]


def _agree(mine: Snapshot, truth: Snapshot, doc_id: str) -> bool:
    if not truth.contains(doc_id):
        return not mine.contains(doc_id)
    return is_same(mine, truth.document(doc_id))


def _left_out(document: Document, reasons: dict[str, Failure]) -> LeftOut:
    why = reasons.get(document.source) or Failure(document.source, "extraction_failed", "")
    return LeftOut(document.doc_id, document.sha256, why.code, why.message)
