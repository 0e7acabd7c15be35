"""Which version answers a search: one pure decision."""

from dataclasses import dataclass

from latelight.experiments import Arm, Assignment
from latelight.releases.generations import Standing
from latelight.releases.state import Release

LIVE_ARM, CANDIDATE_ARM = "live", "candidate"


@dataclass(frozen=True)
class Route:
    """What happens to one search.

    Attributes:
        serves: digest of the version whose hits the caller sees.
        arm: under which it is counted, empty for not at all.
        shadow: digest of a version that is asked too, out of sight.
        interleave: digest of a version whose ranking is mixed in.
    """

    serves: str
    arm: str = ""
    shadow: str = ""
    interleave: str = ""


def route(standing: Standing, release: Release | None, key: str) -> Route:
    """Return what happens to a caller's search; a key always gets the same while nothing moves.

    Nothing is ever answered, counted or mixed from a version that is not finished, and whoever is
    in a share of the ramp stays in it as the share grows.

    Args:
        standing: the versions.
        release: what is going on, None for nothing.
        key: the caller's, or one made for the search.
    """
    live = standing.aliases["live"]
    if release is None or not _takes_part(standing, release):
        return Route(live)
    if release.state == "shadow" and release.plan.shadow is not None:
        chosen = takes_part(release, "shadow", key, release.plan.shadow.share)
        return Route(live, shadow=release.candidate if chosen else "")
    if release.state == "interleave" and release.plan.interleave is not None:
        chosen = takes_part(release, "interleave", key, release.plan.interleave.share)
        return Route(live, interleave=release.candidate if chosen else "")
    if release.state == "ramp":
        arm = ramp(release).arm(key)
        served = release.candidate if arm == CANDIDATE_ARM else live
        return Route(served, arm or LIVE_ARM)
    return Route(live)


def is_routed(release: Release | None) -> bool:
    """Return whether a release is where the candidate may take part in searches."""
    return release is not None and release.state in ("shadow", "interleave", "ramp")


def ramp(release: Release) -> Assignment:
    """Return who is answered by the candidate at the ramp's present share."""
    return Assignment.ramp(_seed(release, "ramp"), CANDIDATE_ARM, LIVE_ARM, release.share)


def takes_part(release: Release, stage: str, key: str, share: float) -> bool:
    """Return whether a key is in a stage's share."""
    everybody = (Arm(CANDIDATE_ARM, 1.0),)
    return Assignment(_seed(release, stage), everybody, exposure=share).arm(key) is not None


def _takes_part(standing: Standing, release: Release) -> bool:
    still_live = standing.aliases["live"] == release.live
    return still_live and standing.serves(release.candidate)


def _seed(release: Release, stage: str) -> str:
    return f"{release.release_id} {stage}"
