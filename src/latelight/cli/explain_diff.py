"""`latelight eval explain-diff`: why another version ranks documents differently."""

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, cast

import typer
from rich.text import Text

from latelight.app import Collection, SearchHit
from latelight.app.differences import (
    Difference,
    DocumentDifference,
    Move,
    RankedAt,
    strongest,
)
from latelight.cli.console import err, out, print_json, table
from latelight.cli.options import (
    FilterOption,
    JsonOption,
    LibraryOption,
    NamespaceOption,
    open_library,
)
from latelight.cli.show import marked
from latelight.cli.values import read_filter
from latelight.errors import InputError, NotFoundError
from latelight.explain.difference import Shift
from latelight.pipelines.spec import SearchMode
from latelight.settings import read_settings

_ARROWS = {"entered": "in", "left": "out", "up": "↑", "down": "↓", "same": "="}
_SMALL = 0.0005
_MOST_TITLE = 48
_MOST_FOUND = 2
_TELLING = 3  # rows of a table in bold: those that moved most

VersionArgument = typer.Argument(
    help="A version of the collection (live, candidate, a digest's beginning), or a collection."
)


def explain_diff(  # noqa: PLR0913, PLR0917  a command's options
    collection: Annotated[str, typer.Argument(help="Which collection.")],
    query: Annotated[str, typer.Argument(help="The query to explain.")],
    a: Annotated[str, VersionArgument] = "live",
    b: Annotated[str, VersionArgument] = "candidate",
    doc: Annotated[
        list[str] | None, typer.Option("--doc", help="Look into this document; repeatable.")
    ] = None,
    maps: Annotated[
        Path | None,
        typer.Option("--maps", help="Folder for both heat maps of each document, as one PNG."),
    ] = None,
    k: Annotated[int, typer.Option("-k", help="How many hits users see.")] = 10,
    depth: Annotated[int, typer.Option("--depth", help="How deep ranks are known.")] = 100,
    most: Annotated[int, typer.Option("--most", help="Documents looked into without --doc.")] = 3,
    where: FilterOption = None,
    mode: Annotated[str, typer.Option("--mode", help="auto, maxsim, bm25 or hybrid.")] = "auto",
    library: LibraryOption = None,
    namespace: NamespaceOption = None,
    as_json: JsonOption = False,
) -> None:
    """Show which documents version B moved, and which words of the query did it.

    `of A` and `of B` are shares of a version's own score, `of best` of its best hit's.

    Contributions add up to the score in each version, so their differences add up to the
    difference of the scores. Where these have other scales, compare the shares.
    """
    if most < 1:
        raise InputError(f"--most is {most}; give at least 1.")
    home = open_library(library)
    within = namespace or read_settings().namespace
    target = home.collection(collection, namespace=within)

    def side(name: str) -> str | Collection:
        """Return what a name means: a version first, then a collection."""
        return name if _is_version(target, name) else home.collection(name, namespace=within)

    found = target.explain_difference(
        query, side(a), side(b), doc_ids=doc or (), k=k, depth=depth,
        filter=read_filter(where), mode=cast("SearchMode", mode), most=most,
    )  # fmt: skip
    pictures = _draw(found, maps) if maps is not None else {}
    if as_json:
        paths = {doc_id: str(path) for doc_id, path in pictures.items()}
        print_json({**found.to_dict(), "pictures": paths})
        return
    _show(found, pictures)


def _is_version(target: Collection, name: str) -> bool:
    """Return whether a name is one of the collection's versions, or cannot be a collection."""
    try:
        target.version(name)
    except NotFoundError:
        return name in {"live", "candidate", "previous"}
    return True


def _draw(found: Difference, folder: Path) -> dict[str, Path]:
    """Write what can be drawn, and say what cannot."""
    pictures = {}
    for number, one in enumerate(found.documents, 1):
        kept = "".join(c if c.isalnum() or c in "-_." else "-" for c in one.move.doc_id[:40])
        try:
            pictures[one.move.doc_id] = one.heatmap().save(folder / f"{number:02}-{kept}.png")
        except (InputError, NotFoundError) as error:
            err.print(Text(str(error)))
    return pictures


def _show(found: Difference, pictures: dict[str, Path]) -> None:
    out.print(Text(f"A: {found.a.title}"))
    out.print(Text(f"B: {found.b.title}"))
    numbers = ("rank A", "B", "score A", "B", "of best A", "B")
    shown = table("", "document", *numbers, right=numbers)
    for move in found.moves:
        shown.add_row(_ARROWS[move.how], Text(_short(move)), *_standing_cells(move))
    if found.moves:
        out.print(shown)
    else:
        out.print("Neither version found anything.")
    for one in found.documents:
        _show_document(one)
        if one.move.doc_id in pictures:
            out.print(Text(f"  heat maps: {pictures[one.move.doc_id]}"))


