"""Progress of adding and of copying, drawn on the terminal."""

import sys
from types import TracebackType
from typing import Self

from rich.progress import (
    BarColumn,
    DownloadColumn,
    Progress,
    TextColumn,
    TimeRemainingColumn,
)

from latelight.cli.console import err
from latelight.pipelines.progress import Event, ItemFailed
from latelight.pipelines.progress import Progress as AddingProgress


class TerminalProgress:
    """A bar by bytes, with files, units, rows, speed and failures beside it, on standard error.

    A context manager around `show`, which follows a job to its end.
    """

    def __init__(self) -> None:
        """Nothing is drawn before the first look."""
        self._bar = Progress(
            TextColumn("{task.description}"),
            BarColumn(bar_width=28),
            TextColumn("{task.fields[told]}"),
            console=err,
            transient=True,
            disable=not wants_bar(),
        )
        self._task = self._bar.add_task("adding", total=None, told="")

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

    def hear(self, event: Event) -> None:
        """Say which file failed, above the bar; everything else is in the numbers."""
        if isinstance(event, ItemFailed) and wants_bar():
            failure = event.failure
            self._bar.console.print(f"failed  {failure.source}: {failure.message}", markup=False)

    def show(self, now: AddingProgress) -> None:
        """Draw how far it is."""
        told = progress_line(now)
        self._bar.update(self._task, completed=now.n_bytes_done, total=now.n_bytes, told=told)


def progress_line(now: AddingProgress) -> str:
    """Return how far adding is, in a line."""
    parts = [
        f"{now.n_done:,}/{max(now.n_items, now.n_done):,} files",
        f"{now.n_units:,} units",
        f"{now.n_rows:,} rows",
        f"{now.bytes_per_second / 1e6:.2f} MB/s",
    ]
    if now.n_failed:
        parts.append(f"{now.n_failed:,} failed")
    if now.eta_seconds is not None and now.n_bytes > now.n_bytes_done:
        parts.append(f"{_duration(now.eta_seconds)} left")
    return " · ".join(parts)


def _duration(seconds: float) -> str:
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"


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
