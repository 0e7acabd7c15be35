"""Jobs, written down beside the catalog: what was asked, how far it came, what became of each item.

The index alone says what is stored; nothing here is needed to read it. A job is at work while
somebody holds the lock in its directory, which the system drops with the process, so that one which
was killed can be taken over at once. Taking over counts `attempt` up, and whoever writes under an
older one is refused.
"""

import json
import os
import secrets
import sqlite3
import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from latelight.errors import JobRunningError, NotFoundError
from latelight.pipelines.ledger import ItemNote, ItemState, StopRequest
from latelight.pipelines.progress import Failure, Progress, RunState
from latelight.releases.database import Database

KEPT = 200
"""Ended jobs of a collection that are remembered."""

NAMED = 3
"""Jobs that a message names where an id begins several."""

SCHEMA = """
CREATE TABLE IF NOT EXISTS job (
    job_id TEXT PRIMARY KEY, namespace TEXT NOT NULL, collection TEXT NOT NULL,
    digest TEXT NOT NULL, key TEXT NOT NULL, inputs TEXT NOT NULL, said TEXT NOT NULL,
    state TEXT NOT NULL, request TEXT NOT NULL, attempt INTEGER NOT NULL, process INTEGER NOT NULL,
    created_at REAL NOT NULL, updated_at REAL NOT NULL, progress TEXT NOT NULL, error TEXT NOT NULL
);
CREATE INDEX IF NOT EXISTS job_by_key ON job (namespace, collection, digest, key);
CREATE TABLE IF NOT EXISTS job_item (
    job_id TEXT NOT NULL REFERENCES job (job_id) ON DELETE CASCADE,
    source TEXT NOT NULL, state TEXT NOT NULL, n_bytes INTEGER NOT NULL, sha256 TEXT NOT NULL,
    doc_id TEXT NOT NULL, code TEXT NOT NULL, message TEXT NOT NULL,
    PRIMARY KEY (job_id, source)
) WITHOUT ROWID;
"""

_COLUMNS = (
    "job_id, namespace, collection, digest, key, inputs, said, state, request, attempt, process, "
    "created_at, updated_at, progress, error"
)
_NOTE = """
INSERT INTO job_item VALUES (?, ?, ?, ?, ?, ?, ?, ?)
ON CONFLICT (job_id, source) DO UPDATE SET
    state = excluded.state, n_bytes = excluded.n_bytes, sha256 = excluded.sha256,
    doc_id = excluded.doc_id, code = excluded.code, message = excluded.message
WHERE excluded.state != 'pending'
"""


@dataclass(frozen=True)
class JobRecord:
    """One job, as written down.

    Attributes:
        job_id: its name.
        namespace, collection, digest: where it adds to.
        key: the sha256 of what was asked.
        inputs: JSON of `Inputs`.
        said: what was asked, in a line.
        state: how its last run ended, or `running`.
        request: what somebody asked the run to do.
        attempt: how many runs it had.
        process: id of the last run's process.
        created_at, updated_at: seconds since 1970-01-01 UTC.
        progress: of the last run.
        error: what stopped a failed run.
    """

    job_id: str
    namespace: str
    collection: str
    digest: str
    key: str
    inputs: str
    said: str
    state: RunState
    request: StopRequest
    attempt: int
    process: int
    created_at: float
    updated_at: float
    progress: Progress
    error: str


@dataclass(frozen=True)
class Home:
    """The generation that a job adds to."""

    namespace: str
    collection: str
    digest: str


