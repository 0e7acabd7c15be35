"""`latelight release`: a new pipeline, from the backfill to the promotion and back."""

import time
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from latelight.app.release import Releases
from latelight.app.release_status import Step
from latelight.cli.console import Failed, out, print_json, print_json_line, report_error, table
from latelight.cli.filling import Filling
from latelight.cli.options import (
    JsonOption,
    LibraryOption,
    NamespaceOption,
    open_any_collection,
)
from latelight.cli.progress import ByteProgress
from latelight.errors import InputError, ReleaseStateError
from latelight.releases.plan import DEFAULT_PLAN
from latelight.releases.state import Release, commands

if TYPE_CHECKING:
    from latelight.app.release_status import Status
    from latelight.client.answers import ReleaseStatus
    from latelight.client.waiting import RemoteReleases

app = typer.Typer(no_args_is_help=True, help="Release another pipeline without interruption.")

CollectionArgument = Annotated[str | None, typer.Argument(help="Which collection.")]
NoteOption = Annotated[str, typer.Option("--note", help="Why, for the audit log.")]


@app.command("start")
def start(
    collection: Annotated[str, typer.Argument(help="Which collection.")],
    pipeline: Annotated[str, typer.Argument(help="The candidate: a preset, or a YAML file.")],
    plan: Annotated[
        Path | None, typer.Option("--plan", help="A YAML file of stages; see docs/releases.md.")
    ] = None,
    library: LibraryOption = None,
    namespace: NamespaceOption = None,
    as_json: JsonOption = False,
) -> None:
    """Make a candidate beside the live version and begin its release; `step` fills it."""
    chosen = DEFAULT_PLAN if plan is None else plan
    begun = _releases(library, collection, namespace).start(pipeline, chosen)
    _print_release(begun, f"Release {begun.release_id} begins: {begun.note}", as_json=as_json)


@app.command("step")
def step(
    collection: CollectionArgument = None,
    library: LibraryOption = None,
    namespace: NamespaceOption = None,
    all_steps: Annotated[
        bool, typer.Option("--all", help="Go on as long as stages are passed.")
    ] = False,
    as_json: JsonOption = False,
) -> None:
    """Do what the present stage asks for.

    Exit code 0 when the release went on, or waits ready for a promotion by hand; 1 when the stage
    was not passed, the release fell back to the live version, or there is no further step.
    """
    releases = _releases(library, collection, namespace)
    while True:
        taken = _taken(releases)
        if not (all_steps and taken.moved and _goes_on(taken)):
            break
        if not as_json:
            out.print(_stepped(taken))
    if as_json:
        print_json(taken.to_dict())
    else:
        out.print(_stepped(taken))
    if not _went_well(taken):
        raise Failed


@app.command("status")
def status(
    collection: CollectionArgument = None,
    library: LibraryOption = None,
    namespace: NamespaceOption = None,
    watch: Annotated[bool, typer.Option("--watch", help="Tell again whenever it moves.")] = False,
    seconds: Annotated[float, typer.Option("--every", help="Seconds between two looks.")] = 2.0,
    as_json: JsonOption = False,
) -> None:
    """Tell where the release stands, what was counted and decided, and what can be done.

    While the candidate is being filled, by whichever process, also how far it is. With `--watch`
    until steps lead no further: it is ready for its promotion by hand, promoted, taken back or
    aborted. With `--json` one line each time.
    """
    if seconds <= 0:
        raise InputError(f"--every is {seconds}; give seconds above 0.")
    releases = _releases(library, collection, namespace)
    seen: tuple[Any, ...] = ()
    filled = ""
    while True:
        now = releases.status()
        told, filling = (now.release, now.counted, now.wins), _filling(now.to_dict())
        if told != seen or (as_json and filling != filled):
            _print_status(now, as_json=as_json, is_watched=watch)
        elif filling != filled:
            out.print(filling, markup=False)
        seen, filled = told, filling
        if not watch or _is_still(now.release):
            return
        time.sleep(seconds)


@app.command("promote")
def promote(
    collection: CollectionArgument = None,
    library: LibraryOption = None,
    namespace: NamespaceOption = None,
    note: NoteOption = "promoted by hand",
    as_json: JsonOption = False,
) -> None:
    """Make the candidate the live version, in one write."""
    after = _releases(library, collection, namespace).promote(note)
    _print_release(after, f"{after.candidate} is live; {after.live} follows.", as_json=as_json)


@app.command("rollback")
def rollback(
    collection: CollectionArgument = None,
    library: LibraryOption = None,
    namespace: NamespaceOption = None,
    note: NoteOption = "rolled back by hand",
    as_json: JsonOption = False,
) -> None:
    """Make the version live again that was before the promotion, in one write."""
    after = _releases(library, collection, namespace).rollback(note)
    _print_release(after, f"{after.live} is live again.", as_json=as_json)


@app.command("abort")
def abort(
    collection: CollectionArgument = None,
    library: LibraryOption = None,
    namespace: NamespaceOption = None,
    note: NoteOption = "aborted by hand",
    as_json: JsonOption = False,
) -> None:
    """End a release before its promotion."""
    after = _releases(library, collection, namespace).abort(note)
    _print_release(after, f"Aborted; {after.live} stays live.", as_json=as_json)


