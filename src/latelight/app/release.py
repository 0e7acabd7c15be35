"""A release, driven: started, taken step by step, promoted, rolled back, retired.

Every step may be repeated: one that was killed is simply taken again.
"""

import sqlite3
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from latelight.app.adding import Workshop, make_backfill
from latelight.app.generations import CANDIDATE, begin_candidate, retire
from latelight.app.job import Job
from latelight.app.judging import check_gate, pinned
from latelight.app.mirror import Mirror
from latelight.app.opened import Versions
from latelight.app.release_stages import (
    Look,
    look_at_gate,
    look_at_interleaving,
    look_at_ramp,
    look_at_shadow,
)
from latelight.app.release_status import FillingStatus, Status, Step, preference, shares_p_value
from latelight.app.serving import Serving
from latelight.errors import NotFoundError, ReleaseStateError
from latelight.pipelines.progress import Watch, watch_nothing
from latelight.pipelines.spec import PipelineSpec
from latelight.pipelines.writing import waiting_writer
from latelight.releases.catalog import LIVE, Generation
from latelight.releases.experiments import check_no_experiment
from latelight.releases.generations import Standing
from latelight.releases.jobs import new_job_id
from latelight.releases.plan import DEFAULT_PLAN, ReleasePlan, load_plan
from latelight.releases.state import Release, allowed, commands, moved, said, way_out
from latelight.settings import Settings

PREVIOUS = "previous"
"""The alias of the version that was live before the last promotion."""
_LOCK_SECONDS = 60.0
_ATTEMPTS = 5  # each further one means that somebody wrote just then


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
            plan: the path of a YAML file, or a plan. A gate needs judgements, by path or by the
                name of a set that the collection keeps; without, give a plan whose gate is None.

        Raises:
            NotFoundError, SettingError: pipeline, plan or judgements are not there or not valid.
            ReleaseStateError: the pipeline is the live one, or a release or an experiment is under
                way.
        """
        chosen = plan if isinstance(plan, ReleasePlan) else load_plan(plan)
        under_way = self._store.latest()
        if under_way is not None and not under_way.has_ended:
            raise ReleaseStateError(
                f"Release {under_way.release_id} is {said(under_way.state)}. "
                f"{way_out(under_way.state)}"
            )
        chosen = pinned(chosen, self._versions.judgements)
        check_gate(chosen.gate, self._versions.judgements)
        self._clear_after_died_start()

        def begin(db: sqlite3.Connection, known: Standing, candidate: Generation) -> None:
            check_no_experiment(db, self._versions.home.place)
            live, after = known.live.digest, candidate.digest
            release = Release(new_job_id(), live, after, chosen, note=f"{live} to {after}")
            self._store.begin_within(db, release)

        begin_candidate(self._versions, pipeline, self._settings, begin)
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
                f"Possible: {', '.join(commands(release.state)) or 'nothing'}."
            )
        if release.state == "build":
            return self._build(release, progress)
        if release.state == "ready":
            return self._ready(release)
        return self._follow(release, self._look(release))

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
            preference_p=preference(wins),
            ratio_p=shares_p_value(release, counted),
            owed=self._versions.notes.count_debts(),
            left_out=tuple(self._versions.notes.left_out(store)),
            log=tuple(self._store.log(release.release_id)),
            filling=self._filling(release),
        )

    def _filling(self, release: Release) -> FillingStatus | None:
        """Return how far a candidate is filled that is being built, by whichever process."""
        version = self._versions.standing().versions.get(release.candidate)
        if release.state != "build" or version is None:
            return None
        filled = self._versions.open(version).store.snapshot()
        return FillingStatus(
            filled.n_documents,
            len(self._versions.notes.left_out(version.store)),
            self._versions.live().store.snapshot().n_documents,
        )

    # -- stages ------------------------------------------------------------------------------

    def _build(self, release: Release, progress: Watch) -> Step:
        if not self._finish_all(progress):
            return Step(release, False, "The backfill was stopped; step again.")
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

    def _look(self, release: Release) -> Look:
        """Return what the present stage shows."""
        if release.state == "gate":
            return look_at_gate(self._versions, release, self._settings.backfill_niceness)
        if release.state == "interleave":
            return look_at_interleaving(release, self._store.wins(release.release_id))
        counted = self._store.counted(release.release_id)
        if release.state == "shadow":
            return look_at_shadow(release, counted)
        return look_at_ramp(release, counted, self._serving.guards(release))

    def _follow(self, release: Release, look: Look) -> Step:
        """Do what a look asks for."""
        if look.outcome == "passed":
            return self._passed(release, look.note, look.details)
        if look.outcome == "held":
            return self._held(release, look.note, look.details)
        if look.outcome == "waits":
            return Step(release, False, look.note)
        note, details = look.note, look.details
        after = self._store.move(release, "fall_back", note=note, details=details)
        return Step(after, True, note)

    def _ready(self, release: Release) -> Step:
        if release.plan.promote == "hand":
            return Step(release, False, "All that was planned is passed; promote when you like.")
        note = "All that was planned is passed."
        return Step(self.promote(note), True, note)

    def _clear_after_died_start(self) -> None:
        """Remove a candidate that no release is for and that holds nothing of its own.

        Starts that were killed could once leave one. One that was filled, from Python, stays.
        """
        standing = self._versions.standing()  # first: a candidate and its release come at once
        digest, release = standing.aliases.get(CANDIDATE), self._store.latest()
        if digest is None:
            return
        if release is not None and release.candidate == digest and release.state != "retired":
            return
        store = standing.versions[digest].store
        others = {one.store for name, one in standing.versions.items() if name != digest}
        if store in standing.unfinished or store in others:
            retire(self._versions, self._mirror, digest)

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

    def _current(self) -> Release:
        release = self._store.latest()
        if release is None:
            raise NotFoundError(
                f"Collection {self._versions.home.name!r} has had no release. Begin one with "
                f"`latelight release start {self._versions.home.name} PIPELINE`."
            )
        return release
