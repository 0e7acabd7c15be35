"""`latelight bench`: measures what a library does on this machine."""

from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from latelight.cli.console import out, print_json, table
from latelight.cli.options import JsonOption, LibraryOption, NamespaceOption, open_collection
from latelight.cli.values import read_queries

app = typer.Typer(no_args_is_help=True, help="Measure what a library does on this machine.")


@app.command("recall")
def recall(  # noqa: PLR0913, PLR0917  a command's options
    collection: Annotated[str | None, typer.Argument(help="Which collection.")] = None,
    library: LibraryOption = None,
    namespace: NamespaceOption = None,
    queries: Annotated[
        Path | None,
        typer.Option("--queries", help="A file with one query a line; '-' reads stdin."),
    ] = None,
    n: Annotated[int, typer.Option("-n", help="Queries to draw from the documents.")] = 100,
    k: Annotated[int, typer.Option("-k", help="Depth of recall.")] = 10,
    as_json: JsonOption = False,
) -> None:
    """Compare every recall level with scoring everything, on your queries or on drawn ones."""
    opened = open_collection(library, collection, namespace)
    rows = opened.measure_recall(None if queries is None else read_queries(queries), n=n, k=k)
    if as_json:
        print_json([asdict(row) for row in rows])
        return
    shown = table("space", "level", f"recall@{k}", "worst", "p50 ms", "queries")
    for row in rows:
        level = f"{row.level} (scored everything)" if row.is_exact else row.level
        shown.add_row(
            row.space,
            level,
            f"{row.recall:.3f}",
            f"{row.worst:.2f}",
            f"{row.p50_ms:.2f}",
            f"{row.n_queries:,}",
        )
    out.print(shown)
