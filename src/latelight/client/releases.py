"""Releases of a server's collection, with the arguments of an embedded one."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from latelight.app.release_status import Step
from latelight.client import calls
from latelight.client.answers import ReleaseStatus
from latelight.client.calls import Place
from latelight.client.problems import error_from
from latelight.client.steps import Call, Pause, Talking
from latelight.client.talks import wire_pipeline
from latelight.errors import NotFoundError
from latelight.pipelines.spec import PipelineSpec
from latelight.releases.plan import DEFAULT_PLAN, ReleasePlan, parse_plan
from latelight.releases.state import Release

FIRST_LOOK, LONGEST_LOOK = 0.1, 2.0


def start(
    place: Place,
    pipeline: str | Path | PipelineSpec,
    plan: str | Path | ReleasePlan = DEFAULT_PLAN,
) -> Talking[Release]:
    """Make a candidate under a pipeline and begin its release; nothing is filled yet.

    Args:
        pipeline: a preset, the path of a YAML file here, or a spec.
        plan: the path of a YAML file here, or a plan; as judgements its gate names an evaluation of
            the server by its id.

    Raises:
        NotFoundError, SettingError: pipeline or plan are not there or not valid.
        ReleaseStateError: the pipeline is the live one, or a release is under way.
    """
    chosen, wired = _plan(plan), wire_pipeline(pipeline)
    return (yield from calls.start_release(place, wired, chosen)).release


def step(place: Place) -> Talking[Step]:
    """Do what the present stage asks for, or look whether it has been passed; go on if so.

    The server takes the step; this waits for what comes of it.

    Raises:
        NotFoundError: no release is under way.
        ReleaseStateError: it has been promoted, rolled back or aborted.
        ReleaseConflictError: somebody else moved it meanwhile, or takes a step.
    """
    yield from calls.step_release(place)
    seconds = FIRST_LOOK
    while (now := (yield from calls.get_release(place))).stepping:
        yield Pause(seconds)
        seconds = min(2 * seconds, LONGEST_LOOK)
    last: Mapping[str, Any] = now.last_step or {}
    if "error" in last:
        raise error_from(last["error"])
    return Step(now.release, last["moved"], last["said"])


def status(place: Place) -> Call[ReleaseStatus]:
    """Return how the release that began last stands.

    Raises:
        NotFoundError: there was none.
    """
    return calls.get_release(place)


def promote(place: Place, note: str = "promoted by hand") -> Talking[Release]:
    """Make the candidate the live version, in one write.

    Raises:
        ReleaseStateError: it has not passed its gate, or is over.
        ReleaseConflictError: somebody else moved it, or the alias, first.
    """
    return (yield from calls.move_release(place, "promote", note)).release


def rollback(place: Place, note: str = "rolled back by hand") -> Talking[Release]:
    """Make the version live again that was before the promotion, in one write.

    Raises:
        ReleaseStateError: nothing was promoted, or the old version was retired.
        ReleaseConflictError: somebody else moved it, or the alias, first.
    """
    return (yield from calls.move_release(place, "rollback", note)).release


def abort(place: Place, note: str = "aborted by hand") -> Talking[Release]:
    """End a release before its promotion; the live version stays what it is.

    Raises:
        ReleaseStateError: it was promoted, or is over.
        ReleaseConflictError: somebody else moved it first.
    """
    return (yield from calls.move_release(place, "abort", note)).release


def retire(place: Place) -> Talking[Release]:
    """Remove the version that the release left: the old one, or the candidate that failed.

    Raises:
        ReleaseStateError: the release is under way.
    """
    return (yield from calls.move_release(place, "retire")).release


def _plan(plan: str | Path | ReleasePlan) -> Mapping[str, Any]:
    if isinstance(plan, ReleasePlan):
        return plan.to_dict()
    file = Path(plan)
    if not file.is_file():
        raise NotFoundError(f"There is no file {str(plan)!r}; give the path of a release plan.")
    return parse_plan(file.read_text(encoding="utf-8"), origin=str(plan)).to_dict()
