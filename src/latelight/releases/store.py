"""Releases, written down: where each stands, what was done to it, and what was counted.

A move is one transaction with the aliases that it moves and its entry in the audit log, so that a
process that is killed leaves all of it or nothing. Moves carry the number of the state that they
were decided on; of two that were decided on the same one, the second is refused.
"""

import json
import os
import sqlite3
import time
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from latelight.errors import NotFoundError, ReleaseConflictError, ReleaseStateError
from latelight.experiments import Histogram, Traffic
from latelight.releases.database import Database
from latelight.releases.generations import point_alias
from latelight.releases.plan import parse_plan
from latelight.releases.state import Move, Release, moved, said, way_out

Winning = Callable[[str, list[str]], str]
"""Says whose documents were clicked, given an interleaved list's JSON and the clicks."""
_COLUMNS = "release_id, live, candidate, plan, state, ramp_step, version, changed_at, note"


@dataclass(frozen=True)
class LogEntry:
    """One line of a release's audit log.

    Attributes:
        at: seconds since 1970-01-01 UTC.
        process: who.
        what: the move, or what was found.
        before, after: states.
        note: why, in a sentence.
        details: numbers behind it.
    """

    at: float
    process: int
    what: str
    before: str
    after: str
    note: str
    details: Mapping[str, Any] = field(default_factory=dict)

    def to_dict(self) -> dict[str, Any]:
        """Return the JSON form."""
        return asdict(self)


@dataclass(frozen=True)
class Counted:
    """What one arm did in one stage.

    Attributes:
        stage, step, arm: which; the step is the ramp's.
        traffic: its counters.
        overlap: sum over shadowed searches of the share of documents that both found.
        n_overlap: how many those were.
    """

    stage: str
    step: int
    arm: str
    traffic: Traffic = field(default_factory=Traffic)
    overlap: float = 0.0
    n_overlap: int = 0


@dataclass(frozen=True)
class Shown:
    """A search whose clicks count.

    Attributes:
        search_id: by which an interaction names it.
        stage, step, arm: where it is counted.
        key_hash: the caller, as logs know one.
        mixed: the interleaved list as JSON, empty for one version's own.
    """

    search_id: str
    stage: str
    step: int
    arm: str
    key_hash: str
    at: float
    mixed: str = ""


