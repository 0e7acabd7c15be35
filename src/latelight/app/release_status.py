"""How a release stands, and what a step came to: values for people and programs."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from latelight.experiments import GuardVerdict, proportion_p_value, sample_ratio_p_value
from latelight.releases.generations import LeftOut
from latelight.releases.routing import CANDIDATE_ARM, LIVE_ARM
from latelight.releases.state import Move, Release
from latelight.releases.store import Counted, LogEntry


@dataclass(frozen=True)
class Step:
    """What a step came to.

    Attributes:
        release: as it is now.
        moved: whether it went on.
        said: why, in a sentence.
    """

    release: Release
    moved: bool
    said: str

    def to_dict(self) -> dict[str, Any]:
        """Return the JSON form."""
        return {"moved": self.moved, "said": self.said, "release": self.release.to_dict()}


@dataclass(frozen=True)
class FillingStatus:
    """How far a candidate is filled.

    Attributes:
        n_documents: that can be read in it by now.
        n_left_out: that it cannot hold.
        n_wanted: of the live version.
    """

    n_documents: int
    n_left_out: int
    n_wanted: int


@dataclass(frozen=True)
class Status:
    """How a release stands, with all that was counted.

    Attributes:
        release: where it stands.
        next_moves: what can be done.
        counted: by stage, step and arm.
        guards: of the ramp.
        wins: of interleaved searches: live (`a`), candidate (`b`), ties, unclicked (empty).
        preference_p: always-valid p-value that people prefer neither.
        ratio_p: always-valid p-value that the ramp's arms got their shares; small: do not believe
            the rest.
        owed: documents that a generation has still to follow in, by its store.
        left_out: documents that the candidate cannot hold.
        log: the audit log, oldest first.
        filling: how far the candidate is filled, while it is being built; else None.
    """

    release: Release
    next_moves: tuple[Move, ...]
    counted: tuple[Counted, ...]
    guards: tuple[GuardVerdict, ...]
    wins: Mapping[str, int]
    preference_p: float
    ratio_p: float
    owed: Mapping[str, int]
    left_out: tuple[LeftOut, ...]
    log: tuple[LogEntry, ...]
    filling: FillingStatus | None = None

    def to_dict(self) -> dict[str, Any]:
        """Return the JSON form."""
        return {
            "release": self.release.to_dict(),
            "next_moves": list(self.next_moves),
            "counted": [_counted_dict(one) for one in self.counted],
            "guards": [one.to_dict() for one in self.guards],
            "wins": dict(self.wins),
            "preference_p": self.preference_p,
            "ratio_p": self.ratio_p,
            "owed": dict(self.owed),
            "left_out": [vars(one) for one in self.left_out],
            "log": [one.to_dict() for one in self.log],
            "filling": None if self.filling is None else vars(self.filling),
        }


def preference(wins: Mapping[str, int]) -> float:
    """Return the always-valid p-value that people prefer neither version."""
    for_live, for_candidate = wins.get("a", 0), wins.get("b", 0)
    return proportion_p_value(for_candidate, for_live + for_candidate)


def shares_p_value(release: Release, counted: Sequence[Counted]) -> float:
    """Return the p-value of the present step's shares, 1 where they cannot be wrong."""
    if not 0 < release.share < 1:
        return 1.0
    n_queries = {
        one.arm: one.traffic.n_queries
        for one in counted
        if (one.stage, one.step) == ("ramp", release.ramp_step)
    }
    shares = {CANDIDATE_ARM: release.share, LIVE_ARM: 1 - release.share}
    return sample_ratio_p_value(n_queries, shares)


def _counted_dict(one: Counted) -> dict[str, Any]:
    traffic = one.traffic
    latency = {f"p{q}_ms": traffic.latency.quantile(q / 100) for q in (50, 95)}
    return {
        "stage": one.stage,
        "step": one.step,
        "arm": one.arm,
        "n_queries": traffic.n_queries,
        "n_errors": traffic.n_errors,
        "n_zero_hits": traffic.n_zero_hits,
        "n_clicked": traffic.n_clicked,
        "overlap": one.overlap / one.n_overlap if one.n_overlap else None,
        **(latency if traffic.latency.n else {}),
    }
