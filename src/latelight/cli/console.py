"""How commands speak: tables and colours for people, JSON for programs."""

import json
import sys
from typing import Any

from rich.console import Console
from rich.table import Table
from rich.text import Text

from latelight.errors import InputError, LatelightError

out = Console(highlight=False, soft_wrap=True)
err = Console(stderr=True, highlight=False, soft_wrap=True)


class Failed(Exception):  # noqa: N818  an exit, not an error: everything has been said
    """Ends the command with exit code 1."""


def print_json(value: Any) -> None:
    """Write one JSON document to standard output."""
    sys.stdout.write(json.dumps(value, ensure_ascii=False, indent=2, default=str) + "\n")


def print_json_line(value: Any) -> None:
    """Write one JSON document as one line."""
    sys.stdout.write(json.dumps(value, ensure_ascii=False, default=str) + "\n")


def report_error(error: LatelightError) -> int:
    """Say an error on standard error and return the exit code: 2 for wrong input, else 1."""
    err.print(Text.assemble(("error", "bold red"), f" [{error.code}] {error}"))
    return 2 if isinstance(error, InputError) else 1


def say_warning(
    message: Warning | str,
    category: type[Warning],
    filename: str,
    lineno: int,
    file: object = None,
    line: str | None = None,
) -> None:
    """Say a warning on standard error, without the line of code that it comes from."""
    err.print(Text.assemble(("warning", "bold yellow"), f" {message}"))


def table(*columns: str, right: tuple[str, ...] = ()) -> Table:
    """Return an empty table with these headings."""
    made = Table(box=None, pad_edge=False, header_style="bold")
    for column in columns:
        made.add_column(column, justify="right" if column in right else "left", overflow="fold")
    return made


def size(n_bytes: float) -> str:
    """Return a number of bytes as a person says it."""
    for unit in ("B", "kB", "MB", "GB"):
        if n_bytes < 1000 or unit == "GB":
            return f"{n_bytes:.0f} {unit}" if unit == "B" else f"{n_bytes:.1f} {unit}"
        n_bytes /= 1000
    raise AssertionError("unreachable")
