"""The one place where a run counts: totals, events, notes and the report come from here."""

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, replace

from latelight.errors import LatelightError
from latelight.pipelines.ledger import ItemNote
from latelight.pipelines.progress import (
    Committed,
    Encoded,
    Event,
    Failure,
    ItemDone,
    ItemFailed,
    Noted,
    Progress,
    RunState,
    Started,
    Watch,
    watch_nothing,
)


@dataclass(frozen=True)
class IngestReport:
    """What a run did.

    Attributes:
        n_added: documents that are new.
        n_replaced: documents whose content or metadata changed.
        n_unchanged: documents that were there already.
        n_units: units written.
        n_rows: vectors written, all spaces.
        failures: what could not be added, each with its reason.
        warnings: what was left out, as `source: sentence`.
        seconds: wall time.
        state: how it ended.
    """

    n_added: int = 0
    n_replaced: int = 0
    n_unchanged: int = 0
    n_units: int = 0
    n_rows: int = 0
    failures: tuple[Failure, ...] = ()
    warnings: tuple[str, ...] = ()
    seconds: float = 0.0
    state: RunState = "done"


class Tally:
    """Counts from several threads; events are told in the order in which they were counted."""

    def __init__(
        self, watch: Watch = watch_nothing, clock: Callable[[], float] = time.monotonic
    ) -> None:
        """Start at nothing."""
        self._watch = watch
        self._clock = clock
        self._began = clock()
        self._ended: float | None = None
        self._lock = threading.RLock()
        self._progress = Progress()
        self._notes: list[ItemNote] = []
        self._failures: list[Failure] = []
        self._warnings: list[str] = []
        self._written = (0, 0)

    @property
    def progress(self) -> Progress:
        """How far the run has come by now."""
        with self._lock:
            end = self._clock() if self._ended is None else self._ended
            return replace(self._progress, seconds=end - self._began)

    def take_notes(self) -> list[ItemNote]:
        """Return the notes since the last call, the newest of each source."""
        with self._lock:
            newest = {note.source: note for note in self._notes}
            self._notes = []
        return list(newest.values())

    def report(self, state: RunState) -> IngestReport:
        """Return what the run did."""
        now = self.progress
        return IngestReport(
            n_added=now.n_added,
            n_replaced=now.n_replaced,
            n_unchanged=now.n_unchanged,
            n_units=self._written[0],
            n_rows=self._written[1],
            failures=tuple(self._failures),
            warnings=tuple(self._warnings),
            seconds=now.seconds,
            state=state,
        )

    # -- what happens ------------------------------------------------------------------------

    def started(self, n_items: int, n_bytes: int) -> None:
        """So much is to be looked at."""
        with self._lock:
            self._progress = replace(self._progress, n_items=n_items, n_bytes=n_bytes)
            self._tell(Started(n_items, n_bytes))

    def note(self, note: ItemNote) -> None:
        """An item is in another state."""
        with self._lock:
            self._notes.append(note)

    def encoded(self, n_units: int, n_rows: int, n_bytes: int) -> None:
        """So many units have their vectors, all spaces."""
        with self._lock:
            self._add(n_units=n_units, n_rows=n_rows, n_bytes_done=n_bytes)
            self._tell(Encoded(n_units, n_rows, n_bytes))

    def unchanged(self, source: str, doc_id: str, n_bytes: int) -> None:
        """A document was there already."""
        with self._lock:
            self._add(n_unchanged=1, n_bytes_done=n_bytes, n_bytes_skipped=n_bytes)
            self._tell(ItemDone(source, doc_id, "unchanged"))

    def failed(self, source: str, error: LatelightError, n_bytes: int) -> None:
        """An item could not be added."""
        failure = Failure.of(source, error)
        with self._lock:
            self._failures.append(failure)
            self._add(n_failed=1, n_bytes_done=n_bytes, n_bytes_skipped=n_bytes)
            self._notes.append(
                ItemNote(source, "failed", n_bytes, code=failure.code, message=failure.message)
            )
            self._tell(ItemFailed(failure))

    def written(self, done: ItemDone, n_units: int, n_rows: int) -> None:
        """A document is published."""
        with self._lock:
            self._add(**{"n_added" if done.outcome == "added" else "n_replaced": 1})
            self._written = (self._written[0] + n_units, self._written[1] + n_rows)
            self._tell(done)

    def warned(self, source: str, message: str) -> None:
        """Something was left out."""
        with self._lock:
            self._warnings.append(f"{source}: {message}")
            self._tell(Noted(source, message))

    def committed(self, n_documents: int) -> None:
        """So many documents can be found."""
        with self._lock:
            self._tell(Committed(n_documents))

    def settle(self, state: RunState) -> None:
        """The run is over: time stands still; one that came to its end did what there was."""
        with self._lock:
            self._ended = self._clock()
            if state == "done":  # what was counted before may have changed since
                now = self._progress
                self._progress = replace(now, n_items=now.n_done, n_bytes=now.n_bytes_done)

    def _add(self, **more: int) -> None:
        totals = {name: getattr(self._progress, name) + n for name, n in more.items()}
        self._progress = replace(self._progress, **totals)

    def _tell(self, event: Event) -> None:
        # Under the lock, so that events come in the order of the totals: watching must be quick.
        self._watch(event)
