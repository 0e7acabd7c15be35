"""Progress of adding, drawn on the terminal."""

import sys
import time

from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    TextColumn,
    TimeRemainingColumn,
)

from latelight.cli.console import err
from latelight.pipelines.progress import Failure


class TerminalProgress:
    """A bar by bytes, with files, rows and failures beside it; drawn on standard error."""

    def __init__(self) -> None:
        """Nothing is drawn before adding begins."""
        self._bar = Progress(
            TextColumn("{task.description}"),
            BarColumn(bar_width=28),
            MofNCompleteColumn(),
            TextColumn("{task.fields[told]}"),
            TimeRemainingColumn(),
            console=err,
            transient=True,
        )
        self._began = time.monotonic()
        self._n_rows = 0
        self._n_bytes = 0
        self._n_failed = 0

    def started(self, n_items: int, n_bytes: int) -> None:
        """Draw an empty bar."""
        self._began = time.monotonic()
        self._bar.start()
        self._task = self._bar.add_task("adding", total=n_items, told="")

    def item_done(self, source: str, n_bytes: int) -> None:
        """Move on by one item."""
        self._n_bytes += n_bytes
        self._bar.update(self._task, advance=1, told=self._told())

    def rows_encoded(self, n_units: int, n_rows: int) -> None:
        """Count the rows."""
        self._n_rows += n_rows
        self._bar.update(self._task, told=self._told())

    def failed(self, failure: Failure) -> None:
        """Say which file failed, above the bar."""
        self._n_failed += 1
        self._bar.console.print(f"[red]failed[/red] {failure.source}: {failure.message}")

    def committed(self, n_documents: int) -> None:
        """Say how many documents can be found."""
        self._bar.update(self._task, description=f"adding ({n_documents} searchable)")

    def finished(self) -> None:
        """Take the bar away."""
        self._bar.stop()

    def _told(self) -> str:
        seconds = max(time.monotonic() - self._began, 1e-3)
        failed = f" · {self._n_failed} failed" if self._n_failed else ""
        rate = self._n_bytes / 1e6 / seconds
        return f"{self._n_rows:,} rows · {rate:.1f} MB/s{failed}"


def wants_bar() -> bool:
    """Whether standard error is a terminal that a person watches."""
    return sys.stderr.isatty()
