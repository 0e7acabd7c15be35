"""What each stage of a release looks at, and what follows: decisions on what was counted."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from latelight.app.counting import total
from latelight.app.judging import check_gate, judgements_of
from latelight.app.opened import OpenGeneration, Versions
from latelight.app.release_status import preference
from latelight.evaluation import (
    CompareOptions,
    Comparison,
    Coverage,
    JudgementSet,
    Measure,
    compare,
    coverage,
    search_topics,
)
from latelight.experiments import GuardVerdict
from latelight.pipelines.background import gently
from latelight.pipelines.request import SearchRequest
from latelight.releases.plan import GatePlan
from latelight.releases.routing import CANDIDATE_ARM
from latelight.releases.state import Release
from latelight.releases.store import Counted

Outcome = Literal["passed", "held", "waits", "lost"]


@dataclass(frozen=True)
class Look:
    """What a stage shows.

    Attributes:
        outcome: passed; held, which the audit log should know; waits for more; or lost, so that
            the live version answers everybody again.
        note: why, in a sentence.
        details: the numbers behind it.
    """

    outcome: Outcome
    note: str
    details: Mapping[str, Any] = field(default_factory=dict)


def look_at_gate(versions: Versions, release: Release, niceness: int = 0) -> Look:
    """Search every judged topic in both versions and compare, giving way to who searches."""
    plan = release.plan.gate
    assert plan is not None
    check_gate(plan, versions.judgements)  # they may have changed since the start
    judged = judgements_of(plan, versions.judgements)
    seen = {"judgements": {"name": judged.name, "digest": judged.digest}}
    there = coverage(judged, versions.live().store.snapshot().contains)
    if not there.topics:
        note = f"The gate is shut. {_nothing_judged(there)}"
        return Look("held", note, {**seen, **_covered(there)})
    judged = judged.only(there.topics)
    found = gently(lambda: _compared(versions, release, judged, plan), niceness)
    verdicts = {one.measure: one.verdict for one in found.differences}
    own = {"verdicts": verdicts, "differences": _differences(found)}
    details = {**own, **seen, **_covered(there)}
    shown = ", ".join(f"{measure}: {verdict}" for measure, verdict in verdicts.items())
    if there.missing:
        shown += (
            f". {there.said()}; compared were {len(there.topics):,} of {there.n_topics:,} topics"
        )
    bad = {"worse", "nothing found"} | (set() if plan.allow_few_topics else {"not enough topics"})
    if bad & set(verdicts.values()):
        return Look("held", f"The gate is shut. {shown}.", details)
    return Look("passed", f"The gate is open. {shown}.", details)


def look_at_shadow(release: Release, counted: list[Counted]) -> Look:
    """Look at the searches that ran on both, out of sight."""
    plan = release.plan.shadow
    assert plan is not None
    seen = total(counted, "shadow", CANDIDATE_ARM)
    if not seen.n_queries:
        return Look("waits", f"No search was shadowed yet. {plan.queries:,} are wanted.")
    own = [one for one in counted if (one.stage, one.arm) == ("shadow", CANDIDATE_ARM)]
    n_overlap = sum(one.n_overlap for one in own)
    overlap = sum(one.overlap for one in own) / n_overlap if n_overlap else 1.0
    details = {"n_queries": seen.n_queries, "n_errors": seen.n_errors, "overlap": overlap}
    note = (
        f"{seen.n_queries:,} searches were shadowed, {seen.n_errors:,} failed, overlap@{plan.k}"
        f" {overlap:.2f}, p95 {seen.latency.quantile(0.95):.0f} ms."
    )
    if seen.n_queries < plan.queries:
        return Look("waits", f"{note} {plan.queries:,} are wanted.")
    if seen.n_errors:
        return Look("held", f"{note} A candidate with errors goes no further.", details)
    if overlap < plan.min_overlap:
        return Look("held", f"{note} At least {plan.min_overlap:g} is wanted.", details)
    return Look("passed", note, details)


def look_at_interleaving(release: Release, wins: Mapping[str, int]) -> Look:
    """Look at whose documents people used."""
    plan = release.plan.interleave
    assert plan is not None
    for_live, for_candidate = wins.get("a", 0), wins.get("b", 0)
    p = preference(wins)
    details = {"live": for_live, "candidate": for_candidate, "p": p}
    note = f"The candidate won {for_candidate:,} of {for_live + for_candidate:,}, p {p:.3g}."
    decided = p <= plan.alpha
    if decided and for_live > for_candidate:
        return Look("lost", f"People prefer the live version. {note}", details)
    if decided or for_live + for_candidate >= plan.max_sessions:
        return Look("passed", note, details)
    return Look("waits", f"{note} Nothing is decided yet.")


def look_at_ramp(
    release: Release, counted: Sequence[Counted], verdicts: Sequence[GuardVerdict]
) -> Look:
    """Look at the guards, and at how much the candidate answered at the present share."""
    plan = release.plan.ramp
    assert plan is not None
    details = {"guards": [one.to_dict() for one in verdicts]}
    broken = [one for one in verdicts if one.state == "broken"]
    if broken:
        return Look("lost", f"A guard is broken. {broken[0].message}", details)
    here = ("ramp", release.ramp_step, CANDIDATE_ARM)
    own = (one for one in counted if (one.stage, one.step, one.arm) == here)
    seen = sum(one.traffic.n_queries for one in own)
    note = f"At {release.share:.0%} the candidate answered {seen:,} searches, all guards hold."
    if seen < plan.queries:
        return Look("waits", f"{note} {plan.queries:,} are wanted.")
    return Look("passed", note, details)


def _compared(
    versions: Versions, release: Release, judged: JudgementSet, plan: GatePlan
) -> Comparison:
    known = versions.standing().versions
    runs = []
    for name, digest in (("live", release.live), ("candidate", release.candidate)):
        opened = versions.open(known[digest])
        timed = search_topics(_ranking(opened, plan.depth), judged.judged, name)
        runs.append(timed.run)
    measures = [Measure.parse(name) for name in plan.measures]
    return compare(runs, judged, measures, CompareOptions(alpha=plan.alpha, margin=plan.margin))


def _ranking(version: OpenGeneration, depth: int) -> Callable[[str], list[tuple[str, float]]]:
    def ranking(text: str) -> list[tuple[str, float]]:
        (hits,) = version.search([SearchRequest(text, k=depth, group_by="document")])
        return [(hit.doc_id, hit.score) for hit in hits]

    return ranking


def _nothing_judged(there: Coverage) -> str:
    return (
        f"{there.said()}, so nothing can be compared; judgements name documents by doc_id "
        f"(`latelight show`, collection.documents()), the first names {there.missing[0]!r}. Mend "
        "the judgements, or add what it judges, and step again."
    )


def _covered(there: Coverage) -> dict[str, int]:
    return {"n_judged": there.n_judged, "n_judged_found": there.n_found}


def _differences(found: Comparison) -> dict[str, Any]:
    return {
        one.measure: {
            "live": one.before,
            "candidate": one.after,
            "p": one.corrected_p,
            "needed": one.needed,
        }
        for one in found.differences
    }