class ReleaseStore:
    """The releases of one collection; each method is one transaction."""

    def __init__(self, path: Path, place: tuple[str, str]) -> None:
        """Use the catalog's file, prepared, for the collection at (namespace, name)."""
        self._database = Database(path)
        self._place = place

    # -- releases ----------------------------------------------------------------------------

    def begin(self, release: Release) -> None:
        """Write down a new release.

        Raises:
            ReleaseStateError: another one has not ended.
        """
        with self._database.transaction() as db:
            self.begin_within(db, release)

    def begin_within(self, db: sqlite3.Connection, release: Release) -> None:
        """Write down a new release in a transaction that also makes its candidate; as `begin`."""
        under_way = read_release(db, self._place)
        if under_way is not None and not under_way.has_ended:
            raise ReleaseStateError(
                f"Release {under_way.release_id} of collection {self._place[1]!r} is "
                f"{said(under_way.state)}. {way_out(under_way.state)}"
            )
        now = time.time()
        one = release
        db.execute(
            "INSERT INTO release VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
            (
                *self._place, one.release_id, one.live, one.candidate, one.plan.to_json(),
                one.state, one.ramp_step, one.version, now, one.note, now,
            ),
        )  # fmt: skip
        _log(db, one.release_id, _entry("start", "", one.state, one.note))

    def latest(self) -> Release | None:
        """Return the release that began last, None when there was none."""
        with self._database.transaction() as db:
            return read_release(db, self._place)

    def move(
        self,
        release: Release,
        move: Move,
        *,
        note: str = "",
        details: Mapping[str, Any] | None = None,
        aliases: Mapping[str, tuple[str | None, str | None]] | None = None,
    ) -> Release:
        """Move a release, and aliases with it, at once; return it as it is then.

        Args:
            release: as it was when the move was decided.
            move: what to do.
            note: why.
            details: numbers behind it.
            aliases: by name, the digest that each points at now, and the one that it shall point
                at; None stands for no alias, as the present one for whichever it is.

        Raises:
            ReleaseStateError: its state has no such move.
            ReleaseConflictError: somebody else moved the release, or an alias, first.
        """
        after = moved(release, move, note=note, at=time.time())
        with self._database.transaction() as db:
            self._check_newest(db, release)
            for alias, (expected, digest) in (aliases or {}).items():
                point_alias(db, self._place, alias, expected, digest)
            db.execute(
                "UPDATE release SET state = ?, ramp_step = ?, version = ?, changed_at = ?, note = ?"
                " WHERE release_id = ?",
                (
                    after.state, after.ramp_step, after.version, after.changed_at, note,
                    release.release_id,
                ),
            )  # fmt: skip
            entry = _entry(move, release.state, after.state, note, details)
            _log(db, release.release_id, entry)
        return after

    def remark(self, release: Release, note: str, details: Mapping[str, Any]) -> None:
        """Write into the audit log what was found, where nothing moves."""
        with self._database.transaction() as db:
            entry = _entry("found", release.state, release.state, note, details)
            _log(db, release.release_id, entry)

    def log(self, release_id: str) -> list[LogEntry]:
        """Return a release's audit log, oldest first."""
        with self._database.transaction() as db:
            rows = db.execute(
                "SELECT at, process, what, before, after, note, details FROM release_log"
                " WHERE release_id = ? ORDER BY rowid",
                (release_id,),
            )
            return [_logged(row) for row in rows]

    def forget_all(self) -> None:
        """Forget the releases of a collection that is dropped."""
        with self._database.transaction() as db:
            db.execute("DELETE FROM release WHERE namespace = ? AND collection = ?", self._place)

    def _check_newest(self, db: sqlite3.Connection, release: Release) -> None:
        row = db.execute(
            "SELECT version, state FROM release WHERE release_id = ?", (release.release_id,)
        ).fetchone()
        if row is None:
            raise NotFoundError(f"Release {release.release_id} was forgotten with its collection.")
        if row[0] != release.version:
            raise ReleaseConflictError(
                f"Release {release.release_id} was {said(release.state)} when this was decided, "
                f"and is {said(row[1])} by now: another process moved it first. Look at it again."
            )

    # -- what is counted ---------------------------------------------------------------------

    def count(
        self, release_id: str, counted: Iterable[Counted], shown: Iterable[Shown] = ()
    ) -> None:
        """Add to a release's counters, and remember searches whose clicks will count."""
        with self._database.transaction(durable=False) as db:
            if db.execute("SELECT 1 FROM release WHERE release_id = ?", (release_id,)).fetchone():
                for one in counted:
                    _add(db, release_id, one)
                db.executemany(
                    "INSERT OR IGNORE INTO shown VALUES (?, ?, ?, ?, ?, ?, ?, ?, '[]', '')",
                    [
                        (s.search_id, release_id, s.stage, s.step, s.arm, s.key_hash, s.at, s.mixed)
                        for s in shown
                    ],
                )

    def counted(self, release_id: str) -> list[Counted]:
        """Return all that was counted, by stage, step and arm."""
        with self._database.transaction() as db:
            rows = db.execute(
                "SELECT stage, step, arm, n_queries, n_errors, n_zero_hits, n_clicked, latency,"
                " overlap, n_overlap FROM traffic WHERE release_id = ? ORDER BY stage, step, arm",
                (release_id,),
            )
            return [_counted(row) for row in rows]

    def click(self, search_id: str, doc_id: str, winner: Winning) -> bool:
        """Count a click on a search's document; return whether such a search is known.

        A search counts once, however often it is clicked.
        """
        with self._database.transaction(durable=False) as db:
            row = db.execute(
                "SELECT s.release_id, stage, step, arm, mixed, clicked FROM shown s JOIN release r"
                " USING (release_id) WHERE search_id = ? AND namespace = ? AND collection = ?",
                (search_id, *self._place),
            ).fetchone()
            if row is None:
                return False
            release_id, stage, step, arm, mixed, before = row
            clicked = sorted({*json.loads(before), doc_id})
            won = winner(mixed, clicked) if mixed else ""
            db.execute(
                "UPDATE shown SET clicked = ?, winner = ? WHERE search_id = ?",
                (json.dumps(clicked), won, search_id),
            )
            if before == "[]" and arm:
                db.execute(
                    "UPDATE traffic SET n_clicked = n_clicked + 1 WHERE release_id = ?"
                    " AND stage = ? AND step = ? AND arm = ?",
                    (release_id, stage, step, arm),
                )
            return True

    def wins(self, release_id: str) -> dict[str, int]:
        """Return how many interleaved searches each side won: `a`, `b`, `tie`, or '' unclicked."""
        with self._database.transaction() as db:
            rows = db.execute(
                "SELECT winner, SUM(n) FROM (SELECT winner, COUNT(*) AS n FROM shown"
                " WHERE release_id = ? AND stage = 'interleave' GROUP BY winner"
                " UNION ALL SELECT winner, n FROM shown_away WHERE release_id = ?) GROUP BY winner",
                (release_id, release_id),
            )
            return dict(rows.fetchall())

    def forget_shown(self, before: float, most: int) -> int:
        """Wait no longer for interaction with searches that are too old or too many.

        What they decided is kept in the counters, and how many went is in the audit log.

        Args:
            before: those shown earlier go, in seconds since 1970-01-01 UTC.
            most: of what is left in the collection, so many of the newest stay.

        Returns:
            How many went.
        """
        own = (
            "release_id IN (SELECT release_id FROM release WHERE namespace = ? AND collection = ?)"
        )
        with self._database.transaction() as db:
            (n,) = db.execute(f"SELECT COUNT(*) FROM shown WHERE {own}", self._place).fetchone()
            (old,) = db.execute(
                f"SELECT COUNT(*) FROM shown WHERE {own} AND at < ?", (*self._place, before)
            ).fetchone()
            n_gone: int = max(old, n - most)
            if n_gone <= 0:
                return 0
            rows = db.execute(
                "DELETE FROM shown WHERE search_id IN (SELECT search_id FROM shown"
                f" WHERE {own} ORDER BY at LIMIT ?) RETURNING release_id, stage, winner",
                (*self._place, n_gone),
            ).fetchall()
            for release_id in sorted({row[0] for row in rows}):
                _put_away(db, release_id, [row[1:] for row in rows if row[0] == release_id])
        return n_gone


