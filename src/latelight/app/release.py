"""A release, driven: started, taken step by step, promoted, rolled back, retired.

Every step may be repeated: one that was killed is simply taken again.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from latelight.app.adding import Workshop, make_backfill
from latelight.app.counting import total
from latelight.app.generations import CANDIDATE, begin_candidate, retire
from latelight.app.job import Job
from latelight.app.mirror import Mirror
from latelight.app.opened import OpenGeneration, Versions
from latelight.app.serving import Serving
from latelight.errors import NotFoundError, ReleaseStateError
from latelight.evaluation import (
    CompareOptions,
    Comparison,
    JudgementSet,
    Measure,
    compare,
    read_judgements,
    search_topics,
)
from latelight.experiments import GuardVerdict, proportion_p_value, sample_ratio_p_value
from latelight.pipelines.ingest import waiting_writer
from latelight.pipelines.progress import Watch, watch_nothing
from latelight.pipelines.request import SearchRequest
from latelight.pipelines.spec import PipelineSpec
from latelight.releases.catalog import LIVE
from latelight.releases.generations import LeftOut
from latelight.releases.jobs import new_job_id
from latelight.releases.plan import DEFAULT_PLAN, GatePlan, ReleasePlan, load_plan
from latelight.releases.routing import CANDIDATE_ARM, LIVE_ARM
from latelight.releases.state import Move, Release, allowed, moved, said
from latelight.releases.store import Counted, LogEntry
from latelight.settings import Settings

PREVIOUS = "previous"
"""The alias of the version that was live before the last promotion."""
_LOCK_SECONDS = 60.0
_ATTEMPTS = 5  # each further one means that somebody wrote just then


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
        }


class Releases:
    """The releases of one collection: `collection.release`."""

    def __init__(
        self,
        versions: Versions,
        mirror: Mirror,
        serving: Serving,
        shop: Callable[[], Workshop],
        settings: Settings,
    ) -> None:
        """Drive what the others do."""
        self._versions = versions
        self._mirror = mirror
        self._serving = serving
        self._shop = shop
        self._settings = settings
        self._store = versions.releases

    def start(
        self,
        pipeline: str | Path | PipelineSpec,
        plan: str | Path | ReleasePlan = DEFAULT_PLAN,
    ) -> Release:
        """Make a candidate under a pipeline and begin its release; nothing is filled yet.

        Args:
            pipeline: a preset, the path of a YAML file, or a spec.
            plan: the path of a YAML file, or a plan; the default wants judgements for its gate.

        Raises:
            NotFoundError, SettingError: pipeline or plan are not there or not valid.
            ReleaseStateError: the pipeline is the live one, or a release is under way.
        """
        chosen = plan if isinstance(plan, ReleasePlan) else load_plan(plan)
        under_way = self._store.latest()
        if under_way is not None and not under_way.has_ended:
            raise ReleaseStateError(
                f"Release {under_way.release_id} is {said(under_way.state)}. Abort it, or retire "
                "what it left, before another one begins."
            )
        candidate = begin_candidate(self._versions, pipeline, self._settings)
        live = self._versions.standing().live.digest
        release = Release(
            new_job_id(), live, candidate.digest, chosen, note=f"{live} to {candidate.digest}"
        )
        self._store.begin(release)
        return self._current()

    def step(self, *, progress: Watch = watch_nothing) -> Step:
        """Do what the present stage asks for, or look whether it has been passed; go on if so.

        Args:
            progress: is called with the events of the backfill.

        Raises:
            NotFoundError: no release is under way.
            ReleaseStateError: it has been promoted, rolled back or aborted.
            ReleaseConflictError: somebody else moved it meanwhile.
        """
        self._serving.settle()
        self._mirror.follow()
        release = self._current()
        if release.state != "build":
            self._finish_all(progress)
        if "advance" not in allowed(release.state) and release.state != "ready":
            raise ReleaseStateError(
                f"Release {release.release_id} is {said(release.state)}; there is no further step. "
                f"Possible: {', '.join(allowed(release.state)) or 'nothing'}."
            )
        if release.state == "build":
            return self._build(release, progress)
        looks: dict[str, Callable[[Release], Step]] = {
            "gate": self._gate,
            "shadow": self._shadow,
            "interleave": self._interleave,
            "ramp": self._ramp,
            "ready": self._ready,
        }
        return looks[release.state](release)

    def promote(self, note: str = "promoted by hand") -> Release:
        """Make the candidate the live version, in one write; what it still owes is settled first.

        Raises:
            ReleaseStateError: it has not passed its gate, or is over.
            ReleaseConflictError: somebody else moved it, or the alias, first.
        """
        release = self._current()
        moved(release, "promote")
        candidate = self._versions.standing().versions[release.candidate]
        aliases = {
            LIVE: (release.live, release.candidate),
            PREVIOUS: (None, release.live),
            CANDIDATE: (None, None),
        }
        for attempt in range(_ATTEMPTS):
            self._mirror.settle(candidate.store)
            # Nobody commits meanwhile: the new live version lacks nothing that the old one has.
            # Where somebody adds all the time, it follows in the last few right afterwards.
            with waiting_writer(self._versions.live().store, _LOCK_SECONDS):
                owes = self._versions.notes.count_debts().get(candidate.store)
                if not owes or attempt == _ATTEMPTS - 1:
                    after = self._store.move(release, "promote", note=note, aliases=aliases)
                    break
        self._mirror.follow()
        return after

    def rollback(self, note: str = "rolled back by hand") -> Release:
        """Make the version live again that was before the promotion, in one write.

        It has followed in everything since; what a process was killed in the midst of is settled
        afterwards.

        Raises:
            ReleaseStateError: nothing was promoted, or the old version was retired.
            ReleaseConflictError: somebody else moved it, or the alias, first.
        """
        release = self._current()
        aliases = {
            LIVE: (release.candidate, release.live),
            CANDIDATE: (None, release.candidate),
            PREVIOUS: (None, None),
        }
        after = self._store.move(release, "rollback", note=note, aliases=aliases)
        self._mirror.follow()
        return after

    def abort(self, note: str = "aborted by hand") -> Release:
        """End a release before its promotion; the live version stays what it is.

        Raises:
            ReleaseStateError: it was promoted, or is over.
            ReleaseConflictError: somebody else moved it first.
        """
        return self._store.move(self._current(), "abort", note=note)

    def retire(self) -> Release:
        """Remove the version that the release left: the old one, or the candidate that failed.

        Raises:
            ReleaseStateError: the release is under way.
        """
        release = self._current()
        moved(release, "retire")
        left = release.live if release.state == "promoted" else release.candidate
        retire(self._versions, self._mirror, left)
        return self._store.move(release, "retire", note=f"{left} is retired")

    def status(self) -> Status:
        """Return how the release that began last stands.

        Raises:
            NotFoundError: there was none.
        """
        self._serving.write()
        release = self._current()
        counted = self._store.counted(release.release_id)
        wins = self._store.wins(release.release_id)
        version = self._versions.standing().versions.get(release.candidate)
        store = "" if version is None else version.store
        return Status(
            release=release,
            next_moves=allowed(release.state),
            counted=tuple(counted),
            guards=self._serving.guards(release),
            wins=wins,
            preference_p=_preference(wins),
            ratio_p=_ratio(release, counted),
            owed=self._versions.notes.count_debts(),
            left_out=tuple(self._versions.notes.left_out(store)),
            log=tuple(self._store.log(release.release_id)),
        )

    # -- stages ------------------------------------------------------------------------------

    def _build(self, release: Release, progress: Watch) -> Step:
        if not self._finish_all(progress):
            return self._waits(release, "The backfill was stopped; step again.")
        version = self._versions.standing().versions[release.candidate]
        opened = self._versions.open(version)
        opened.loaded()
        left_out = self._versions.notes.left_out(version.store)
        n_documents = opened.store.snapshot().n_documents
        note = f"{n_documents:,} documents are in the candidate, {len(left_out):,} are left out."
        details = {"n_documents": n_documents, "n_left_out": len(left_out)}
        if len(left_out) > release.plan.build.max_left_out:
            first = left_out[0]
            return self._held(
                release,
                f"{note} The first is {first.doc_id!r}: {first.message} Mend or delete them, or "
                "abort and start with a higher build.max_left_out.",
                details,
            )
        return self._passed(release, note, details)

    def _finish_all(self, progress: Watch) -> bool:
        """Fill what is not finished; also what was not compared since a backup was restored."""
        for store in sorted(self._versions.standing().unfinished):
            job = Job(make_backfill(self._shop(), store), progress).start()
            if job.wait().state != "done":
                return False
        return True

    def _gate(self, release: Release) -> Step:
        plan = release.plan.gate
        assert plan is not None
        if not plan.judgements:
            return self._held(
                release,
                "The plan's gate names no judgements. Abort, and start with gate.judgements, or "
                "with `gate: null` to go without.",
            )
        judged = read_judgements(plan.judgements, plan.topics or None)
        found = self._compared(release, judged, plan)
        verdicts = {one.measure: one.verdict for one in found.differences}
        details = {"verdicts": verdicts, "differences": _differences(found)}
        shown = ", ".join(f"{measure}: {verdict}" for measure, verdict in verdicts.items())
        bad = {"worse"} if plan.allow_few_topics else {"worse", "not enough topics"}
        if bad & set(verdicts.values()):
            return self._held(release, f"The gate is shut. {shown}.", details)
        return self._passed(release, f"The gate is open. {shown}.", details)

    def _compared(self, release: Release, judged: JudgementSet, plan: GatePlan) -> Comparison:
        versions = self._versions.standing().versions
        runs = []
        for name, digest in (("live", release.live), ("candidate", release.candidate)):
            opened = self._versions.open(versions[digest])
            timed = search_topics(_ranking(opened, plan.depth), judged.judged, name)
            runs.append(timed.run)
        measures = [Measure.parse(name) for name in plan.measures]
        return compare(runs, judged, measures, CompareOptions(alpha=plan.alpha, margin=plan.margin))

    def _shadow(self, release: Release) -> Step:
        plan = release.plan.shadow
        assert plan is not None
        counted = self._store.counted(release.release_id)
        seen = total(counted, "shadow", CANDIDATE_ARM)
        own = [one for one in counted if (one.stage, one.arm) == ("shadow", CANDIDATE_ARM)]
        n_overlap = sum(one.n_overlap for one in own)
        overlap = sum(one.overlap for one in own) / n_overlap if n_overlap else 1.0
        details = {"n_queries": seen.n_queries, "n_errors": seen.n_errors, "overlap": overlap}
        note = (
            f"{seen.n_queries:,} searches were shadowed, {seen.n_errors:,} failed, overlap@{plan.k}"
            f" {overlap:.2f}, p95 {seen.latency.quantile(0.95):.0f} ms."
            if seen.n_queries
            else "No search was shadowed yet."
        )
        if seen.n_queries < plan.queries:
            return self._waits(release, f"{note} {plan.queries:,} are wanted.")
        if seen.n_errors:
            return self._held(release, f"{note} A candidate with errors goes no further.", details)
        if overlap < plan.min_overlap:
            return self._held(release, f"{note} At least {plan.min_overlap:g} is wanted.", details)
        return self._passed(release, note, details)

    def _interleave(self, release: Release) -> Step:
        plan = release.plan.interleave
        assert plan is not None
        wins = self._store.wins(release.release_id)
        for_live, for_candidate = wins.get("a", 0), wins.get("b", 0)
        p = _preference(wins)
        details = {"live": for_live, "candidate": for_candidate, "p": p}
        note = f"The candidate won {for_candidate:,} of {for_live + for_candidate:,}, p {p:.3g}."
        decided = p <= plan.alpha
        if decided and for_live > for_candidate:
            after = self._store.move(
                release,
                "fall_back",
                note=f"People prefer the live version. {note}",
                details=details,
            )
            return Step(after, True, after.note)
        if decided or for_live + for_candidate >= plan.max_sessions:
            return self._passed(release, note, details)
        return self._waits(release, f"{note} Nothing is decided yet.")

    def _ramp(self, release: Release) -> Step:
        plan = release.plan.ramp
        assert plan is not None
        verdicts = self._serving.guards(release)
        details = {"guards": [one.to_dict() for one in verdicts]}
        broken = [one for one in verdicts if one.state == "broken"]
        if broken:
            note = f"A guard is broken. {broken[0].message}"
            after = self._store.move(release, "fall_back", note=note, details=details)
            return Step(after, True, note)
        seen = sum(
            one.traffic.n_queries
            for one in self._store.counted(release.release_id)
            if (one.stage, one.step, one.arm) == ("ramp", release.ramp_step, CANDIDATE_ARM)
        )
        note = f"At {release.share:.0%} the candidate answered {seen:,} searches, all guards hold."
        if seen < plan.queries:
            return self._waits(release, f"{note} {plan.queries:,} are wanted.")
        return self._passed(release, note, details)

    def _ready(self, release: Release) -> Step:
        if release.plan.promote == "hand":
            return Step(release, False, "All that was planned is passed; promote when you like.")
        note = "All that was planned is passed."
        return Step(self.promote(note), True, note)

    # -- moving ------------------------------------------------------------------------------

    def _passed(self, release: Release, note: str, details: Mapping[str, Any]) -> Step:
        after = self._store.move(release, "advance", note=note, details=details)
        if after.state == "ready" and after.plan.promote == "auto":
            return Step(self.promote(note), True, note)
        return Step(after, True, note)

    def _held(self, release: Release, note: str, details: Mapping[str, Any] | None = None) -> Step:
        """Stay, and say so in the audit log."""
        self._store.remark(release, note, details or {})
        return Step(release, False, note)

    @staticmethod
    def _waits(release: Release, note: str) -> Step:
        return Step(release, False, note)

    def _current(self) -> Release:
        release = self._store.latest()
        if release is None:
            raise NotFoundError(
                f"Collection {self._versions.home.name!r} has had no release. Begin one with "
                f"`latelight release start {self._versions.home.name} PIPELINE`."
            )
        return release


def _ranking(version: OpenGeneration, depth: int) -> Callable[[str], list[tuple[str, float]]]:
    def ranking(text: str) -> list[tuple[str, float]]:
        (hits,) = version.search([SearchRequest(text, k=depth, group_by="document")])
        return [(hit.doc_id, hit.score) for hit in hits]

    return ranking


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


def _preference(wins: Mapping[str, int]) -> float:
    for_live, for_candidate = wins.get("a", 0), wins.get("b", 0)
    return proportion_p_value(for_candidate, for_live + for_candidate)


def _ratio(release: Release, counted: Sequence[Counted]) -> float:
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
