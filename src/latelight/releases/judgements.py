"""Judgement sets of a collection, in the catalog: saved whole, found by name."""

import json
import sqlite3
import time
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from latelight.errors import AlreadyExistsError, NotFoundError
from latelight.evaluation import JudgementSet
from latelight.releases.catalog import check_name
from latelight.releases.database import Database
from latelight.releases.generations import read_standing

_IN = "namespace = ? AND collection = ?"


@dataclass(frozen=True)
class SavedJudgements:
    """A judgement set as lists show it.

    Attributes:
        name: by which it is found.
        digest: of what decides the numbers.
        n_topics, n_judged, n_places: texts, judged pairs of topic and document, judged places.
        source: where it comes from, in words.
        saved_at: seconds since 1970-01-01 UTC.
    """

    name: str
    digest: str
    n_topics: int
    n_judged: int
    n_places: int
    source: str
    saved_at: float

    def to_dict(self) -> dict[str, Any]:
        """Return the JSON form."""
        return asdict(self)


class JudgementStore:
    """The judgement sets of one collection; each method is one transaction."""

    def __init__(self, path: Path, place: tuple[str, str]) -> None:
        """Use the catalog's file, prepared, for the collection at (namespace, name)."""
        self._database = Database(path)
        self._place = place

    def save(self, judgements: JudgementSet, *, replace: bool = False) -> SavedJudgements:
        """Keep a set under its name; the very same set again changes nothing.

        Raises:
            InputError: the name is not one of 1 to 64 letters, digits, '-', '_' or '.'.
            AlreadyExistsError: another set has the name, and `replace` is false.
            NotFoundError: the collection was dropped.
        """
        check_name("judgement set", judgements.name)
        made = _summary(judgements, time.time())
        with self._database.transaction() as db:
            read_standing(db, self._place)
            known = self._found(db, made.name)
            if known is not None and known.digest == made.digest:
                return known
            if known is not None and not replace:
                raise AlreadyExistsError(
                    f"Collection {self._place[1]!r} has a judgement set {made.name!r} with other "
                    f"judgements (digest {known.digest}, not {made.digest}). Save it under another "
                    "name, or say that it shall be replaced."
                )
            row = (*asdict(made).values(), json.dumps(judgements.to_dict(), ensure_ascii=False))
            db.execute(
                "INSERT OR REPLACE INTO judgements VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
                (*self._place, *row),
            )
        return made

    def get(self, name: str) -> JudgementSet:
        """Return a set by its name.

        Raises:
            NotFoundError: there is none of that name.
        """
        with self._database.transaction() as db:
            row = db.execute(
                f"SELECT whole FROM judgements WHERE {_IN} AND name = ?", (*self._place, name)
            ).fetchone()
            if row is None:
                raise self._missing(db, name)
        return JudgementSet.from_dict(json.loads(row[0]), f"judgement set {name!r}")

    def all(self) -> list[SavedJudgements]:
        """Return what there is, by name."""
        with self._database.transaction() as db:
            return self._all(db)

    def delete(self, name: str) -> None:
        """Forget a set.

        Raises:
            NotFoundError: there is none of that name.
        """
        with self._database.transaction() as db:
            if self._found(db, name) is None:
                raise self._missing(db, name)
            db.execute(f"DELETE FROM judgements WHERE {_IN} AND name = ?", (*self._place, name))

    def forget_all(self) -> None:
        """Forget the sets of a collection that is dropped."""
        with self._database.transaction() as db:
            db.execute(f"DELETE FROM judgements WHERE {_IN}", self._place)

    def _all(self, db: sqlite3.Connection) -> list[SavedJudgements]:
        rows = db.execute(
            "SELECT name, digest, n_topics, n_judged, n_places, source, saved_at FROM judgements"
            f" WHERE {_IN} ORDER BY name",
            self._place,
        )
        return [SavedJudgements(*row) for row in rows]

    def _found(self, db: sqlite3.Connection, name: str) -> SavedJudgements | None:
        return next((one for one in self._all(db) if one.name == name), None)

    def _missing(self, db: sqlite3.Connection, name: str) -> NotFoundError:
        names = ", ".join(one.name for one in self._all(db)) or "none"
        return NotFoundError(
            f"Collection {self._place[1]!r} has no judgement set {name!r}; it has: {names}. Save "
            "one with `latelight eval judgements import`, or collection.judgements.save."
        )


def _summary(judgements: JudgementSet, saved_at: float) -> SavedJudgements:
    return SavedJudgements(
        name=judgements.name,
        digest=judgements.digest,
        n_topics=len(judgements.topics),
        n_judged=sum(len(docs) for docs in judgements.qrels.gains.values()),
        n_places=len(judgements.evidence),
        source=judgements.source,
        saved_at=saved_at,
    )