def read_release(db: sqlite3.Connection, place: tuple[str, str]) -> Release | None:
    """Return the release of a collection that began last, inside a transaction."""
    row = db.execute(
        f"SELECT {_COLUMNS} FROM release WHERE namespace = ? AND collection = ?"
        " ORDER BY began_at DESC, rowid DESC LIMIT 1",
        place,
    ).fetchone()
    if row is None:
        return None
    release_id, live, candidate, plan, *rest = row
    return Release(release_id, live, candidate, parse_plan(plan), *rest)


def _logged(row: Sequence[Any]) -> LogEntry:
    at, process, what, before, after, note, details = row
    return LogEntry(at, process, what, before, after, note, json.loads(details))


def _counted(row: Sequence[Any]) -> Counted:
    stage, step, arm, n_queries, n_errors, n_zero_hits, n_clicked, latency, overlap, n_overlap = row
    histogram = Histogram(tuple(json.loads(latency)))
    traffic = Traffic(n_queries, n_errors, n_zero_hits, n_clicked, histogram)
    return Counted(stage, step, arm, traffic, overlap, n_overlap)


def _entry(
    what: str, before: str, after: str, note: str, details: Mapping[str, Any] | None = None
) -> LogEntry:
    return LogEntry(time.time(), os.getpid(), what, before, after, note, details or {})


def _log(db: sqlite3.Connection, release_id: str, entry: LogEntry) -> None:
    one = entry
    row = (one.at, one.process, one.what, one.before, one.after, one.note)
    db.execute(
        "INSERT INTO release_log VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
        (release_id, *row, json.dumps(dict(one.details))),
    )


def _put_away(db: sqlite3.Connection, release_id: str, gone: list[tuple[str, str]]) -> None:
    """Keep what forgotten searches, by stage and winner, decided, and say that they went."""
    wins = Counter(winner for stage, winner in gone if stage == "interleave")
    db.executemany(
        "INSERT INTO shown_away VALUES (?, ?, ?)"
        " ON CONFLICT (release_id, winner) DO UPDATE SET n = n + excluded.n",
        [(release_id, winner, n) for winner, n in sorted(wins.items())],
    )
    (state,) = db.execute(
        "SELECT state FROM release WHERE release_id = ?", (release_id,)
    ).fetchone()
    note = f"{len(gone):,} searches wait no longer for interaction; what they decided is counted."
    details = {"n": len(gone), "wins": dict(wins)}
    _log(db, release_id, _entry("forgot", state, state, note, details))


def _add(db: sqlite3.Connection, release_id: str, more: Counted) -> None:
    key = (release_id, more.stage, more.step, more.arm)
    row = db.execute(
        "SELECT latency FROM traffic WHERE release_id = ? AND stage = ? AND step = ? AND arm = ?",
        key,
    ).fetchone()
    before = json.loads(row[0]) if row else [0] * len(more.traffic.latency.counts)
    latency = [a + b for a, b in zip(before, more.traffic.latency.counts, strict=True)]
    one = more.traffic
    counts = (one.n_queries, one.n_errors, one.n_zero_hits, one.n_clicked)
    db.execute(
        "INSERT INTO traffic VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"
        " ON CONFLICT (release_id, stage, step, arm) DO UPDATE SET"
        " n_queries = n_queries + excluded.n_queries, n_errors = n_errors + excluded.n_errors,"
        " n_zero_hits = n_zero_hits + excluded.n_zero_hits,"
        " n_clicked = n_clicked + excluded.n_clicked, overlap = overlap + excluded.overlap,"
        " n_overlap = n_overlap + excluded.n_overlap, latency = excluded.latency",
        (*key, *counts, more.overlap, more.n_overlap, json.dumps(latency)),
    )
