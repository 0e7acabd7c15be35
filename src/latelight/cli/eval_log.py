"""`latelight eval log`: what people asked, saw and used, where a collection logs it."""

import time
from pathlib import Path
from typing import Annotated

import typer

from latelight.app.interaction_log import DEFAULT_DAYS, LogStatus
from latelight.cli.console import out, print_json
from latelight.cli.lines import write_lines
from latelight.cli.options import JsonOption, LibraryOption, NamespaceOption, open_collection
from latelight.errors import InputError

app = typer.Typer(
    no_args_is_help=True, help="Log questions with what was shown and used; off by default."
)

CollectionArgument = Annotated[str | None, typer.Argument(help="Which collection.")]


@app.command("start")
def start(
    collection: CollectionArgument = None,
    days: Annotated[float, typer.Option("--days", help="So long a search is kept.")] = DEFAULT_DAYS,
    library: LibraryOption = None,
    namespace: NamespaceOption = None,
    as_json: JsonOption = False,
) -> None:
    """Log every search of a collection from now on.

    The log holds what people ask, in their words: say so to them. It holds nothing of who they are.
    """
    log = open_collection(library, collection, namespace).log
    _print(log.start(days=days), as_json=as_json)


@app.command("stop")
def stop(
    collection: CollectionArgument = None,
    library: LibraryOption = None,
    namespace: NamespaceOption = None,
    as_json: JsonOption = False,
) -> None:
    """Log no further search; what is logged stays for its days."""
    _print(open_collection(library, collection, namespace).log.stop(), as_json=as_json)


@app.command("status")
def status(
    collection: CollectionArgument = None,
    library: LibraryOption = None,
    namespace: NamespaceOption = None,
    as_json: JsonOption = False,
) -> None:
    """Tell whether searches are logged, and how many are."""
    _print(open_collection(library, collection, namespace).log.status(), as_json=as_json)


@app.command("export")
def export(
    collection: CollectionArgument = None,
    path: Annotated[
        Path | None, typer.Option("--out", "-o", help="The file; standard output without.")
    ] = None,
    library: LibraryOption = None,
    namespace: NamespaceOption = None,
    as_json: JsonOption = False,
) -> None:
    """Write the log as lines of JSON: question, version, time, what was shown where and used."""
    log = open_collection(library, collection, namespace).log
    write_lines((one.to_dict() for one in log.searches()), path, as_json=as_json)


@app.command("clear")
def clear(
    collection: CollectionArgument = None,
    library: LibraryOption = None,
    namespace: NamespaceOption = None,
    yes: Annotated[bool, typer.Option("--yes", help="There is no way back; say so.")] = False,
    as_json: JsonOption = False,
) -> None:
    """Forget every logged question."""
    if not yes:
        raise InputError("Every logged question would be forgotten, for good; give --yes.")
    n = open_collection(library, collection, namespace).log.clear()
    if as_json:
        print_json({"n_forgotten": n})
        return
    out.print(f"{n:,} searches are forgotten.")


def _print(now: LogStatus, *, as_json: bool) -> None:
    if as_json:
        print_json(now.to_dict())
        return
    kept = "" if now.days is None else f", each kept {now.days:g} days"
    out.print(f"Searches are {'' if now.is_on else 'not '}logged{kept}.")
    if now.oldest is not None and now.newest is not None:
        first, last = (
            time.strftime("%Y-%m-%d", time.localtime(at)) for at in (now.oldest, now.newest)
        )
        out.print(f"{now.n_searches:,} are, {now.n_used:,} of them used, from {first} to {last}.")
