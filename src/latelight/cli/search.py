"""`latelight search`: ranked hits with the words that matched."""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any, TypedDict, cast

import typer
from rich.text import Text

from latelight.app import Hits
from latelight.cli.console import err, out, print_json, print_json_line
from latelight.cli.options import (
    CollectionOption,
    FilterOption,
    JsonOption,
    LibraryOption,
    NamespaceOption,
    open_any_collection,
)
from latelight.cli.show import show_hits
from latelight.cli.values import read_filter, read_queries
from latelight.errors import InputError
from latelight.index.candidates import RecallLevel
from latelight.pipelines.request import GroupBy
from latelight.pipelines.spec import SearchMode


def search(  # noqa: PLR0913, PLR0917  a command's options
    query: Annotated[str | None, typer.Argument(help="What to look for.")] = None,
    queries: Annotated[
        Path | None,
        typer.Option("--queries", help="A file with one query a line; '-' reads stdin."),
    ] = None,
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
    key: Annotated[
        str | None,
        typer.Option("--key", help="Names the caller, whom a release answers by one version."),
    ] = None,
    plan: Annotated[bool, typer.Option("--plan", help="Show the stages with their times.")] = False,
    as_json: JsonOption = False,
) -> None:
    """Search a collection and show the best units, each with its reasons.

    With `--queries` many are searched together; `--json` then prints one line for each.
    """
    target = open_any_collection(library, collection, namespace)
    # The request checks group_by, mode and recall, whatever their static type.
    options = _Options(
        k=k,
        filter=read_filter(where),
        group_by=cast("GroupBy | None", group_by),
        mode=cast("SearchMode", mode),
        recall=cast("RecallLevel", recall),
        exact=exact,
        explain=evidence,
        key=key,
    )
    if queries is None:
        _show([target.search(query, image=image, **options)], print_json, as_json, plan)
        return
    if query is not None or image is not None:
        raise InputError("Give either --queries, or one text or image to search with.")
    _show(target.search_batch(read_queries(queries), **options), print_json_line, as_json, plan)


class _Options(TypedDict):
    """What is asked of every query."""

    k: int
    filter: Mapping[str, Any] | None
    group_by: GroupBy | None
    mode: SearchMode
    recall: RecallLevel
    exact: bool
    explain: bool
    key: str | None


def _show(
    found: Sequence[Hits], write: Callable[[Any], None], as_json: bool, with_plan: bool
) -> None:
    """Show the hits of each query; JSON goes through `write`."""
    for hits in found:
        if as_json:
            write(hits.to_dict())
            continue
        if len(found) > 1:
            out.print(Text(f"\n{hits.query}", style="bold"))
        show_hits(hits)
        for stage in hits.stages if with_plan else ():
            err.print(f"{stage.name:>16} {stage.milliseconds:8.2f} ms {stage.count:>10,}")
