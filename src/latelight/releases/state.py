"""A release as a value, and the table of what may happen to it."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, Literal, get_args

from latelight.errors import ReleaseStateError
from latelight.releases.plan import ReleasePlan

State = Literal[
    "build",
    "gate",
    "shadow",
    "interleave",
    "ramp",
    "ready",
    "promoted",
    "rolled_back",
    "aborted",
    "retired",
]
Move = Literal["advance", "promote", "rollback", "fall_back", "abort", "retire"]
STATES: tuple[State, ...] = get_args(State)
MOVES: tuple[Move, ...] = get_args(Move)

STAGES: tuple[State, ...] = ("build", "gate", "shadow", "interleave", "ramp", "ready")
"""In their order; `ready` has passed all that was planned."""
ENDED: frozenset[State] = frozenset({"aborted", "retired"})
"""Another release may begin."""

_FIXED: Mapping[tuple[State, Move], State] = {
    **{(stage, "promote"): "promoted" for stage in ("shadow", "interleave", "ramp", "ready")},
    **{(stage, "abort"): "aborted" for stage in STAGES},
    ("ramp", "fall_back"): "rolled_back",
    ("interleave", "fall_back"): "rolled_back",
    ("promoted", "rollback"): "rolled_back",
    ("promoted", "retire"): "retired",
    ("rolled_back", "retire"): "retired",
    ("aborted", "retire"): "retired",
}
_SAID: Mapping[State, str] = {
    "build": "being built",
    "gate": "at its gate",
    "shadow": "shadowing",
    "interleave": "interleaving",
    "ramp": "ramping up",
    "rolled_back": "rolled back",
}
_COMMANDS: Mapping[Move, str] = {"advance": "step"}
_ADVANCING: frozenset[State] = frozenset(STAGES[:-1])


@dataclass(frozen=True)
class Release:
    """One candidate on its way.

    Attributes:
        release_id: its name, and the seed of who sees what.
        live: digest of the version that was live when it began.
        candidate: digest of the version that is to be.
        plan: what it has to pass.
        state: where it stands.
        ramp_step: which of the ramp's shares holds.
        version: counts up with every move; whoever moves an older one is refused.
        changed_at: seconds since 1970-01-01 UTC.
        note: why it came here.
    """

    release_id: str
    live: str
    candidate: str
    plan: ReleasePlan
    state: State = "build"
    ramp_step: int = 0
    version: int = 0
    changed_at: float = 0.0
    note: str = ""

    @property
    def share(self) -> float:
        """Share of callers that the candidate answers in the ramp; 0 elsewhere."""
        if self.state != "ramp" or self.plan.ramp is None:
            return 0.0
        return self.plan.ramp.shares[self.ramp_step]

    @property
    def has_ended(self) -> bool:
        """Whether nothing more happens to it."""
        return self.state in ENDED

    def to_dict(self) -> dict[str, Any]:
        """Return the JSON form."""
        return {
            "id": self.release_id,
            "state": self.state,
            "live": self.live,
            "candidate": self.candidate,
            "ramp_step": self.ramp_step,
            "share": self.share,
            "version": self.version,
            "changed_at": self.changed_at,
            "note": self.note,
            "plan": self.plan.to_dict(),
        }


def allowed(state: State) -> tuple[Move, ...]:
    """Return the moves that a state has."""
    return tuple(move for move in MOVES if (state, move) in _FIXED or _advances(state, move))


def moved(release: Release, move: Move, *, note: str = "", at: float = 0.0) -> Release:
    """Return the release after a move.

    Raises:
        ReleaseStateError: its state has no such move.
    """
    if move not in allowed(release.state):
        raise ReleaseStateError(
            f"Release {release.release_id} is {said(release.state)}, where "
            f"{_COMMANDS.get(move, move)!r} is not possible. "
            f"Possible: {', '.join(commands(release.state)) or 'nothing'}."
        )
    changed = {"version": release.version + 1, "note": note, "changed_at": at}
    if move == "advance":
        state, step = _next(release)
    else:
        state, step = _FIXED[release.state, move], release.ramp_step
    return replace(release, state=state, ramp_step=step, **changed)  # type: ignore[arg-type]


def said(state: State) -> str:
    """Return a state as people read it behind "the release is"."""
    return _SAID.get(state, state)


def commands(state: State) -> tuple[str, ...]:
    """Return a state's moves by the names of their commands; nobody is asked for a fall back."""
    return tuple(_COMMANDS.get(move, move) for move in allowed(state) if move != "fall_back")


def way_out(state: State) -> str:
    """Return what has to be done with a release before another one begins."""
    if state in STAGES:
        return "Promote it, or abort it (`latelight release abort`), before another one begins."
    return "Retire what it left (`latelight release retire`) before another one begins."


def _advances(state: State, move: Move) -> bool:
    return move == "advance" and state in _ADVANCING


def _next(release: Release) -> tuple[State, int]:
    """Return the next stage that is planned; within the ramp, its next share."""
    ramp = release.plan.ramp
    if release.state == "ramp" and ramp is not None and release.ramp_step + 1 < len(ramp.shares):
        return "ramp", release.ramp_step + 1
    later = STAGES[STAGES.index(release.state) + 1 :]
    planned = (one for one in later if one == "ready" or getattr(release.plan, one) is not None)
    return next(planned), 0
