"""`latelight jobs`: what is being added, and taking it up again after whatever stopped it."""

from collections.abc import Callable
from datetime import datetime
from typing import Annotated

import typer

from latelight.app.adding import JobSummary
from latelight.cli.add import follow, tell_report
from latelight.cli.console import Failed, err, out, print_json, print_json_line, table
from latelight.cli.options import (
    AnyJob,
    AnyLibrary,
    JsonOption,
    LibraryOption,
    open_any_library,
)
from latelight.cli.progress import TerminalProgress, progress_line

app = typer.Typer(no_args_is_help=True, help="See what is being added; stop it, take it up again.")

JobArgument = Annotated[str, typer.Argument(help="The job's id, or the beginning of it.")]
CollectionChoice = Annotated[
    str | None, typer.Option("--collection", "-c", help="Jobs of this collection only.")
]


@app.command("list")
def list_jobs(
    library: LibraryOption = None,
    collection: CollectionChoice = None,
    as_json: JsonOption = False,
) -> None:
    """List the jobs, newest first."""
    found = open_any_library(library).jobs(collection=collection)
    if as_json:
        print_json([one.to_dict() for one in found])
        return
    shown = table("job", "collection", "state", "since", "done", "failed", right=("done", "failed"))
    for one in found:
        shown.add_row(*_row(one))
    out.print(shown if found else "No jobs.")


@app.command("show")
def show(
    job_id: JobArgument,
    library: LibraryOption = None,
    events: Annotated[
        bool, typer.Option("--follow", help="Wait for the end, with each change of the numbers.")
    ] = False,
    as_json: JsonOption = False,
) -> None:
    """Show how far a job is, and every file that failed."""
    opened = open_any_library(library)
    job = opened.job(job_id)
    if events:
        _follow_numbers(job, as_json=as_json)
    summary = next(one for one in opened.jobs() if one.record.job_id == job.id)
    failures = job.failures
    if as_json:
        told = {**summary.to_dict(), "failures": [vars(one) for one in failures]}
        (print_json_line if events else print_json)(told)
        return
    own = summary.record
    out.print(f"{own.job_id}  {summary.state}  {own.said}", markup=False)
    run = f", run {own.attempt}" if own.attempt else ""  # servers do not tell
    out.print(f"  into {own.namespace}/{own.collection}{run}", markup=False)
    out.print(f"  {progress_line(own.progress)}", markup=False)
    if own.error:
        out.print(f"  stopped by: {own.error}", markup=False)
    for one in failures:
        out.print(f"  failed  {one.source}: [{one.code}] {one.message}", markup=False)


@app.command("resume")
def resume(job_id: JobArgument, library: LibraryOption = None, as_json: JsonOption = False) -> None:
    """Go on with a job that was paused, interrupted or has failed."""
    _run(open_any_library(library), job_id, lambda job: job.resume(), as_json=as_json)


@app.command("retry")
def retry(job_id: JobArgument, library: LibraryOption = None, as_json: JsonOption = False) -> None:
    """Try again what has failed, and nothing else."""
    _run(open_any_library(library), job_id, lambda job: job.retry_failed(), as_json=as_json)


@app.command("pause")
def pause(job_id: JobArgument, library: LibraryOption = None, as_json: JsonOption = False) -> None:
    """Stop a job, whoever runs it, after its batch in flight; wait until it has stopped."""
    _stop(open_any_library(library), job_id, lambda job: job.pause(), as_json=as_json)


@app.command("cancel")
def cancel(job_id: JobArgument, library: LibraryOption = None, as_json: JsonOption = False) -> None:
    """As pause, for good; what was published stays."""
    _stop(open_any_library(library), job_id, lambda job: job.cancel(), as_json=as_json)


def _run(
    library: AnyLibrary, job_id: str, begin: Callable[[AnyJob], AnyJob], *, as_json: bool
) -> None:
    bar = TerminalProgress()
    job = library.job(job_id, progress=bar.hear)
    report = follow(begin(job), bar)
    record = next(one.record for one in library.jobs() if one.record.job_id == job.id)
    target = library.collection(record.collection, namespace=record.namespace)
    tell_report(target, report, [], as_json=as_json)
    if report.failures:
        raise Failed


def _stop(
    library: AnyLibrary, job_id: str, ask: Callable[[AnyJob], None], *, as_json: bool
) -> None:
    job = library.job(job_id)
    ask(job)
    job.wait()
    if as_json:
        print_json({"id": job.id, "state": job.state})
    else:
        out.print(f"{job.id}  {job.state}")


def _follow_numbers(job: AnyJob, *, as_json: bool) -> None:
    while True:
        try:
            job.wait(1.0)
        except TimeoutError:
            now = job.progress
            if as_json:
                print_json_line({"event": "progress", **now.to_dict()})
            else:
                err.print(progress_line(now), markup=False)
        else:
            return


def _row(one: JobSummary) -> list[str]:
    own = one.record
    since = datetime.fromtimestamp(own.created_at).astimezone().strftime("%Y-%m-%d %H:%M")
    done = f"{own.progress.n_done:,}/{max(own.progress.n_items, own.progress.n_done):,}"
    return [own.job_id, own.collection, one.state, since, done, f"{own.progress.n_failed:,}"]
