"""`latelight add`: files, folders, globs or records into a collection."""

import sys
from pathlib import Path
from typing import Annotated

import typer

from latelight.cli.console import Failed, err, out, print_json
from latelight.cli.options import (
    AnyCollection,
    AnyJob,
    CollectionOption,
    JsonOption,
    LibraryOption,
    NamespaceOption,
    open_any_library,
)
from latelight.cli.progress import TerminalProgress
from latelight.cli.values import read_metadata
from latelight.errors import LatelightError
from latelight.pipelines.items import Addable, Lines, check_names_something
from latelight.pipelines.progress import Failure
from latelight.pipelines.tally import IngestReport
from latelight.settings import read_settings
from latelight.types import Metadata

MAX_WARNINGS = 10
LOOK_SECONDS = 0.2
STDIN = "standard input"


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

    Stopped at any moment and started again with the same words, it goes on where it was; so does
    `latelight jobs resume`. Files that cannot be read are named at the end and fail alone; the exit
    code is then 1.
    """
    settings = read_settings()
    target = open_any_library(library, create=True).collection(
        collection or settings.collection,
        create=True,
        pipeline=pipeline,
        namespace=namespace or settings.namespace,
    )
    own = read_metadata(metadata or [])
    named, missing = _split(paths)
    report = IngestReport()
    if named:
        bar = TerminalProgress()
        job = _begin(target, named, own, doc_id, bar)
        report = follow(job, bar)
    tell_report(target, report, missing, as_json=as_json)
    if report.failures or missing:
        raise Failed


def add_with_bar(target: AnyCollection, what: Addable) -> IngestReport:
    """Add with a progress bar when a person watches; return what happened."""
    bar = TerminalProgress()
    return follow(target.add(what, progress=bar.hear, wait=False), bar)


def follow(job: AnyJob, bar: TerminalProgress) -> IngestReport:
    """Draw a job's progress to its end; Ctrl-C lets the batch in flight be published, and says so.

    Raises:
        KeyboardInterrupt: it was pressed; the job has stopped.
    """
    with bar:
        try:
            while True:
                try:
                    return job.wait(LOOK_SECONDS)
                except TimeoutError:
                    bar.show(job.progress)
        except KeyboardInterrupt:
            job.pause()
            err.print("Stopping after the batch in flight; again Ctrl-C stops at once.")
            job.wait()
            err.print(f"Stopped. `latelight jobs resume {job.id}`, or the same command, goes on.")
            raise


def tell_report(
    target: AnyCollection, report: IngestReport, missing: list[Failure], *, as_json: bool
) -> None:
    """Say what adding did: a line, then each failure."""
    failures = [*missing, *report.failures]
    if as_json:
        print_json(
            {
                "state": report.state,
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
    stopped = "" if report.state == "done" else f" ({report.state})"
    out.print(
        f"{target.name}{stopped}: {report.n_added} added, {report.n_replaced} replaced, "
        f"{report.n_unchanged} unchanged, {len(failures)} failed "
        f"({report.n_units} units, {report.n_rows:,} rows, {report.seconds:.1f} s)"
    )
    for warning in report.warnings[:MAX_WARNINGS]:
        err.print(f"note  {warning}", markup=False)
    if len(report.warnings) > MAX_WARNINGS:
        err.print(f"note  and {len(report.warnings) - MAX_WARNINGS} more; see --json")
    for failure in failures:
        err.print(f"failed  {failure.source}: [{failure.code}] {failure.message}", markup=False)


def _begin(
    target: AnyCollection, named: list[str], metadata: Metadata, doc_id: str, bar: TerminalProgress
) -> AnyJob:
    what: Addable = [Lines(sys.stdin.buffer, STDIN) if word == "-" else word for word in named]
    return target.add(what, metadata=metadata, doc_id=doc_id, progress=bar.hear, wait=False)


def _split(paths: list[str]) -> tuple[list[str], list[Failure]]:
    """Return the words that name something, and a failure for each other."""
    named: list[str] = []
    missing: list[Failure] = []
    for path in paths:
        try:
            if path != "-":
                check_names_something(str(Path(path).expanduser()))
            named.append(path)
        except LatelightError as error:
            missing.append(Failure.of(path, error))
    return named, missing
