"""What a release has to pass, as one frozen value, written in YAML."""

from itertools import pairwise
from pathlib import Path
from typing import Any, Literal

import msgspec
import yaml

from latelight.errors import NotFoundError, SettingError
from latelight.experiments import DEFAULT_GUARDS, Guard, LatencyGuard, RateGuard
from latelight.releases.catalog import is_name

OWN_SET = "@"
"""Stands before the name of a judgement set that the collection keeps."""


class BuildPlan(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The candidate is filled from what is kept.

    Attributes:
        max_left_out: so many documents may be missing in it, because its pipeline cannot read them.
    """

    max_left_out: int = 0


class GatePlan(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Offline: the candidate against the live version on judged topics.

    Attributes:
        judgements: a file or folder that `latelight eval` reads, or the name of a set that the
            collection keeps (`@NAME`: the set, whatever lies around); empty: none, with which no
            release begins.
        topics: the file of topics, where judgements need one.
        measures: of which none may be significantly worse.
        alpha, margin: as for `eval compare`.
        depth: results of each topic.
        allow_few_topics: whether "not enough topics" passes.
    """

    judgements: str = ""
    topics: str = ""
    measures: tuple[str, ...] = ("nDCG@10",)
    alpha: float = 0.05
    margin: float = 0.02
    depth: int = 100
    allow_few_topics: bool = False


class ShadowPlan(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A share of searches also runs on the candidate; users see the live version's hits alone.

    Attributes:
        share: of searches.
        queries: so many are looked at before the next stage.
        k: depth of the overlap.
        min_overlap: mean share of the live version's documents that the candidate finds too.
        most_waiting: beyond so many under way, searches are not shadowed.
    """

    share: float = 0.1
    queries: int = 100
    k: int = 10
    min_overlap: float = 0.0
    most_waiting: int = 4


class InterleavePlan(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Both rankings in one list; clicks decide.

    Attributes:
        share: of searches.
        method: `team-draft`, or `balanced`, which has a known bias.
        alpha: error of the always-valid sign test, over all looks together.
        max_sessions: after so many with a winner the candidate passes unless it has lost.
    """

    share: float = 0.5
    method: Literal["team-draft", "balanced"] = "team-draft"
    alpha: float = 0.05
    max_sessions: int = 1000


class GuardsPlan(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """How much worse the candidate may be while it serves; see `experiments.guards`.

    Attributes:
        errors, zero_hits: by how much the rate may rise.
        clicks: by how much the rate may fall.
        p95_latency: times the live version's.
        alpha: of each guard, over all looks together.
        min_queries: of both, before anything is said.
    """

    errors: float = 0.01
    zero_hits: float = 0.05
    clicks: float = 0.05
    p95_latency: float = 1.5
    alpha: float = 0.01
    min_queries: int = 50

    @property
    def guards(self) -> tuple[Guard, ...]:
        """As `check_guards` takes them."""
        own = (self.alpha, self.min_queries)
        return (
            RateGuard("errors", self.errors, *own),
            LatencyGuard(DEFAULT_QUANTILE, self.p95_latency, *own),
            RateGuard("zero_hits", self.zero_hits, *own),
            RateGuard("clicks", self.clicks, *own),
        )


class RampPlan(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A growing share of callers is answered by the candidate.

    Attributes:
        shares: one after the other.
        queries: that the candidate answers before the share grows.
        guards: that stop it.
    """

    shares: tuple[float, ...] = (0.01, 0.05, 0.25, 0.5, 1.0)
    queries: int = 100
    guards: GuardsPlan = GuardsPlan()


class ReleasePlan(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The stages of a release; one that is null is left out.

    Attributes:
        promote: whether the last step promotes, or waits for somebody to do so.
    """

    build: BuildPlan = BuildPlan()
    gate: GatePlan | None = GatePlan()
    shadow: ShadowPlan | None = ShadowPlan()
    interleave: InterleavePlan | None = InterleavePlan()
    ramp: RampPlan | None = RampPlan()
    promote: Literal["auto", "hand"] = "hand"

    def to_json(self) -> str:
        """Return the form that is written down."""
        return msgspec.json.encode(self, order="deterministic").decode()

    def to_dict(self) -> dict[str, Any]:
        """Return the JSON form."""
        built: dict[str, Any] = msgspec.to_builtins(self)
        return built


DEFAULT_QUANTILE = next(g.quantile for g in DEFAULT_GUARDS if isinstance(g, LatencyGuard))
DEFAULT_PLAN = ReleasePlan()


def load_plan(path: str | Path) -> ReleasePlan:
    """Return the plan in a YAML file; relative paths in it start at the file's folder.

    Judgements that do not lie there, and have no ending, are a set that the collection keeps.

    Raises:
        NotFoundError: there is no such file.
        SettingError: it has an unknown field or a value out of range.
    """
    file = Path(path)
    if not file.is_file():
        raise NotFoundError(f"There is no file {str(path)!r}; give the path of a release plan.")
    plan = parse_plan(file.read_text(encoding="utf-8"), origin=str(path))
    if plan.gate is None:
        return plan
    gate = plan.gate
    named = {}
    if gate.topics:
        named["topics"] = str((file.parent / gate.topics).resolve())
    if gate.judgements and not gate.judgements.startswith(OWN_SET):
        path = (file.parent / gate.judgements).resolve()
        named["judgements"] = OWN_SET + gate.judgements if _means_set(gate, path) else str(path)
    return msgspec.structs.replace(plan, gate=msgspec.structs.replace(gate, **named))


def _means_set(gate: GatePlan, path: Path) -> bool:
    """Return whether a set is meant: nothing lies there, and it is no file's name."""
    name = gate.judgements
    return is_name(name) and not (path.exists() or path.suffix or gate.topics)


def parse_plan(text: str, *, origin: str = "the release plan") -> ReleasePlan:
    """Return the plan that a YAML or JSON text holds.

    Raises:
        SettingError: it is not YAML, has an unknown field, or a value out of range.
    """
    try:
        plan = msgspec.convert(yaml.safe_load(text) or {}, ReleasePlan)
    except (yaml.YAMLError, msgspec.ValidationError) as error:
        raise SettingError(f"{origin}: {error}. See docs/releases.md for the fields.") from error
    for name, value, low, high in _limits(plan):
        if not low <= value <= high:
            raise SettingError(f"{origin}: {name} is {value}; give a value from {low} to {high}.")
    if plan.ramp is not None and not _rises(plan.ramp.shares):
        raise SettingError(
            f"{origin}: ramp.shares are {list(plan.ramp.shares)}; give at least one, each larger "
            "than the one before."
        )
    return plan


def _rises(shares: tuple[float, ...]) -> bool:
    return bool(shares) and all(a < b for a, b in pairwise(shares))


def _limits(plan: ReleasePlan) -> list[tuple[str, float, float, float]]:
    limits: list[tuple[str, float, float, float]] = [
        ("build.max_left_out", plan.build.max_left_out, 0, 1e9)
    ]
    if plan.gate is not None:
        limits += [
            ("gate.alpha", plan.gate.alpha, 0.0001, 0.5),
            ("gate.margin", plan.gate.margin, 0.0005, 1),
            ("gate.depth", plan.gate.depth, 1, 10_000),
        ]
    if plan.shadow is not None:
        limits += [
            ("shadow.share", plan.shadow.share, 0, 1),
            ("shadow.queries", plan.shadow.queries, 1, 1e9),
            ("shadow.k", plan.shadow.k, 1, 10_000),
            ("shadow.min_overlap", plan.shadow.min_overlap, 0, 1),
            ("shadow.most_waiting", plan.shadow.most_waiting, 1, 1_000),
        ]
    if plan.interleave is not None:
        limits += [
            ("interleave.share", plan.interleave.share, 0, 1),
            ("interleave.alpha", plan.interleave.alpha, 0.0001, 0.5),
            ("interleave.max_sessions", plan.interleave.max_sessions, 1, 1e9),
        ]
    if plan.ramp is not None:
        guards = plan.ramp.guards
        limits += [
            *(("ramp.shares", share, 0.0001, 1) for share in plan.ramp.shares),
            ("ramp.queries", plan.ramp.queries, 1, 1e9),
            ("ramp.guards.errors", guards.errors, 0, 0.99),
            ("ramp.guards.zero_hits", guards.zero_hits, 0, 0.99),
            ("ramp.guards.clicks", guards.clicks, 0, 0.99),
            ("ramp.guards.p95_latency", guards.p95_latency, 1, 1_000),
            ("ramp.guards.alpha", guards.alpha, 0.0001, 0.5),
            ("ramp.guards.min_queries", guards.min_queries, 1, 1e9),
        ]
    return limits
