"""How far adding has come: one total that adds up, and events for whoever watches."""

from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import Any, Literal

from latelight.errors import LatelightError

Outcome = Literal["added", "replaced", "unchanged"]
RunState = Literal["running", "paused", "cancelled", "failed", "done"]


@dataclass(frozen=True)
class Failure:
    """One file that could not be added.

    Attributes:
        source: the file, or the record's place.
        code: stable name of the kind of error.
        message: what is wrong and what to do.
    """

    source: str
    code: str
    message: str

    @classmethod
    def of(cls, source: str, error: LatelightError) -> "Failure":
        """Return the failure that an error means for a source."""
        return cls(source, error.code, str(error))


@dataclass(frozen=True)
class Progress:
    """How far a run has come. At its end `n_done` is `n_items`, and `n_bytes_done` is `n_bytes`.

    Attributes:
        n_items: documents to look at: files, records; as counted before work began.
        n_bytes: their bytes.
        n_added, n_replaced: documents that are published.
        n_unchanged: documents that were there already.
        n_failed: items that could not be added.
        n_units, n_rows: encoded so far, all spaces; most of them published.
        n_bytes_done: of items that were encoded, skipped or have failed.
        n_bytes_skipped: the part of these that needed no encoding.
        seconds: since the run began.
    """

    n_items: int = 0
    n_bytes: int = 0
    n_added: int = 0
    n_replaced: int = 0
    n_unchanged: int = 0
    n_failed: int = 0
    n_units: int = 0
    n_rows: int = 0
    n_bytes_done: int = 0
    n_bytes_skipped: int = 0
    seconds: float = 0.0

    @property
    def n_done(self) -> int:
        """Items that nothing is left to do for in this run."""
        return self.n_added + self.n_replaced + self.n_unchanged + self.n_failed

    @property
    def bytes_per_second(self) -> float:
        """Bytes encoded a second; what was skipped does not count."""
        return (self.n_bytes_done - self.n_bytes_skipped) / max(self.seconds, 1e-3)

    @property
    def eta_seconds(self) -> float | None:
        """Seconds that what is left takes at this speed; None before anything was encoded."""
        rate = self.bytes_per_second
        return max(self.n_bytes - self.n_bytes_done, 0) / rate if rate > 0 else None

    def to_dict(self) -> dict[str, Any]:
        """Return the JSON form, with rate and time left."""
        eta = self.eta_seconds
        return {
            **asdict(self),
            "n_done": self.n_done,
            "bytes_per_second": round(self.bytes_per_second, 1),
            "eta_seconds": None if eta is None else round(eta, 1),
        }


@dataclass(frozen=True)
class Started:
    """A run begins; so much is to be looked at."""

    n_items: int
    n_bytes: int


@dataclass(frozen=True)
class Encoded:
    """So many more units and rows have their vectors; they stand for so many bytes."""

    n_units: int
    n_rows: int
    n_bytes: int


@dataclass(frozen=True)
class ItemDone:
    """One document is published, or was there already."""

    source: str
    doc_id: str
    outcome: Outcome


@dataclass(frozen=True)
class ItemFailed:
    """One item could not be added."""

    failure: Failure


@dataclass(frozen=True)
class Noted:
    """Something was left out of a document, or of a folder."""

    source: str
    message: str


@dataclass(frozen=True)
class Committed:
    """So many documents in all can now be found."""

    n_documents: int


@dataclass(frozen=True)
class Ended:
    """The run is over; `message` says what stopped a failed one."""

    state: RunState
    message: str = ""


Event = Started | Encoded | ItemDone | ItemFailed | Noted | Committed | Ended
Watch = Callable[[Event], None]

_NAMES: dict[type[Event], str] = {
    Started: "started",
    Encoded: "encoded",
    ItemDone: "item_done",
    ItemFailed: "item_failed",
    Noted: "noted",
    Committed: "committed",
    Ended: "ended",
}


def event_to_dict(event: Event) -> dict[str, Any]:
    """Return an event's JSON form; `event` names its kind."""
    return {"event": _NAMES[type(event)], **asdict(event)}


def watch_nothing(event: Event) -> None:
    """Take an event and do nothing with it."""
