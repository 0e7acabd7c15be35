"""Searches that people saw, and what they used: the log of a collection, and that of experiments.

A collection's log is off until somebody begins it, for it holds what people asked. Experiments log
who saw which version, under a hash, and no question.
"""

import json
import sqlite3
import time
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from latelight.errors import InputError
from latelight.releases.database import Database
from latelight.releases.generations import read_standing

_IN = "namespace = ? AND collection = ?"
_PAGE = 1000
_UNTRIED = (
    f"{_IN} AND experiment NOT IN (SELECT experiment_id FROM experiment WHERE state = 'running')"
)


@dataclass(frozen=True)
class LogSetting:
    """How a collection logs its searches.

    Attributes:
        days: so long a search is kept.
        began_at: seconds since 1970-01-01 UTC.
        is_on: whether further ones are logged.
    """

    days: float
    began_at: float
    is_on: bool = True


@dataclass(frozen=True)
class ShownSearch:
    """One search as somebody saw it.

    Attributes:
        search_id: by which an interaction names it.
        at: seconds since 1970-01-01 UTC.
        version: digest of the version whose hits were shown; of both, with a plus, where they were
            interleaved.
        query: its text, empty where the collection logs none.
        shown: documents with the position of each one's first hit, from 1.
        experiment, arm, key_hash: who saw it in which arm; empty outside experiments.
        failed: whether the arm's version raised; what was shown is the live one's then.
        milliseconds: that the arm's version took, None where it was asked together with others.
        clicked: the documents that were used.
    """

    search_id: str
    at: float
    version: str
    query: str
    shown: tuple[tuple[str, int], ...]
    experiment: str = ""
    arm: str = ""
    key_hash: str = ""
    failed: bool = False
    milliseconds: float | None = None
    clicked: tuple[str, ...] = ()

    def to_dict(self) -> dict[str, Any]:
        """Return the JSON form."""
        found: dict[str, Any] = {
            "search_id": self.search_id,
            "at": self.at,
            "version": self.version,
            "shown": [{"doc_id": doc, "position": position} for doc, position in self.shown],
            "used": list(self.clicked),
        }
        if self.query:
            found["query"] = self.query
        if self.experiment:
            found |= {
                "experiment": self.experiment,
                "arm": self.arm,
                "caller": self.key_hash,
                "failed": self.failed,
                "milliseconds": self.milliseconds,
            }
        return found


@dataclass(frozen=True)
class LogCounts:
    """What a collection's log holds.

    Attributes:
        n_searches, n_used: searches with their questions, and those of which something was used.
        oldest, newest: seconds since 1970-01-01 UTC, None of nothing.
    """

    n_searches: int
    n_used: int
    oldest: float | None
    newest: float | None


