"""`latelight pipeline`: what turns files into a collection, and what compression would cost."""

import json
from pathlib import Path
from typing import Annotated, Any, get_args

import msgspec
import typer
import yaml
from rich.progress import Progress

from latelight.app.engine import check_buildable
from latelight.app.making import shown_version
from latelight.app.plan import Plan
from latelight.app.versions import difference, find_version, is_of_collection
from latelight.cli import versions
from latelight.cli.console import err, out, print_json, table
from latelight.cli.options import (
    JsonOption,
    LibraryOption,
    NamespaceOption,
    open_collection,
    open_library,
)
from latelight.cli.progress import wants_bar
from latelight.cli.values import read_queries
from latelight.errors import InputError, NotFoundError
from latelight.evaluation import read_qrels
from latelight.index.candidates import RECALL_LEVELS, RecallLevel
from latelight.index.rows import RowStore
from latelight.kernels.residuals import BITS
from latelight.pipelines.planning import PlanGrid
from latelight.pipelines.spec import PRESETS, load_spec
from latelight.releases.difference import Change, Steps
from latelight.settings import read_settings

app = typer.Typer(no_args_is_help=True, help="Pipelines: look at them, compare them, plan.")

VersionArgument = typer.Argument(
    help="A preset, a YAML file, COLLECTION@ALIAS or COLLECTION@DIGEST."
)


app.command("create")(versions.create)
app.command("retire")(versions.retire)


@app.command("list")
def list_pipelines(
    collection: Annotated[
        str, typer.Argument(help="Whose versions to list; the presets without.")
    ] = "",
    library: LibraryOption = None,
    namespace: NamespaceOption = None,
    as_json: JsonOption = False,
) -> None:
    """List the presets, or the versions of a collection."""
    if collection:
        versions.list_versions(open_collection(library, collection, namespace), as_json=as_json)
        return
    rows = {
        name: {space: given.encoder for space, given in spec.spaces.items()}
        for name, spec in PRESETS.items()
    }
    if as_json:
        print_json(rows)
        return
    shown = table("pipeline", "spaces")
    for name, spaces in rows.items():
        shown.add_row(name, ", ".join(f"{space}: {encoder}" for space, encoder in spaces.items()))
    out.print(shown)


@app.command("show")
def show(
    name: Annotated[str, VersionArgument] = "default",
    library: LibraryOption = None,
    namespace: NamespaceOption = None,
    as_json: JsonOption = False,
) -> None:
    """Print a pipeline whole, with every default, as the YAML that `add --pipeline` takes.

    Of a collection's version the digest and the lock stand above it, as remarks; with `--json`
    beside it.
    """
    if is_of_collection(name):
        within = namespace or read_settings().namespace
        found = shown_version(open_library(library), name, within)
        versions.print_version(found, as_json=as_json)
        return
    parts = msgspec.to_builtins(load_spec(name))
    if as_json:
        print_json(parts)
        return
    out.print(yaml.safe_dump(parts, sort_keys=False), end="", markup=False, highlight=False)


@app.command("validate")
def validate(
    file: Annotated[str, typer.Argument(help="A YAML file, or a preset.")],
    as_json: JsonOption = False,
) -> None:
    """Check that a pipeline can be read, and that what it names is installed."""
    spec = load_spec(file)
    check_buildable(spec, read_settings())
    if as_json:
        print_json({"valid": True, "name": spec.name, "spaces": list(spec.spaces)})
        return
    out.print(f"{file} is a valid pipeline: {spec.name}, spaces {', '.join(spec.spaces)}.")


@app.command("diff")
def diff(
    a: Annotated[str, VersionArgument],
    b: Annotated[str, VersionArgument],
    library: LibraryOption = None,
    namespace: NamespaceOption = None,
    as_json: JsonOption = False,
) -> None:
    """Tell which steps have to be run again for pipeline B where documents are under A.

    Beside a collection's version, a preset or file is taken as this machine would make it now.
    """
    named = any(is_of_collection(name) for name in (a, b))
    home = open_library(library) if named else None
    within = namespace or read_settings().namespace
    before, after = (find_version(name, home, within) for name in (a, b))
    steps = difference(before, after, home)
    if as_json:
        print_json(steps.to_dict())
        return
    _print_steps(steps)


def _print_steps(steps: Steps) -> None:
    out.print(steps.said)
    shown = table("step", "setting", "before", "after")
    by_step: list[tuple[str, tuple[Change, ...]]] = [
        ("extract", steps.extract),
        *((f"encode {space}", changes) for space, changes in steps.encode.items()),
        ("index", steps.index),
        ("search", steps.search),
    ]
    for step, changes in by_step:
        for change in changes:
            shown.add_row(step, change.field, _value(change.before), _value(change.after))
    if shown.row_count:
        out.print(shown)


