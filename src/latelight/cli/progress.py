"""Progress of adding and of copying, drawn on the terminal."""

import sys
import time
from types import TracebackType
from typing import Self

from rich.progress import (
    BarColumn,
    DownloadColumn,
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


class ByteProgress:
    """A context manager to call with what is done, and how many bytes of how many of it.

    Draws a bar on standard error when a person watches, else nothing.
    """

    def __init__(self) -> None:
        """Nothing is drawn before the first call."""
        self._bar = Progress(
            TextColumn("{task.description}"),
            BarColumn(bar_width=28),
            DownloadColumn(),
            TimeRemainingColumn(),
            console=err,
            transient=True,
            disable=not wants_bar(),
        )
        self._task = self._bar.add_task("", total=None)

    def __enter__(self) -> Self:
        self._bar.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._bar.stop()

    def __call__(self, what: str, done: int, total: int) -> None:
        """Show it."""
        self._bar.update(self._task, description=what, completed=done, total=total)


def wants_bar() -> bool:
    """Whether standard error is a terminal that a person watches."""
    return sys.stderr.isatty()