class InteractionStore:
    """What one collection's callers saw and used; each method is one transaction."""

    def __init__(self, path: Path, place: tuple[str, str]) -> None:
        """Use the catalog's file, prepared, for the collection at (namespace, name)."""
        self._database = Database(path)
        self._place = place

    def begin(self, days: float) -> LogSetting:
        """Log every search from now on; where that is so already, only the days change.

        Raises:
            NotFoundError: the collection was dropped.
        """
        with self._database.transaction() as db:
            read_standing(db, self._place)
            known = read_log(db, self._place)
            goes_on = known is not None and known.is_on
            setting = LogSetting(days, known.began_at if known and goes_on else time.time())
            db.execute(
                "INSERT OR REPLACE INTO interaction_log VALUES (?, ?, ?, ?, 1)",
                (*self._place, setting.days, setting.began_at),
            )
        return setting

    def end(self) -> None:
        """Log no further search; what is logged stays for its days."""
        with self._database.transaction() as db:
            db.execute(f"UPDATE interaction_log SET is_on = 0 WHERE {_IN}", self._place)

    def setting(self) -> LogSetting | None:
        """Return how the collection logs, None where it never did."""
        with self._database.transaction() as db:
            return read_log(db, self._place)

    def write(self, shown: Iterable[ShownSearch]) -> None:
        """Add searches to the log; one that is there already stays."""
        rows = [
            (
                one.search_id, *self._place, one.at, one.version, one.query, json.dumps(one.shown),
                one.experiment, one.arm, one.key_hash, one.failed, one.milliseconds,
            )
            for one in shown
        ]  # fmt: skip
        with self._database.transaction(durable=False) as db:
            db.executemany(
                "INSERT OR IGNORE INTO exposure VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)", rows
            )

    def use(self, search_id: str, doc_id: str) -> bool:
        """Note that a document of a search was used; return whether the search is known.

        Raises:
            InputError: the search did not show the document.
        """
        with self._database.transaction(durable=False) as db:
            row = db.execute(
                f"SELECT shown FROM exposure WHERE search_id = ? AND {_IN}",
                (search_id, *self._place),
            ).fetchone()
            if row is None:
                return False
            if doc_id not in {doc for doc, _ in json.loads(row[0])}:
                raise InputError(
                    f"Search {search_id!r} did not show document {doc_id!r}; give the doc_id of "
                    "one of its hits."
                )
            db.execute(
                "INSERT OR IGNORE INTO interaction VALUES (?, ?, ?)",
                (search_id, doc_id, time.time()),
            )
            return True

    def searches(self, experiment: str = "") -> Iterator[ShownSearch]:
        """Yield logged searches, oldest first: those with a question, or those of an experiment.

        They are read by the thousand, so that nobody waits who writes meanwhile.
        """
        chosen, own = ("experiment = ?", experiment) if experiment else ("query != ?", "")
        after: tuple[float, str] = (-1.0, "")
        while True:
            with self._database.transaction() as db:
                rows = db.execute(
                    "SELECT search_id, at, version, query, shown, experiment, arm, key_hash,"
                    " failed, milliseconds, (SELECT json_group_array(doc_id) FROM interaction i"
                    f" WHERE i.search_id = e.search_id) FROM exposure e WHERE {_IN} AND {chosen}"
                    " AND (at, search_id) > (?, ?) ORDER BY at, search_id LIMIT ?",
                    (*self._place, own, *after, _PAGE),
                ).fetchall()
            for row in rows:
                yield _shown(row)
            if len(rows) < _PAGE:
                return
            after = (rows[-1][1], rows[-1][0])

    def counts(self) -> LogCounts:
        """Return what the log holds."""
        with self._database.transaction() as db:
            row = db.execute(
                "SELECT COUNT(*), COALESCE(SUM(search_id IN (SELECT search_id FROM interaction)),"
                f" 0), MIN(at), MAX(at) FROM exposure WHERE {_IN} AND query != ''",
                self._place,
            ).fetchone()
            return LogCounts(*row)

    def clear(self) -> int:
        """Forget every question; return how many. What an experiment counts stays, without."""
        with self._database.transaction() as db:
            n = db.execute(
                f"SELECT COUNT(*) FROM exposure WHERE {_IN} AND query != ''", self._place
            ).fetchone()[0]
            db.execute(f"DELETE FROM exposure WHERE {_UNTRIED} AND query != ''", self._place)
            db.execute(f"UPDATE exposure SET query = '' WHERE {_IN}", self._place)
        return int(n)

    def forget(self, days: float, most: int) -> int:
        """Forget what is too old, and the oldest of what is too much; return how many.

        Searches of a running experiment stay, without their questions once these are too old.

        Args:
            days: where the collection's log states its own, these.
            most: so many of the newest stay.
        """
        with self._database.transaction() as db:
            setting = read_log(db, self._place)
            before = time.time() - (setting.days if setting else days) * 86_400
            old = db.execute(
                f"DELETE FROM exposure WHERE {_UNTRIED} AND at < ?", (*self._place, before)
            ).rowcount
            db.execute(
                f"UPDATE exposure SET query = '' WHERE {_IN} AND at < ? AND query != ''",
                (*self._place, before),
            )
            many = db.execute(
                "DELETE FROM exposure WHERE search_id IN (SELECT search_id FROM exposure"
                f" WHERE {_UNTRIED} ORDER BY at DESC LIMIT -1 OFFSET ?)",
                (*self._place, most),
            ).rowcount
        return old + many

    def forget_all(self) -> None:
        """Forget what is logged of a collection that is dropped."""
        with self._database.transaction() as db:
            for table in ("interaction_log", "exposure"):
                db.execute(f"DELETE FROM {table} WHERE {_IN}", self._place)


def read_log(db: sqlite3.Connection, place: tuple[str, str]) -> LogSetting | None:
    """Return how a collection logs, inside a transaction."""
    row = db.execute(
        f"SELECT days, began_at, is_on FROM interaction_log WHERE {_IN}", place
    ).fetchone()
    return None if row is None else LogSetting(row[0], row[1], bool(row[2]))


def _shown(row: Sequence[Any]) -> ShownSearch:
    search_id, at, version, query, shown, experiment, arm, key_hash, failed, ms, clicked = row
    return ShownSearch(
        search_id=search_id,
        at=at,
        version=version,
        query=query,
        shown=tuple((doc, position) for doc, position in json.loads(shown)),
        experiment=experiment,
        arm=arm,
        key_hash=key_hash,
        failed=bool(failed),
        milliseconds=ms,
        clicked=tuple(sorted(json.loads(clicked))),
    )
