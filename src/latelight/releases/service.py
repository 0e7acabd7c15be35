"""What the service has to remember: answers already given, and jobs that it took upon itself."""

import time
from dataclasses import dataclass
from pathlib import Path

from latelight.releases.database import Database

KEPT_SECONDS = 24 * 3600.0
"""So long is an answer given again to the same `Idempotency-Key`."""

SCHEMA = """
CREATE TABLE IF NOT EXISTS answer (
    key TEXT PRIMARY KEY, asked TEXT NOT NULL, status INTEGER NOT NULL, media_type TEXT NOT NULL,
    location TEXT NOT NULL, body BLOB NOT NULL, at REAL NOT NULL
) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS answer_by_time ON answer (at);
CREATE TABLE IF NOT EXISTS undertaken (job_id TEXT PRIMARY KEY, at REAL NOT NULL) WITHOUT ROWID;
"""


@dataclass(frozen=True)
class GivenAnswer:
    """An answer as it was given.

    Attributes:
        asked: digest of what was asked.
        status: HTTP's.
        media_type, location, body: of the answer.
    """

    asked: str
    status: int
    media_type: str
    location: str
    body: bytes


class ServiceStore:
    """One library's; each method is one transaction."""

    def __init__(self, path: Path) -> None:
        """Use the catalog's file."""
        self._database = Database(path)
        with self._database.transaction() as db:
            for statement in SCHEMA.split(";"):
                db.execute(statement)

    def answer(self, key: str) -> GivenAnswer | None:
        """Return what was answered to a key within the last day."""
        with self._database.transaction(durable=False) as db:
            row = db.execute(
                "SELECT asked, status, media_type, location, body FROM answer"
                " WHERE key = ? AND at > ?",
                (key, time.time() - KEPT_SECONDS),
            ).fetchone()
        return None if row is None else GivenAnswer(*row)

    def keep_answer(self, key: str, given: GivenAnswer) -> None:
        """Remember an answer for a day, and forget older ones."""
        own = (given.asked, given.status, given.media_type, given.location, given.body)
        now = time.time()
        with self._database.transaction() as db:
            db.execute("DELETE FROM answer WHERE at <= ?", (now - KEPT_SECONDS,))
            db.execute(
                "INSERT OR REPLACE INTO answer VALUES (?, ?, ?, ?, ?, ?, ?)", (key, *own, now)
            )

    def undertake(self, job_id: str) -> None:
        """Note, durably, that a job is the service's to bring to its end."""
        with self._database.transaction() as db:
            db.execute("INSERT OR IGNORE INTO undertaken VALUES (?, ?)", (job_id, time.time()))

    def lay_down(self, job_id: str) -> None:
        """Note that a job has come to its end, or that somebody stopped it."""
        with self._database.transaction() as db:
            db.execute("DELETE FROM undertaken WHERE job_id = ?", (job_id,))

    def is_undertaken(self, job_id: str) -> bool:
        """Return whether a job is the service's to bring to its end."""
        with self._database.transaction(durable=False) as db:
            row = db.execute("SELECT 1 FROM undertaken WHERE job_id = ?", (job_id,)).fetchone()
        return row is not None

    def undertaken(self) -> list[str]:
        """Return the jobs that are still to be brought to their end, oldest first."""
        with self._database.transaction() as db:
            rows = db.execute("SELECT job_id FROM undertaken ORDER BY at, job_id")
            return [job_id for (job_id,) in rows]