def _standing_cells(move: Move) -> list[str]:
    a, b = move.before, move.after
    return [
        *(_number(one.rank, "{}") for one in (a, b)),
        *(_number(one.score, "{:.2f}") for one in (a, b)),
        *(_number(one.share, "{:.0%}") for one in (a, b)),
    ]


def _number(value: float | None, form: str) -> str:
    return "—" if value is None else form.format(value)


def _short(move: Move) -> str:
    title = move.title or move.doc_id
    name = title if len(title) <= _MOST_TITLE else f"{title[: _MOST_TITLE - 1]}…"
    return name if title == move.doc_id else f"{name} [{move.doc_id[:24]}]"


def _show_document(one: DocumentDifference) -> None:
    before, after = one.before, one.after
    out.print(Text(f"\n{_short(one.move)}", style="bold"))
    for letter, hit, standing in (("A", before, one.move.before), ("B", after, one.move.after)):
        _show_side(letter, hit, standing)
    out.print(_table_of(one))
    if abs(one.rounding) >= _SMALL:
        out.print(Text(f"  {one.rounding:+.4f} of it is rounding of sums of 32 bits", style="dim"))
    for sentence in _remarks(one.shifts):
        out.print(Text(f"  {sentence}", style="dim"))


def _show_side(letter: str, hit: SearchHit | None, standing: RankedAt) -> None:
    if hit is None:
        out.print(Text(f"  {letter}: does not have it"))
        return
    rank = "not among those ranked" if standing.rank is None else f"rank {standing.rank}"
    judged = "" if hit.rerank_score is None else f", reranked by {hit.rerank_score:.2f}"
    out.print(Text(f"  {letter}: {rank}, {hit.place} [{hit.unit.unit_id}]{judged}"))
    if hit.unit.text and hit.evidence:
        out.print(marked(hit))
    else:
        words = ", ".join(f"{e.token} → {e.found or hit.place}" for e in strongest(hit))
        out.print(Text(f"    {words}", style="dim"))


def _table_of(one: DocumentDifference) -> object:
    numbers = ("A", "of A", "B", "of B", "B − A")
    rows = table("  query", "by", *numbers, "found A", "found B", right=numbers)
    totals = [0.0 if hit is None else hit.score for hit in (one.before, one.after)]
    deltas = sorted((abs(shift.delta) for shift in one.shifts), reverse=True)
    telling = max(deltas[:_TELLING][-1:] or [_SMALL])
    for shift in one.shifts:
        if max(abs(shift.before), abs(shift.after)) < _SMALL:
            continue
        # Words come from queries and documents: nothing in them is markup.
        rows.add_row(
            Text(f"  {shift.text}"),
            shift.space or shift.signal,
            *_amounts(shift.before, shift.after, totals),
            Text(", ".join(shift.found_before[:_MOST_FOUND]) or "—"),
            Text(", ".join(shift.found_after[:_MOST_FOUND]) or "—"),
            style="bold" if abs(shift.delta) >= telling else "",
        )
    rows.add_row("  score", "", *_amounts(totals[0], totals[1], totals), "", "", style="bold")
    return rows


def _amounts(before: float, after: float, totals: Sequence[float]) -> list[str]:
    shares = [
        f"{value / whole:.0%}" if whole else "—"
        for value, whole in zip((before, after), totals, strict=True)
    ]
    return [f"{before:.3f}", shares[0], f"{after:.3f}", shares[1], f"{after - before:+.3f}"]


def _remarks(shifts: Sequence[Shift]) -> list[str]:
    """Say what could not be laid side by side, and what is in one version alone."""
    told = []
    marks = sum(shift.delta for shift in shifts if not shift.is_aligned)
    names = dict.fromkeys(shift.text for shift in shifts if not shift.is_aligned)
    if names:
        told.append(
            f"{', '.join(names)}: no characters of the query, laid beside each other by name "
            f"({marks:+.3f} in all)."
        )
    for letter, alone in (
        ("A", [one for one in shifts if not one.n_after]),
        ("B", [one for one in shifts if not one.n_before]),
    ):
        parts = dict.fromkeys(f"{one.text} ({one.space or one.signal})" for one in alone)
        if parts:
            told.append(f"In {letter} alone: {', '.join(parts)}.")
    both = [one for one in shifts if one.is_aligned and one.n_before and one.n_after]
    uneven = dict.fromkeys(one.text for one in both if one.n_before != one.n_after)
    if uneven:
        told.append(f"Cut into other tokens in A than in B, and added up: {', '.join(uneven)}.")
    return told
