"""`latelight add`: files, folders, globs or records into a collection."""

import sys
from pathlib import Path
from typing import Annotated

import typer

from latelight.app import Collection
from latelight.cli.console import Failed, err, out, print_json
from latelight.cli.options import (
    CollectionOption,
    JsonOption,
    LibraryOption,
    NamespaceOption,
    open_library,
)
from latelight.cli.progress import TerminalProgress, wants_bar
from latelight.cli.values import read_metadata
from latelight.errors import LatelightError
from latelight.pipelines.ingest import IngestReport
from latelight.pipelines.items import Item, items_from, records_from
from latelight.pipelines.progress import Failure, NoProgress
from latelight.settings import read_settings
from latelight.types import Metadata

MAX_WARNINGS = 10


def add(  # noqa: PLR0913, PLR0917  a command's options
    paths: Annotated[
        list[str],
        typer.Argument(help="Files, folders or globs; '-' reads JSONL records from stdin."),
    ],
    library: LibraryOption = None,
    collection: CollectionOption = None,
    namespace: NamespaceOption = None,
    pipeline: Annotated[
        str, typer.Option("--pipeline", "-p", help="Preset or YAML file, for a new collection.")
    ] = "default",
    metadata: Annotated[
        list[str] | None,
        typer.Option("--metadata", "-m", help="key=value for every document; repeat it."),
    ] = None,
    doc_id: Annotated[str, typer.Option("--id", help="Id of a single document.")] = "",
    as_json: JsonOption = False,
) -> None:
    """Add files, folders, globs or JSONL records; what is there already is skipped.

    Stopped and started again with the same words, it goes on where it was. Files that cannot be
    read are named at the end and fail alone; the exit code is then 1.
    """
    settings = read_settings()
    target = open_library(library, create=True).collection(
        collection or settings.collection,
        create=True,
        pipeline=pipeline,
        namespace=namespace or settings.namespace,
    )
    own = read_metadata(metadata or [])
    items, missing = _items(paths, own, doc_id)
    report = add_with_bar(target, items)
    tell_report(target, report, missing, as_json=as_json)
    if report.failures or missing:
        raise Failed


def add_with_bar(target: Collection, items: list[Item]) -> IngestReport:
    """Add items with a progress bar when a person watches; return what happened."""
    return target.add_items(items, TerminalProgress() if wants_bar() else NoProgress())


def tell_report(
    target: Collection, report: IngestReport, missing: list[Failure], *, as_json: bool
) -> None:
    """Say what adding did: a line, then each failure."""
    failures = [*missing, *report.failures]
    if as_json:
        print_json(
            {
                "added": report.n_added,
                "replaced": report.n_replaced,
                "unchanged": report.n_unchanged,
                "units": report.n_units,
                "rows": report.n_rows,
                "seconds": round(report.seconds, 3),
                "failures": [vars(failure) for failure in failures],
                "warnings": list(report.warnings),
            }
        )
        return
    out.print(
        f"{target.name}: {report.n_added} added, {report.n_replaced} replaced, "
        f"{report.n_unchanged} unchanged, {len(failures)} failed "
        f"({report.n_units} units, {report.n_rows:,} rows, {report.seconds:.1f} s)"
    )
    for warning in report.warnings[:MAX_WARNINGS]:
        err.print(f"note  {warning}", markup=False)
    if len(report.warnings) > MAX_WARNINGS:
        err.print(f"note  and {len(report.warnings) - MAX_WARNINGS} more; see --json")
    for failure in failures:
        err.print(f"failed  {failure.source}: [{failure.code}] {failure.message}", markup=False)


def _items(paths: list[str], metadata: Metadata, doc_id: str) -> tuple[list[Item], list[Failure]]:
    items: list[Item] = []
    missing: list[Failure] = []
    for path in paths:
        try:
            if path == "-":
                items += records_from(sys.stdin.buffer, metadata, source="standard input")
            else:
                items += items_from(Path(path), metadata, doc_id=doc_id)
        except LatelightError as error:
            missing.append(Failure.of(path, error))
    return items, missing
