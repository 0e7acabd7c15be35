"""A/B experiments of a collection, written down: two versions, who sees which, how it is read."""

import json
import sqlite3
import time
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, Literal

from latelight.errors import (
    AlreadyExistsError,
    InputError,
    NotFoundError,
    ReleaseConflictError,
    ReleaseStateError,
)
from latelight.experiments import Histogram
from latelight.experiments.ab import DEFAULT_READING, ArmSeen, Reading
from latelight.experiments.assignment import Arm, Assignment
from latelight.experiments.guards import LATENCY_EDGES
from latelight.releases.catalog import check_name
from latelight.releases.database import Database
from latelight.releases.generations import read_standing
from latelight.releases.state import STAGES, said, way_out
from latelight.releases.store import read_release

State = Literal["running", "stopped"]
ARM_A, ARM_B = "a", "b"
_IN = "namespace = ? AND collection = ?"
_COLUMNS = "experiment_id, name, a, b, plan, state, began_at, stopped_at, note, result"


@dataclass(frozen=True)
class ExperimentPlan:
    """Who takes part, and how the outcome is read.

    Attributes:
        share: of the callers that take part, so many are answered by b.
        exposure: share of all callers that take part; the others get the live version.
        reading: the test.
    """

    share: float = 0.5
    exposure: float = 1.0
    reading: Reading = DEFAULT_READING

    def __post_init__(self) -> None:
        if not 0 < self.share < 1:
            raise InputError(
                f"The share of b is {self.share!r}; give a number above 0 and below 1."
            )
        if not 0 < self.exposure <= 1:
            raise InputError(f"The exposure is {self.exposure!r}; give a share above 0, at most 1.")

    def to_dict(self) -> dict[str, Any]:
        """Return the JSON form."""
        return asdict(self)

    @classmethod
    def from_dict(cls, parts: Mapping[str, Any]) -> "ExperimentPlan":
        """Return the plan of a JSON form."""
        return cls(**{**parts, "reading": Reading(**parts["reading"])})


DEFAULT_EXPERIMENT = ExperimentPlan()


@dataclass(frozen=True)
class Experiment:
    """Two versions on their callers.

    Attributes:
        experiment_id: the seed of who sees what.
        name: by which people find it.
        a, b: digests of the versions; a is the one to beat.
        plan: who takes part, and how it is read.
        state: running or stopped.
        began_at, stopped_at: seconds since 1970-01-01 UTC; 0 while it runs.
        note: why it was stopped.
        result: what it came to, as it stood when it was stopped; empty while it runs.
    """

    experiment_id: str
    name: str
    a: str
    b: str
    plan: ExperimentPlan = DEFAULT_EXPERIMENT
    state: State = "running"
    began_at: float = 0.0
    stopped_at: float = 0.0
    note: str = ""
    result: Mapping[str, Any] | None = None

    @property
    def assignment(self) -> Assignment:
        """Who sees what: the same caller always the same."""
        arms = (Arm(ARM_B, self.plan.share), Arm(ARM_A, 1 - self.plan.share))
        return Assignment(self.experiment_id, arms, self.plan.exposure)

    def version(self, arm: str) -> str:
        """Return the digest of an arm's version."""
        return self.b if arm == ARM_B else self.a

    def to_dict(self) -> dict[str, Any]:
        """Return the JSON form, without the result."""
        found = asdict(self)
        del found["result"]
        return found


