"""`latelight experiment start|status|stop|list|export`: two versions on their callers."""

import time
from math import isfinite
from pathlib import Path
from typing import Annotated, cast

import typer

from latelight.app.trials import Experiments, ExperimentStatus
from latelight.cli.console import out, print_json, table
from latelight.cli.lines import write_lines
from latelight.cli.options import JsonOption, LibraryOption, NamespaceOption, open_collection
from latelight.experiments.ab import Reading, TestKind
from latelight.releases.experiments import ExperimentPlan

CollectionArgument = Annotated[str, typer.Argument(help="Which collection.")]
NameArgument = Annotated[
    str, typer.Argument(help="Of the experiment; the running one, or the newest, without.")
]
_VERSION = "Version %s: an alias (live, candidate, previous), or a digest's beginning."


def start(  # noqa: PLR0913, PLR0917  a command's options
    collection: CollectionArgument,
    a: Annotated[str, typer.Argument(help=_VERSION % "a")] = "live",
    b: Annotated[str, typer.Argument(help=_VERSION % "b")] = "candidate",
    name: Annotated[str, typer.Option("--name", help="By which it is found.")] = "",
    share: Annotated[float, typer.Option("--share", help="Of the callers, for b.")] = 0.5,
    exposure: Annotated[
        float, typer.Option("--exposure", help="Share of all callers that take part.")
    ] = 1.0,
    test: Annotated[
        str, typer.Option("--test", help="always-valid or fixed-horizon.")
    ] = "always-valid",
    alpha: Annotated[float, typer.Option("--alpha", help="Error rate of the test.")] = 0.05,
    callers: Annotated[
        int, typer.Option("--callers", help="Fixed horizon: of each arm (`experiment size`).")
    ] = 0,
    scale: Annotated[
        float, typer.Option("--scale", help="Always-valid: the difference that one looks for.")
    ] = 0.05,
    min_callers: Annotated[
        int, typer.Option("--min-callers", help="Always-valid: of each arm, before it speaks.")
    ] = 100,
    library: LibraryOption = None,
    namespace: NamespaceOption = None,
    as_json: JsonOption = False,
) -> None:
    """Answer callers by version A or B from now on, and count what they use.

    A search's `--key` is its caller, who always gets the same version. `latelight pipeline create`
    makes a second version without any release.
    """
    reading = Reading(cast("TestKind", test), alpha, callers, scale, min_callers)  # it checks
    plan = ExperimentPlan(share, exposure, reading)
    begun = _experiments(library, collection, namespace).start(a, b, name=name, plan=plan)
    if as_json:
        print_json(begun.to_dict())
        return
    out.print(
        f"Experiment {begun.name} begins: {begun.a} (a) against {begun.b} (b), {share:.0%} of the "
        f"callers that take part for b; {exposure:.0%} do.",
        markup=False,
    )


def status(
    collection: CollectionArgument,
    name: NameArgument = "",
    library: LibraryOption = None,
    namespace: NamespaceOption = None,
    as_json: JsonOption = False,
) -> None:
    """Tell what the callers of both versions used, and what that shows.

    The always-valid test may be looked at any time. A small `ratio_p` says that the shares were not
    kept, and that nothing else should be believed.
    """
    _print(_experiments(library, collection, namespace).status(name), as_json=as_json)


def stop(
    collection: CollectionArgument,
    name: NameArgument = "",
    note: Annotated[str, typer.Option("--note", help="Why.")] = "stopped by hand",
    library: LibraryOption = None,
    namespace: NamespaceOption = None,
    as_json: JsonOption = False,
) -> None:
    """End an experiment; what it shows now is kept, and the live version answers everybody."""
    _print(_experiments(library, collection, namespace).stop(name, note=note), as_json=as_json)


def list_experiments(
    collection: CollectionArgument,
    library: LibraryOption = None,
    namespace: NamespaceOption = None,
    as_json: JsonOption = False,
) -> None:
    """List the experiments of a collection, a running one first."""
    found = _experiments(library, collection, namespace).list()
    if as_json:
        print_json([one.to_dict() for one in found])
        return
    shown = table("name", "state", "a", "b", "test", "began")
    for one in found:
        began = time.strftime("%Y-%m-%d %H:%M", time.localtime(one.began_at))
        shown.add_row(one.name, one.state, one.a, one.b, one.plan.reading.test, began)
    out.print(shown)


def export(
    collection: CollectionArgument,
    name: NameArgument = "",
    path: Annotated[
        Path | None, typer.Option("--out", "-o", help="The file; standard output without.")
    ] = None,
    library: LibraryOption = None,
    namespace: NamespaceOption = None,
    as_json: JsonOption = False,
) -> None:
    """Write who saw which arm, and what was shown and used, as lines of JSON; callers as hashes."""
    found = _experiments(library, collection, namespace).searches(name)
    write_lines((one.to_dict() for one in found), path, as_json=as_json)


def _experiments(library: str | None, collection: str, namespace: str | None) -> Experiments:
    return open_collection(library, collection, namespace).experiments


def _print(now: ExperimentStatus, *, as_json: bool) -> None:
    if as_json:
        print_json(now.to_dict())
        return
    one, result = now.experiment, now.result
    about = f": {one.note}" if one.note else ""
    out.print(f"Experiment {one.name} is {one.state}{about}.", markup=False)
    shown = table("arm", "version", "callers", "searches", "used", "errors", "empty", "p95 ms")
    for arm, version, seen in (("a", one.a, now.a), ("b", one.b, now.b)):
        counts = (seen.n_callers, seen.n_searches)
        p95 = "" if seen.p95_ms is None else f"{seen.p95_ms:.0f}"
        shown.add_row(
            arm, version, *(f"{n:,}" for n in counts), f"{seen.used_by_caller:.3f}",
            f"{seen.n_errors:,}", f"{seen.n_zero_hits:,}", p95,
        )  # fmt: skip
    out.print(shown)
    out.print(_said(now), markup=False)
    out.print(f"The arms got their shares: always-valid p {result.ratio_p:.3g}.")


def _said(now: ExperimentStatus) -> str:
    result, reading = now.result, now.experiment.plan.reading
    if result.n_missing:
        return f"Nothing can be said yet: {result.n_missing:,} more callers are wanted."
    interval = ""
    if isfinite(result.low):
        level = 1 - reading.alpha
        interval = f", {level:.0%} interval [{result.low:+.4f}, {result.high:+.4f}]"
    found = f"b less a {result.difference:+.4f}{interval}, {reading.test} p {result.p:.3g}"
    if result.decision == "undecided":
        return f"Undecided: {found}."
    return f"Callers use what {result.decision} shows more often: {found}."
