"""`latelight search`: ranked hits with the words that matched."""

from pathlib import Path
from typing import Annotated, cast

import typer

from latelight.cli.console import err, print_json
from latelight.cli.options import (
    CollectionOption,
    FilterOption,
    JsonOption,
    LibraryOption,
    NamespaceOption,
    open_collection,
)
from latelight.cli.show import show_hits
from latelight.cli.values import read_filter
from latelight.index.candidates import RecallLevel
from latelight.pipelines.request import GroupBy
from latelight.pipelines.spec import SearchMode


def search(  # noqa: PLR0913, PLR0917  a command's options
    query: Annotated[str | None, typer.Argument(help="What to look for.")] = None,
    library: LibraryOption = None,
    collection: CollectionOption = None,
    namespace: NamespaceOption = None,
    image: Annotated[
        Path | None, typer.Option("--image", help="Search with the words in a picture.")
    ] = None,
    k: Annotated[int, typer.Option("-k", help="How many hits at most.")] = 5,
    where: FilterOption = None,
    group_by: Annotated[
        str | None, typer.Option("--group-by", help="'document': the best unit of each.")
    ] = None,
    mode: Annotated[str, typer.Option("--mode", help="auto, maxsim, bm25 or hybrid.")] = "auto",
    recall: Annotated[
        str, typer.Option("--recall", help="fast, balanced or best, for large collections.")
    ] = "balanced",
    exact: Annotated[bool, typer.Option("--exact", help="Score everything.")] = False,
    evidence: Annotated[
        bool, typer.Option("--explain/--no-explain", help="Show the words that matched.")
    ] = True,
    plan: Annotated[bool, typer.Option("--plan", help="Show the stages with their times.")] = False,
    as_json: JsonOption = False,
) -> None:
    """Search a collection and show the best units, each with its reasons."""
    # The request checks group_by, mode and recall, whatever their static type.
    hits = open_collection(library, collection, namespace).search(
        query,
        image=image,
        k=k,
        filter=read_filter(where),
        group_by=cast("GroupBy | None", group_by),
        mode=cast("SearchMode", mode),
        recall=cast("RecallLevel", recall),
        exact=exact,
        explain=evidence,
    )
    if as_json:
        print_json(hits.to_dict())
        return
    show_hits(hits)
    if plan:
        for stage in hits.stages:
            err.print(f"{stage.name:>16} {stage.milliseconds:8.2f} ms {stage.count:>10,}")