class ExperimentStore:
    """The experiments of one collection; each method is one transaction."""

    def __init__(self, path: Path, place: tuple[str, str]) -> None:
        """Use the catalog's file, prepared, for the collection at (namespace, name)."""
        self._database = Database(path)
        self._place = place

    def begin(self, experiment: Experiment) -> Experiment:
        """Write down an experiment: from now on it decides who is answered by what.

        Raises:
            InputError: the name is not usable, or both versions are one.
            AlreadyExistsError: the collection had one of that name.
            ReleaseStateError: another one is running, a release is under way, or a version cannot
                answer yet.
        """
        check_name("experiment", experiment.name)
        one = replace(experiment, began_at=time.time())
        with self._database.transaction() as db:
            self._check(db, one)
            plan = json.dumps(one.plan.to_dict())
            db.execute(
                "INSERT INTO experiment VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, '')",
                (
                    *self._place, one.experiment_id, one.name, one.a, one.b, plan, one.state,
                    one.began_at, 0.0, "",
                ),
            )  # fmt: skip
        return one

    def stop(self, experiment: Experiment, note: str, result: Mapping[str, Any]) -> Experiment:
        """End a running experiment with what it came to: the live version answers everybody.

        Raises:
            ReleaseConflictError: somebody else stopped it first.
        """
        after = replace(
            experiment, state="stopped", stopped_at=time.time(), note=note, result=result
        )
        with self._database.transaction() as db:
            changed = db.execute(
                "UPDATE experiment SET state = 'stopped', stopped_at = ?, note = ?, result = ?"
                " WHERE experiment_id = ? AND state = 'running'",
                (after.stopped_at, note, json.dumps(result), after.experiment_id),
            ).rowcount
        if not changed:
            raise ReleaseConflictError(
                f"Experiment {experiment.name!r} was stopped by another process just now. Look at "
                "it again."
            )
        return after

    def get(self, name: str = "") -> Experiment:
        """Return the experiment of a name, without one the running one or the newest.

        Raises:
            NotFoundError: there is none.
        """
        found = self.all()
        chosen = [one for one in found if one.name == name] if name else found[:1]
        if not chosen:
            names = ", ".join(one.name for one in found) or "none"
            wanted = f"no experiment {name!r}" if name else "had no experiment"
            raise NotFoundError(
                f"Collection {self._place[1]!r} has {wanted}; there are: {names}. Begin one with "
                "`latelight experiment start`."
            )
        return chosen[0]

    def all(self) -> list[Experiment]:
        """Return the experiments, a running one first, then the newest."""
        with self._database.transaction() as db:
            rows = db.execute(
                f"SELECT {_COLUMNS} FROM experiment WHERE {_IN}"
                " ORDER BY state = 'running' DESC, began_at DESC",
                self._place,
            )
            return [_read(row) for row in rows]

    def seen(self, experiment: Experiment) -> dict[str, ArmSeen]:
        """Return what the callers of each arm did so far."""
        with self._database.transaction() as db:
            return {arm: _seen(db, experiment.experiment_id, arm) for arm in (ARM_A, ARM_B)}

    def forget_all(self) -> None:
        """Forget the experiments of a collection that is dropped."""
        with self._database.transaction() as db:
            db.execute(f"DELETE FROM experiment WHERE {_IN}", self._place)

    def _check(self, db: sqlite3.Connection, one: Experiment) -> None:
        standing = read_standing(db, self._place)
        if one.a == one.b:
            raise InputError(
                f"Both versions are {one.a}; name two of {', '.join(standing.versions)}, or make "
                "another one with `latelight pipeline create`."
            )
        for digest in (one.a, one.b):
            if not standing.serves(digest):
                raise ReleaseStateError(
                    f"Version {digest} of {self._place[1]!r} is not there or not filled yet; let "
                    "its backfill end first."
                )
        if db.execute(
            f"SELECT 1 FROM experiment WHERE {_IN} AND name = ?", (*self._place, one.name)
        ).fetchone():
            raise AlreadyExistsError(
                f"Collection {self._place[1]!r} had an experiment {one.name!r}; give another name."
            )
        running = read_experiment(db, self._place)
        if running is not None:
            raise ReleaseStateError(_in_the_way(running))
        release = read_release(db, self._place)
        if release is not None and release.state in STAGES:
            raise ReleaseStateError(
                f"Release {release.release_id} is {said(release.state)} and decides who is "
                f"answered by what. {way_out(release.state)}"
            )


def read_experiment(db: sqlite3.Connection, place: tuple[str, str]) -> Experiment | None:
    """Return the running experiment of a collection, inside a transaction."""
    row = db.execute(
        f"SELECT {_COLUMNS} FROM experiment WHERE {_IN} AND state = 'running'", place
    ).fetchone()
    return None if row is None else _read(row)


def check_no_experiment(db: sqlite3.Connection, place: tuple[str, str], digest: str = "") -> None:
    """Refuse what would change who is answered by what while an experiment counts it.

    Args:
        db, place: where.
        digest: of a version that is to go; any when empty.

    Raises:
        ReleaseStateError: an experiment, one with this version, is running.
    """
    running = read_experiment(db, place)
    if running is not None and (not digest or digest in (running.a, running.b)):
        raise ReleaseStateError(_in_the_way(running))


def _in_the_way(running: Experiment) -> str:
    return (
        f"Experiment {running.name!r} compares {running.a} and {running.b}; stop it first "
        "(`latelight experiment stop`)."
    )


def _read(row: tuple[Any, ...]) -> Experiment:
    experiment_id, name, a, b, plan, state, began_at, stopped_at, note, result = row
    return Experiment(
        experiment_id,
        name,
        a,
        b,
        ExperimentPlan.from_dict(json.loads(plan)),
        state,
        began_at,
        stopped_at,
        note,
        json.loads(result) if result else None,
    )


def _seen(db: sqlite3.Connection, experiment_id: str, arm: str) -> ArmSeen:
    own = (experiment_id, arm)
    callers = db.execute(
        "SELECT COUNT(*), SUM(search_id IN (SELECT search_id FROM interaction)) FROM exposure"
        " WHERE experiment = ? AND arm = ? GROUP BY key_hash ORDER BY MIN(at), key_hash",
        own,
    ).fetchall()
    n_errors, n_empty = db.execute(
        "SELECT COALESCE(SUM(failed), 0), COALESCE(SUM(NOT failed AND shown = '[]'), 0)"
        " FROM exposure WHERE experiment = ? AND arm = ?",
        own,
    ).fetchone()
    times = db.execute(
        "SELECT milliseconds FROM exposure WHERE experiment = ? AND arm = ?"
        " AND milliseconds IS NOT NULL",
        own,
    )
    return ArmSeen(
        callers=tuple((n_searches, n_used) for n_searches, n_used in callers),
        n_errors=n_errors,
        n_zero_hits=n_empty,
        latency=Histogram.of([ms for (ms,) in times], LATENCY_EDGES),
    )
