"""What a run writes down about its items, and how it is told to stop."""

import threading
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal, Protocol

from latelight.pipelines.progress import Progress

ItemState = Literal["pending", "extracted", "done", "skipped", "failed"]
StopRequest = Literal["", "pause", "cancel"]


@dataclass(frozen=True)
class ItemNote:
    """The state that one item is in now.

    Files, and bytes that came in memory, are followed from `pending` on; of records only the failed
    ones are noted.

    Attributes:
        source: the item.
        state: `extracted`: read, waiting for its vectors; `skipped`: was there already.
        n_bytes: its length.
        sha256: of what was read; empty before.
        doc_id: the document that it became.
        code, message: of a failure.
    """

    source: str
    state: ItemState
    n_bytes: int = 0
    sha256: str = ""
    doc_id: str = ""
    code: str = ""
    message: str = ""


class Ledger(Protocol):
    """Where a run's items are written down. The index says what is stored; this is for people."""

    def note(self, notes: Iterable[ItemNote], progress: Progress) -> StopRequest:
        """Write the notes down in one transaction; return what somebody asked for meanwhile."""
        ...


class NoLedger:
    """Writes nothing down."""

    def note(self, notes: Iterable[ItemNote], progress: Progress) -> StopRequest:
        """Do nothing."""
        return ""


class Control:
    """How a run is asked to stop; asking is safe from any thread."""

    def __init__(self) -> None:
        """Nothing is asked for."""
        self._event = threading.Event()
        self._request: StopRequest = ""

    @property
    def request(self) -> StopRequest:
        """What was asked for, empty for nothing."""
        return self._request

    @property
    def is_asked(self) -> bool:
        """Whether the run has to come to an end."""
        return self._event.is_set()

    def ask(self, request: StopRequest) -> None:
        """Ask for a pause or a cancellation; the empty request changes nothing."""
        if request:
            self._request = request
            self._event.set()