class JobStore:
    """Every job of a library; each method is one transaction."""

    def __init__(self, path: Path) -> None:
        """Use the catalog's file, whose older readers need not know these tables."""
        self._database = Database(path)
        with self._database.transaction() as db:
            for statement in SCHEMA.split(";"):
                db.execute(statement)

    def create(self, job_id: str, home: Home, key: str, inputs: str, said: str) -> None:
        """Write down a new job, durably; forget the collection's oldest that have ended."""
        now = time.time()
        own = (job_id, home.namespace, home.collection, home.digest, key, inputs, said)
        with self._database.transaction() as db:
            db.execute(
                f"INSERT INTO job ({_COLUMNS}) VALUES ({', '.join('?' * 15)})",
                (*own, "paused", "", 0, 0, now, now, "{}", ""),
            )
            db.execute(
                "DELETE FROM job WHERE job_id IN (SELECT job_id FROM job WHERE namespace = ?"
                " AND collection = ? AND state IN ('done', 'cancelled')"
                " ORDER BY created_at DESC LIMIT -1 OFFSET ?)",
                (home.namespace, home.collection, KEPT),
            )

    def claim(self, job_id: str) -> int:
        """Begin a run, whose number this returns; its lock must be held.

        Raises:
            NotFoundError: there is no such job.
        """
        with self._database.transaction() as db:
            db.execute(
                "UPDATE job SET state = 'running', request = '', attempt = attempt + 1,"
                " process = ?, updated_at = ?, error = '' WHERE job_id = ?",
                (os.getpid(), time.time(), job_id),
            )
            return self._found(db, job_id).attempt

    def note(
        self, job_id: str, attempt: int, notes: Iterable[ItemNote], progress: Progress
    ) -> StopRequest:
        """Write down what became of items, and how far the run is; return what was asked of it.

        Raises:
            JobRunningError: another run has taken over.
        """
        with self._database.transaction(durable=False) as db:
            self._update(db, (job_id, attempt), "progress = ?", (_progress_json(progress),))
            db.executemany(_NOTE, [(job_id, *_note_row(note)) for note in notes])
            (request,) = db.execute(
                "SELECT request FROM job WHERE job_id = ?", (job_id,)
            ).fetchone()
        return request  # type: ignore[no-any-return]

    def end(self, job_id: str, attempt: int, state: RunState, error: str = "") -> None:
        """Write down how a run ended, durably.

        Raises:
            JobRunningError: another run has taken over.
        """
        with self._database.transaction() as db:
            self._update(
                db, (job_id, attempt), "state = ?, request = '', error = ?", (state, error)
            )

    def ask(self, job_id: str, request: StopRequest) -> None:
        """Ask a run, in whatever process, to stop; it sees it within a second."""
        with self._database.transaction() as db:
            self._found(db, job_id)
            db.execute("UPDATE job SET request = ? WHERE job_id = ?", (request, job_id))

    def set_state(self, job_id: str, state: RunState) -> None:
        """Change the state of a job that nobody is at."""
        with self._database.transaction() as db:
            self._found(db, job_id)
            db.execute(
                "UPDATE job SET state = ?, request = '', updated_at = ? WHERE job_id = ?",
                (state, time.time(), job_id),
            )

    # -- looking -----------------------------------------------------------------------------

    def get(self, job_id: str) -> JobRecord:
        """Return a job by its id, or by the beginning of it that no other has.

        Raises:
            NotFoundError: there is none, or there are several.
        """
        with self._database.transaction() as db:
            return self._found(db, job_id)

    def all(self, namespace: str | None = None, collection: str | None = None) -> list[JobRecord]:
        """Return the jobs of a library, a namespace or a collection, newest first."""
        with self._database.transaction() as db:
            rows = db.execute(
                f"SELECT {_COLUMNS} FROM job WHERE (?1 IS NULL OR namespace = ?1)"
                " AND (?2 IS NULL OR collection = ?2) ORDER BY created_at DESC, job_id",
                (namespace, collection),
            )
            return [_record(row) for row in rows]

    def unfinished(self, home: Home, key: str) -> JobRecord | None:
        """Return the newest job that was asked for the same and has not come to its end."""
        with self._database.transaction() as db:
            row = db.execute(
                f"SELECT {_COLUMNS} FROM job WHERE namespace = ? AND collection = ?"
                " AND key = ? AND state IN ('running', 'paused', 'failed')"
                " ORDER BY created_at DESC LIMIT 1",
                (home.namespace, home.collection, key),
            ).fetchone()
        return None if row is None else _record(row)

    def failures(self, job_id: str) -> list[Failure]:
        """Return the items that have failed, by source."""
        with self._database.transaction() as db:
            rows = db.execute(
                "SELECT source, code, message FROM job_item WHERE job_id = ? AND state = 'failed'"
                " ORDER BY source",
                (job_id,),
            )
            return [Failure(*row) for row in rows]

    def count_failures(self, job_id: str) -> int:
        """Return how many items have failed."""
        with self._database.transaction(durable=False) as db:
            (n,) = db.execute(
                "SELECT COUNT(*) FROM job_item WHERE job_id = ? AND state = 'failed'", (job_id,)
            ).fetchone()
        return int(n)

    def item_counts(self, job_id: str) -> dict[ItemState, int]:
        """Return how many of the files that are followed are in which state."""
        with self._database.transaction() as db:
            rows = db.execute(
                "SELECT state, COUNT(*) FROM job_item WHERE job_id = ? GROUP BY state", (job_id,)
            )
            return dict(rows.fetchall())

    def wanted_ids(self, job_id: str) -> frozenset[str]:
        """Return the documents that the job's files became."""
        with self._database.transaction() as db:
            rows = db.execute(
                "SELECT doc_id FROM job_item WHERE job_id = ? AND state IN ('done', 'skipped')",
                (job_id,),
            )
            return frozenset(doc_id for (doc_id,) in rows)

    def forget_collection(self, namespace: str, collection: str) -> None:
        """Forget the jobs of a collection that is dropped."""
        with self._database.transaction() as db:
            db.execute(
                "DELETE FROM job WHERE namespace = ? AND collection = ?", (namespace, collection)
            )

    @staticmethod
    def _found(db: sqlite3.Connection, job_id: str) -> JobRecord:
        rows = db.execute(
            f"SELECT {_COLUMNS} FROM job WHERE job_id = ?1 OR (?1 != '' AND"
            f" substr(job_id, 1, length(?1)) = ?1) ORDER BY job_id LIMIT {NAMED + 1}",
            (job_id,),
        ).fetchall()
        if len(rows) != 1:
            raise no_one_job(job_id, [_record(row).job_id for row in rows])
        return _record(rows[0])

    @staticmethod
    def _update(
        db: sqlite3.Connection, run: tuple[str, int], assignments: str, values: tuple[Any, ...]
    ) -> None:
        changed = db.execute(
            f"UPDATE job SET {assignments}, updated_at = ? WHERE job_id = ? AND attempt = ?",
            (*values, time.time(), *run),
        )
        if not changed.rowcount:
            raise JobRunningError(
                f"Run {run[1]} of job {run[0]} was taken over by another process, or the job was "
                "forgotten; this run stops. What it published stays."
            )


def no_one_job(given: str, found: Sequence[str]) -> NotFoundError:
    """Return the error for an id that names no job, or begins the ids of several."""
    if not found:
        return NotFoundError(f"No job {given!r}. `latelight jobs list` shows them all.")
    named = ", ".join(found[:NAMED]) + (", …" if len(found) > NAMED else "")
    return NotFoundError(
        f"{given!r} begins the ids of several jobs ({named}). Give more of the one that is meant; "
        "`latelight jobs list` shows them all."
    )


def new_job_id() -> str:
    """Return an id that sorts by time and that nobody else has: 8 and 6 hex digits."""
    return f"{int(time.time()):08x}-{secrets.token_hex(3)}"


def _note_row(note: ItemNote) -> tuple[Any, ...]:
    own = (note.n_bytes, note.sha256, note.doc_id, note.code, note.message)
    return (note.source, note.state, *own)


def _progress_json(progress: Progress) -> str:
    return json.dumps(vars(progress))


def _record(row: tuple[Any, ...]) -> JobRecord:
    values: dict[str, Any] = dict(zip(_COLUMNS.split(", "), row, strict=True))
    values["progress"] = Progress(**json.loads(values["progress"]))
    return JobRecord(**values)
