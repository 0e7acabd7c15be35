"""A/B experiments on any two versions of a collection: begun, told, stopped."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from latelight.app.differences import named
from latelight.app.opened import Versions
from latelight.app.serving import Serving
from latelight.errors import ReleaseStateError
from latelight.experiments.ab import AbResult, ArmReport, read_ab
from latelight.releases.experiments import (
    ARM_A,
    ARM_B,
    DEFAULT_EXPERIMENT,
    Experiment,
    ExperimentPlan,
)
from latelight.releases.interactions import ShownSearch
from latelight.releases.jobs import new_job_id


@dataclass(frozen=True)
class ExperimentStatus:
    """How an experiment stands; of one that was stopped, how it stood then.

    Attributes:
        experiment: the versions, and how it is read.
        a, b: what the callers of each arm did.
        result: what that shows.
    """

    experiment: Experiment
    a: ArmReport
    b: ArmReport
    result: AbResult

    def to_dict(self) -> dict[str, Any]:
        """Return the JSON form."""
        return {"experiment": self.experiment.to_dict(), **self.told()}

    def told(self) -> dict[str, Any]:
        """Return the JSON form of what was seen and what it shows."""
        return {
            "arms": {ARM_A: self.a.to_dict(), ARM_B: self.b.to_dict()},
            "result": self.result.to_dict(),
        }


class Experiments:
    """The experiments of one collection: `collection.experiments`."""

    def __init__(self, versions: Versions, serving: Serving) -> None:
        """Look at the versions that searches are answered from."""
        self._versions = versions
        self._serving = serving
        self._store = versions.experiments

    def start(
        self, a: str, b: str, *, name: str = "", plan: ExperimentPlan = DEFAULT_EXPERIMENT
    ) -> Experiment:
        """Answer callers by one of two versions each from now on, and count what they use.

        Who gets what follows from a seeded hash of the `key` of a search: the same caller always
        sees the same. Searches without a key are callers of their own. Who takes no part, and whose
        version fails, is answered by the live one.

        Args:
            a, b: versions, by alias, digest or the digest's beginning; a is the one to beat.
            name: by which it is found; made up when empty.
            plan: who takes part, and how it is read.

        Raises:
            NotFoundError: there is not exactly one such version.
            InputError: both are one version, or the name is not usable.
            AlreadyExistsError: there was an experiment of that name.
            ReleaseStateError: another experiment or a release is under way, or a version is not
                filled yet.
        """
        standing = self._versions.standing()
        of_a, of_b = (named(standing, which, self._versions.home.name).digest for which in (a, b))
        made = new_job_id()
        return self._store.begin(Experiment(made, name or made, of_a, of_b, plan))

    def status(self, name: str = "") -> ExperimentStatus:
        """Return how an experiment stands: the running one, or the newest, without a name.

        Raises:
            NotFoundError: there is none.
        """
        self._serving.write()
        found = self._store.get(name)
        if found.result is None:
            return self._now(found)
        arms, result = found.result["arms"], found.result["result"]
        a, b = (ArmReport.from_dict(arms[arm]) for arm in (ARM_A, ARM_B))
        return ExperimentStatus(found, a, b, AbResult.from_dict(result))

    def stop(self, name: str = "", *, note: str = "stopped by hand") -> ExperimentStatus:
        """End an experiment: what it shows now is kept, and the live version answers everybody.

        Args:
            name: of it; the running one when empty.
            note: why.

        Raises:
            NotFoundError: there is none.
            ReleaseStateError: it was stopped before.
            ReleaseConflictError: another process stopped it just now.
        """
        now = self.status(name)
        if now.experiment.state != "running":
            raise ReleaseStateError(
                f"Experiment {now.experiment.name!r} was stopped before ({now.experiment.note}); "
                "begin another one with `latelight experiment start`."
            )
        after = self._store.stop(now.experiment, note, now.told())
        return ExperimentStatus(after, now.a, now.b, now.result)

    def list(self) -> tuple[Experiment, ...]:
        """Return the experiments, a running one first, then the newest."""
        return tuple(self._store.all())

    def searches(self, name: str = "") -> Iterator[ShownSearch]:
        """Yield who saw which arm, oldest first, with what was shown and used.

        Of experiments that were stopped, searches go after `LATELIGHT_SHOWN_DAYS`.

        Raises:
            NotFoundError: there is no such experiment.
        """
        self._serving.write()
        yield from self._versions.interactions.searches(self._store.get(name).experiment_id)

    def _now(self, experiment: Experiment) -> ExperimentStatus:
        seen = self._store.seen(experiment)
        a, b = seen[ARM_A], seen[ARM_B]
        result = read_ab(a, b, experiment.plan.share, experiment.plan.reading)
        return ExperimentStatus(experiment, a.report(), b.report(), result)
