"""`latelight snapshot`: a whole library copied while it is used, and put back."""

import time
from pathlib import Path
from typing import Annotated

import typer

from latelight.app.backup import restore as restore_files
from latelight.app.checksums import Contents
from latelight.cli.console import out, print_json, size
from latelight.cli.options import JsonOption, LibraryOption, open_library
from latelight.cli.progress import ByteProgress

app = typer.Typer(no_args_is_help=True, help="Copy a whole library while it is used; put it back.")


@app.command("create")
def create(
    directory: Annotated[Path, typer.Argument(help="New or empty directory for the copy.")],
    library: LibraryOption = None,
    as_json: JsonOption = False,
) -> None:
    """Copy a library, verified, while others read and write.

    Stopped at any moment, the directory is no snapshot; the same command starts again. On one file
    system, files that never change are shared with the copy (hard links): to be safe from a broken
    disk, give a directory on another one.
    """
    began = time.monotonic()
    with ByteProgress() as progress:
        contents = open_library(library).backup(directory, progress=progress)
    _tell("copied to", directory, contents, time.monotonic() - began, as_json=as_json)


@app.command("restore")
def restore(
    snapshot: Annotated[Path, typer.Argument(help="What `snapshot create` made.")],
    directory: Annotated[Path, typer.Argument(help="New or empty directory for the library.")],
    as_json: JsonOption = False,
) -> None:
    """Make a library of a snapshot; every file is checked, and a damaged one is named.

    The snapshot stays as it is, and nothing is overwritten.
    """
    began = time.monotonic()
    with ByteProgress() as progress:
        contents = restore_files(snapshot, directory, progress)
    _tell("restored to", directory, contents, time.monotonic() - began, as_json=as_json)


def _tell(what: str, directory: Path, contents: Contents, seconds: float, *, as_json: bool) -> None:
    if as_json:
        told = {"directory": str(directory), **vars(contents), "seconds": round(seconds, 3)}
        print_json(told)
        return
    out.print(
        f"{contents.n_documents:,} documents of {contents.n_collections} collections {what} "
        f"{directory} ({contents.n_files:,} files, {size(contents.n_bytes)}, {seconds:.1f} s)",
        markup=False,
    )
