"""How far a version is filled, drawn on the terminal."""

from latelight.cli.progress import ByteProgress
from latelight.pipelines.progress import Encoded, Event, Started


class Filling:
    """Draws how far a candidate is filled."""

    def __init__(self, bar: ByteProgress) -> None:
        """Draw on a bar."""
        self._bar = bar
        self._done = self._total = 0

    def hear(self, event: Event) -> None:
        """Take an event of the backfill."""
        if isinstance(event, Started):
            self._done, self._total = 0, event.n_bytes
        elif isinstance(event, Encoded):
            self._done += event.n_bytes
            self._bar("filling", self._done, self._total)
