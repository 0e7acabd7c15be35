"""Evaluations that the service was asked for: what was asked, and what came out."""

import json
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from latelight.errors import NotFoundError
from latelight.releases.database import Database

EvaluationState = Literal["waiting", "running", "done", "failed"]

SCHEMA = """
CREATE TABLE IF NOT EXISTS evaluation (
    evaluation_id TEXT PRIMARY KEY, namespace TEXT NOT NULL, collection TEXT NOT NULL,
    state TEXT NOT NULL, asked TEXT NOT NULL, result TEXT NOT NULL, report TEXT NOT NULL,
    error TEXT NOT NULL, created_at REAL NOT NULL, updated_at REAL NOT NULL
);
CREATE INDEX IF NOT EXISTS evaluation_of ON evaluation (namespace, collection);
"""
_COLUMNS = (
    "evaluation_id, namespace, collection, state, asked, result, error, created_at, updated_at"
)


@dataclass(frozen=True)
class EvaluationRecord:
    """One evaluation.

    Attributes:
        asked: as it came.
        result: JSON of the comparison, or the runs' means; None before the end.
        error: why it failed.
        created_at, updated_at: seconds since 1970-01-01 UTC.
    """

    evaluation_id: str
    namespace: str
    collection: str
    state: EvaluationState
    asked: Mapping[str, Any]
    result: Mapping[str, Any] | None
    error: str
    created_at: float
    updated_at: float


class EvaluationStore:
    """The evaluations of one library; each method is one transaction."""

    def __init__(self, path: Path) -> None:
        """Use the catalog's file."""
        self._database = Database(path)
        with self._database.transaction() as db:
            for statement in SCHEMA.split(";"):
                db.execute(statement)

    def create(self, evaluation_id: str, place: tuple[str, str], asked: Mapping[str, Any]) -> None:
        """Write down what is to be evaluated at (namespace, collection)."""
        now = time.time()
        row = (evaluation_id, *place, "waiting", json.dumps(asked), "", "", "", now, now)
        with self._database.transaction() as db:
            db.execute("INSERT INTO evaluation VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)", row)

    def begin(self, evaluation_id: str) -> None:
        """Note that somebody is at it."""
        self._set(evaluation_id, "state = 'running'", ())

    def finish(self, evaluation_id: str, result: Mapping[str, Any], report: str) -> None:
        """Write down what came out."""
        changes = "state = 'done', result = ?, report = ?"
        self._set(evaluation_id, changes, (json.dumps(result), report))

    def fail(self, evaluation_id: str, error: str) -> None:
        """Write down why nothing came out."""
        self._set(evaluation_id, "state = 'failed', error = ?", (error,))

    def of(self, place: tuple[str, str]) -> list[EvaluationRecord]:
        """Return the evaluations of a collection, newest first."""
        with self._database.transaction() as db:
            rows = db.execute(
                f"SELECT {_COLUMNS} FROM evaluation WHERE namespace = ? AND collection = ?"
                " ORDER BY created_at DESC, evaluation_id",
                place,
            )
            return [_record(row) for row in rows]

    def unfinished(self) -> list[EvaluationRecord]:
        """Return those that nobody has brought to their end, oldest first."""
        with self._database.transaction() as db:
            rows = db.execute(
                f"SELECT {_COLUMNS} FROM evaluation WHERE state IN ('waiting', 'running')"
                " ORDER BY created_at"
            )
            return [_record(row) for row in rows]

    def get(self, evaluation_id: str, place: tuple[str, str]) -> EvaluationRecord:
        """Return one of a collection's.

        Raises:
            NotFoundError: there is none of that id.
        """
        return _record(self._row(_COLUMNS, evaluation_id, place))

    def report(self, evaluation_id: str, place: tuple[str, str]) -> str:
        """Return the page of one that is done, empty before; errors as `get`."""
        return str(self._row("report", evaluation_id, place)[0])

    def forget_collection(self, place: tuple[str, str]) -> None:
        """Forget those of a collection that is dropped."""
        with self._database.transaction() as db:
            db.execute("DELETE FROM evaluation WHERE namespace = ? AND collection = ?", place)

    def _row(self, columns: str, evaluation_id: str, place: tuple[str, str]) -> tuple[Any, ...]:
        with self._database.transaction() as db:
            row = db.execute(
                f"SELECT {columns} FROM evaluation"
                " WHERE evaluation_id = ? AND namespace = ? AND collection = ?",
                (evaluation_id, *place),
            ).fetchone()
        if row is None:
            raise NotFoundError(f"No evaluation {evaluation_id!r} in collection {place[1]!r}.")
        return tuple(row)

    def _set(self, evaluation_id: str, changes: str, values: tuple[str, ...]) -> None:
        with self._database.transaction() as db:
            db.execute(
                f"UPDATE evaluation SET {changes}, updated_at = ? WHERE evaluation_id = ?",
                (*values, time.time(), evaluation_id),
            )


def _record(row: tuple[Any, ...]) -> EvaluationRecord:
    values: dict[str, Any] = dict(zip(_COLUMNS.split(", "), row, strict=True))
    values["asked"] = json.loads(values["asked"])
    values["result"] = json.loads(values["result"]) if values["result"] else None
    return EvaluationRecord(**values)
