"""Events of long work, for whoever watches; the default watches nothing."""

from dataclasses import dataclass
from typing import Protocol

from latelight.errors import LatelightError


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


class Progress(Protocol):
    """What adding tells as it goes."""

    def started(self, n_items: int, n_bytes: int) -> None:
        """Adding begins; so much is to be looked at."""

    def item_done(self, source: str, n_bytes: int) -> None:
        """One item has been added, skipped or has failed."""

    def rows_encoded(self, n_units: int, n_rows: int) -> None:
        """So many more units and rows are ready to be published."""

    def failed(self, failure: Failure) -> None:
        """One item could not be added."""

    def committed(self, n_documents: int) -> None:
        """So many documents in all are now searchable."""

    def finished(self) -> None:
        """Adding is over, well or not."""


class NoProgress:
    """Watches nothing."""

    def started(self, n_items: int, n_bytes: int) -> None:
        """Do nothing."""

    def item_done(self, source: str, n_bytes: int) -> None:
        """Do nothing."""

    def rows_encoded(self, n_units: int, n_rows: int) -> None:
        """Do nothing."""

    def failed(self, failure: Failure) -> None:
        """Do nothing."""

    def committed(self, n_documents: int) -> None:
        """Do nothing."""

    def finished(self) -> None:
        """Do nothing."""