@app.command("retire")
def retire(
    collection: CollectionArgument = None,
    library: LibraryOption = None,
    namespace: NamespaceOption = None,
    as_json: JsonOption = False,
) -> None:
    """Remove what the release left: the old version, or the candidate that failed."""
    after = _releases(library, collection, namespace).retire()
    _print_release(after, f"{after.note}.", as_json=as_json)


def _releases(
    library: str | None, collection: str | None, namespace: str | None
) -> "Releases | RemoteReleases":
    return open_any_collection(library, collection, namespace).release


def _step(releases: "Releases | RemoteReleases") -> Step:
    if not isinstance(releases, Releases):
        return releases.step()  # a server fills in the background and tells no progress
    with ByteProgress() as bar:
        return releases.step(progress=Filling(bar).hear)


def _goes_on(taken: Step) -> bool:
    return taken.release.state in {"gate", "shadow", "interleave", "ramp", "ready"}


def _taken(releases: "Releases | RemoteReleases") -> Step:
    """Take a step; a release that is over by now, a guard's doing perhaps, is no wrong input."""
    try:
        return _step(releases)
    except ReleaseStateError as error:
        report_error(error)
        raise Failed from error


def _went_well(taken: Step) -> bool:
    """Return whether a promotion may follow, was made, or is a step nearer."""
    state = taken.release.state
    return state == "ready" or (taken.moved and state != "rolled_back")


def _is_still(release: Release) -> bool:
    """Return whether steps lead no further."""
    if release.state == "ready":
        return release.plan.promote == "hand"
    return "step" not in commands(release.state)


def _stepped(taken: Step) -> str:
    where: str = taken.release.state
    if taken.release.share:
        where = f"{where} {taken.release.share:.0%}"
    return f"{taken.said} → {where}" if taken.moved else f"{taken.said} (still: {where})"


def _print_release(release: Release, sentence: str, *, as_json: bool) -> None:
    if as_json:
        print_json(release.to_dict())
    else:
        out.print(sentence, markup=False)


def _print_status(now: "Status | ReleaseStatus", *, as_json: bool, is_watched: bool) -> None:
    told = now.to_dict()
    if as_json:
        (print_json_line if is_watched else print_json)(told)
        return
    one = now.release
    share = f" at {one.share:.0%}" if one.share else ""
    out.print(f"Release {one.release_id}: {one.state}{share}. {one.note}", markup=False)
    if filling := _filling(told):
        out.print(filling, markup=False)
    print_counted(told)
    for entry in now.log:
        stamp = time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(entry.at))
        out.print(f"  {stamp}  {entry.what:<9} {entry.after:<11} {entry.note}", markup=False)
    if now.owed:
        out.print(f"Documents in which a generation has still to follow: {sum(now.owed.values())}.")
    if now.left_out:
        out.print(f"Left out of the candidate: {len(now.left_out)}; --json names them.")
    out.print(f"Possible: {', '.join(commands(one.state)) or 'nothing more'}.")


def _filling(told: Mapping[str, Any]) -> str:
    """Return how far a candidate is filled, from a status's JSON; empty where none is."""
    filling = told["filling"]
    if not filling:
        return ""
    n_seen, n_wanted = filling["n_documents"] + filling["n_left_out"], filling["n_wanted"]
    left_out = f", {filling['n_left_out']:,} left out" if filling["n_left_out"] else ""
    share = min(1.0, n_seen / (n_wanted or 1))
    return f"Filled: {filling['n_documents']:,} of {n_wanted:,} documents ({share:.0%}){left_out}."


def print_counted(told: Mapping[str, Any]) -> None:
    """Print what was counted of live searches, and what follows from it; from a status's JSON."""
    shown = table("stage", "arm", "searches", "errors", "empty", "clicked", "p95 ms", "overlap")
    for one in told["counted"]:
        stage = f"{one['stage']} {one['step'] + 1}" if one["stage"] == "ramp" else one["stage"]
        counts = (one[f"n_{name}"] for name in ("queries", "errors", "zero_hits", "clicked"))
        p95 = f"{one['p95_ms']:.1f}" if "p95_ms" in one else ""
        overlap = "" if one["overlap"] is None else f"{one['overlap']:.2f}"
        shown.add_row(stage, one["arm"], *(f"{n:,}" for n in counts), p95, overlap)
    if shown.row_count:
        out.print(shown)
    if wins := told["wins"]:
        for_live, for_candidate = wins.get("a", 0), wins.get("b", 0)
        out.print(
            f"Interleaved: live won {for_live:,}, the candidate {for_candidate:,}, "
            f"{wins.get('tie', 0):,} ties; always-valid p {told['preference_p']:.3g}."
        )
    for verdict in told["guards"] if told["release"]["state"] in {"ramp", "rolled_back"} else ():
        out.print(f"Guard {verdict['state']}: {verdict['message']}", markup=False)