def _value(value: Any) -> str:
    return "" if value is None else json.dumps(value, ensure_ascii=False)


@app.command("plan")
def plan(  # noqa: PLR0913, PLR0917  a command's options
    collection: Annotated[str | None, typer.Argument(help="Which collection.")] = None,
    library: LibraryOption = None,
    namespace: NamespaceOption = None,
    queries: Annotated[
        Path | None,
        typer.Option("--queries", help="One query a line, or JSON lines {_id, text}; '-': stdin."),
    ] = None,
    qrels: Annotated[
        Path | None, typer.Option("--qrels", help="Judgements (TREC or BEIR) of those queries.")
    ] = None,
    measure: Annotated[str, typer.Option("--measure", help="Of quality.")] = "nDCG@10",
    space: Annotated[str, typer.Option("--space", help="Whose rows are tried.")] = "",
    factors: Annotated[str, typer.Option("--factors", help="Pool factors to try.")] = "1,2,3,4",
    stores: Annotated[
        str, typer.Option("--stores", help="To try: int8, float16, codes:BITS.")
    ] = "int8,codes:4,codes:3",
    levels: Annotated[
        str, typer.Option("--levels", help="Of recall, to try.")
    ] = "fast,balanced,best",
    n: Annotated[int, typer.Option("-n", help="Queries to draw from the documents.")] = 100,
    figure: Annotated[
        Path | None, typer.Option("--figure", help="Save the figure here, as PNG.")
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Measure what pooling, coding and search depth would cost on a collection's own documents."""
    opened = open_collection(library, collection, namespace)
    judged = None if qrels is None else read_qrels(qrels)
    texts = None if queries is None else (read_queries if judged is None else _by_topic)(queries)
    grid = PlanGrid(_numbers(factors), _stores(stores), _levels(levels))
    with Progress(console=err, transient=True, disable=not wants_bar()) as bar:
        task = bar.add_task("measuring")
        made = opened.plan(
            texts, qrels=judged, measure=measure, space=space, grid=grid, n=n,
            told=lambda done, total: bar.update(task, completed=done, total=total),
        )  # fmt: skip
    if figure is not None:
        made.draw(figure)
    _print(made, as_json=as_json)


def _print(made: Plan, *, as_json: bool) -> None:
    if as_json:
        print_json(made.to_dict())
        return
    shown = table("pool", "store", "bits", "level", made.measure, "p50 ms", "bytes a unit", "best")
    for point in made:
        shown.add_row(
            f"x{point.factor}",
            point.store,
            str(point.bits),
            point.level,
            f"{point.quality:.3f}",
            f"{point.p50_ms:.2f}",
            f"{point.bytes_per_unit:,.0f}",
            "*" if point.is_best else "",
        )
    out.print(shown)


def _numbers(text: str) -> tuple[int, ...]:
    try:
        return tuple(int(word) for word in text.split(","))
    except ValueError:
        raise InputError(
            f"The factors {text!r} are not whole numbers with commas; write for example 1,2,4."
        ) from None


def _stores(text: str) -> tuple[tuple[RowStore, int], ...]:
    """Return stores and the bits of their codes, 2 where none are given."""
    found: list[tuple[RowStore, int]] = []
    for word in text.split(","):
        name, _, bits = word.strip().partition(":")
        store = next((one for one in get_args(RowStore) if one == name), None)
        if store is None or (bits or "2") not in map(str, BITS):
            raise InputError(
                f"The store {word!r} is not one of {', '.join(get_args(RowStore))}, with the bits "
                f"of its codes ({', '.join(map(str, BITS))}) after a colon; write for example "
                "int8,codes:4."
            )
        found.append((store, int(bits or 2)))
    return tuple(found)


def _levels(text: str) -> tuple[RecallLevel, ...]:
    found: list[RecallLevel] = []
    for word in text.split(","):
        level = next((one for one in RECALL_LEVELS if one == word.strip()), None)
        if level is None:
            raise InputError(f"The level {word!r} is not one of {', '.join(RECALL_LEVELS)}.")
        found.append(level)
    return tuple(found)


def _by_topic(path: Path) -> dict[str, str]:
    """Return the queries of a BEIR file by topic."""
    if not path.is_file():
        raise NotFoundError(f"There is no file {str(path)!r}; give the queries that were judged.")
    found: dict[str, str] = {}
    for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
        if line.strip():
            topic, text = _topic(line, f"{path}, line {number}")
            found[topic] = text
    return found


def _topic(line: str, where: str) -> tuple[str, str]:
    try:
        given: Any = json.loads(line)
        return str(given["_id"]), str(given["text"])
    except (ValueError, KeyError, TypeError) as error:
        raise InputError(
            f'{where}: expected a judged query, {{"_id": "topic", "text": "..."}}; '
            f"got {line[:80]!r} ({error})."
        ) from None
