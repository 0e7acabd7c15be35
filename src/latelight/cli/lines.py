"""Searches as lines of JSON, for other programs."""

import json
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from latelight.cli.console import out, print_json
from latelight.errors import StorageError


def write_lines(rows: Iterable[dict[str, Any]], path: Path | None, *, as_json: bool) -> None:
    """Write rows as lines of JSON, to a file or to standard output.

    Raises:
        StorageError: the file cannot be written.
    """
    lines = (json.dumps(row, ensure_ascii=False) + "\n" for row in rows)
    if path is None:
        sys.stdout.writelines(lines)
        return
    n = 0
    try:
        with path.open("w", encoding="utf-8") as file:
            for line in lines:
                n += file.write(line) > 0
    except OSError as error:
        raise StorageError(
            f"--out is {str(path)!r}, which cannot be written ({error}). Give a path in a folder "
            "that exists."
        ) from error
    if as_json:
        print_json({"file": str(path), "n_searches": n})
        return
    out.print(f"{n:,} searches are in {path}.", markup=False)
