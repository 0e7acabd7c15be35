"""Several generations of a collection, written down beside the catalog.

Whatever is written goes to the live generation first; before it is committed there, the ids are
noted here as owed to the others, with the generation that has the truth. A note goes when the other
generation has the document, or has lost it, too. So a process that is killed between the two writes
leaves a note, never two generations of which nobody knows that they differ.
"""

import secrets
import sqlite3
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from latelight.errors import (
    GenerationMovedError,
    NotFoundError,
    ReleaseConflictError,
    ReleaseStateError,
)
from latelight.releases.catalog import LIVE, NEWEST_VERSION, Generation, store_of
from latelight.releases.database import Database

_TABLES = ("unfinished", "debt", "left_out")
_IN = "namespace = ? AND collection = ?"


@dataclass(frozen=True)
class Debt:
    """A document that one generation has to bring into line with another.

    Attributes:
        source: the store that has the truth.
        token: names this very note; a later one for the same document has another.
    """

    doc_id: str
    source: str
    token: str


@dataclass(frozen=True)
class LeftOut:
    """A document that a generation cannot hold, as long as its content stays."""

    doc_id: str
    sha256: str
    code: str
    message: str


@dataclass(frozen=True)
class Standing:
    """Which versions a collection has at one moment.

    Attributes:
        aliases: digests by alias.
        versions: by digest.
        unfinished: stores that no query may be answered from.
    """

    aliases: Mapping[str, str]
    versions: Mapping[str, Generation]
    unfinished: frozenset[str]

    @property
    def live(self) -> Generation:
        """The version that queries are answered from."""
        return self.versions[self.aliases[LIVE]]

    @property
    def other_stores(self) -> tuple[str, ...]:
        """Stores beside the live one, which writes follow."""
        stores = (one.store for one in self.versions.values())
        return tuple(dict.fromkeys(store for store in stores if store != self.live.store))

    def serves(self, digest: str) -> bool:
        """Return whether queries may be answered from a version."""
        return digest in self.versions and self.versions[digest].store not in self.unfinished


Beginning = Callable[[sqlite3.Connection, Standing, Generation], None]
"""What is written in the transaction that records a version; it may refuse."""


def begin_nothing(_: sqlite3.Connection, known: Standing, generation: Generation) -> None:
    """Write nothing more."""


Checking = Callable[[sqlite3.Connection], None]
"""Looks within a transaction whether it may go on, and raises where not."""


def check_nothing(_: sqlite3.Connection) -> None:
    """Refuse nothing."""


class GenerationStore:
    """The generations of one collection; each method is one transaction."""

    def __init__(self, path: Path, place: tuple[str, str]) -> None:
        """Use the catalog's file, prepared, for the collection at (namespace, name)."""
        self._database = Database(path)
        self._place = place

    def standing(self) -> Standing:
        """Return which versions there are by now.

        Raises:
            NotFoundError: the collection was dropped.
        """
        with self._database.transaction() as db:
            return read_standing(db, self._place)

    def add(
        self,
        generation: Generation,
        alias: str,
        *,
        is_built: bool,
        beginning: Beginning = begin_nothing,
    ) -> None:
        """Record a version and point an alias at it; the same again changes nothing.

        Args:
            generation: the version.
            alias: such as `candidate`.
            is_built: whether its store holds everything already.
            beginning: what begins with it, so that a killed process leaves both or neither.

        Raises:
            ReleaseStateError: the alias points at another version.
            ReleaseConflictError: another process retired the store that should hold everything.
        """
        with self._database.transaction() as db:
            known = read_standing(db, self._place)
            taken = known.aliases.get(alias)
            if taken not in {None, generation.digest}:
                raise ReleaseStateError(
                    f"Alias {alias!r} of collection {self._place[1]!r} points at {taken} already. "
                    "Where a release left it, end that with `latelight release abort` and "
                    f"`latelight release retire`; else remove it with collection.retire({taken!r})."
                )
            stores = {one.store for one in known.versions.values()}
            if is_built and generation.store not in stores:
                raise ReleaseConflictError(
                    f"The index {generation.store} of collection {self._place[1]!r} was retired "
                    "just now by another process. Begin again: it is made anew."
                )
            if generation.digest not in known.versions:
                row = (generation.digest, generation.spec, generation.lock, generation.created_at)
                db.execute("INSERT INTO generation VALUES (?, ?, ?, ?, ?, ?)", (*self._place, *row))
                if not is_built:
                    key = (*self._place, generation.store)
                    db.execute("INSERT OR IGNORE INTO unfinished VALUES (?, ?, ?)", key)
            _point(db, self._place, alias, generation.digest)
            beginning(db, known, generation)
            # Older readers, which would write to one generation alone, refuse it.
            db.execute(f"PRAGMA user_version = {NEWEST_VERSION}")

    def finish(self, store: str) -> None:
        """Let queries be answered from a store: it holds everything."""
        with self._database.transaction() as db:
            self._delete(db, "unfinished", store)

    def move(self, alias: str, expected: str, digest: str) -> None:
        """Point an alias at another version; where it points there already, nothing changes.

        Raises:
            ReleaseConflictError: it does not point at the expected version.
            ReleaseStateError: the version is not there, or not finished.
        """
        with self._database.transaction() as db:
            point_alias(db, self._place, alias, expected, digest)

    def remove(self, digest: str, check: Checking = check_nothing) -> bool:
        """Forget a version and its aliases; return whether its store has no other version.

        Args:
            digest: which.
            check: may refuse, within the transaction.

        Raises:
            ReleaseStateError: it is the live one, or another one has still to follow it.
        """
        with self._database.transaction() as db:
            check(db)
            known = read_standing(db, self._place)
            if digest not in known.versions:
                return False
            if known.aliases[LIVE] == digest:
                raise ReleaseStateError(
                    f"{digest} is the live version of {self._place[1]!r}; promote another one "
                    "before it is retired."
                )
            key = (*self._place, digest)
            for table in ("alias", "generation"):
                db.execute(f"DELETE FROM {table} WHERE {_IN} AND digest = ?", key)
            store = known.versions[digest].store
            others = [v for v in known.versions.values() if v.digest != digest]
            if store in {one.store for one in others}:
                return False
            self._check_settled(db, store)
            for table in _TABLES:
                self._delete(db, table, store)
            return True

    # -- what is owed ------------------------------------------------------------------------

    def note_debts(self, stores: Iterable[str], source: str, doc_ids: Sequence[str]) -> None:
        """Write down durably that other stores have to follow `source` in these documents.

        Raises:
            GenerationMovedError: `source` has itself to follow another store in one of them.
        """
        token = secrets.token_hex(8)
        rows = [
            (*self._place, store, doc_id, source, token) for store in stores for doc_id in doc_ids
        ]
        with self._database.transaction() as db:
            self._check_free(db, source, doc_ids)
            db.executemany("INSERT OR REPLACE INTO debt VALUES (?, ?, ?, ?, ?, ?)", rows)

    def debts(self, store: str, most: int) -> list[Debt]:
        """Return some of what a store has to bring into line."""
        with self._database.transaction() as db:
            rows = db.execute(
                f"SELECT doc_id, source, token FROM debt WHERE {_IN} AND store = ? LIMIT ?",
                (*self._place, store, most),
            )
            return [Debt(*row) for row in rows]

    def count_debts(self) -> dict[str, int]:
        """Return how many documents each store has to bring into line; none for no debt."""
        with self._database.transaction() as db:
            rows = db.execute(
                f"SELECT store, COUNT(*) FROM debt WHERE {_IN} GROUP BY store", self._place
            )
            return dict(rows.fetchall())

    def clear(self, store: str, debts: Iterable[Debt], left_out: Iterable[LeftOut] = ()) -> None:
        """Forget debts that were settled, and write down which documents cannot be held."""
        key = (*self._place, store)
        with self._database.transaction() as db:
            for one in debts:
                db.execute(
                    f"DELETE FROM left_out WHERE {_IN} AND store = ? AND doc_id = ?",
                    (*key, one.doc_id),
                )
            db.executemany(
                "INSERT OR REPLACE INTO left_out VALUES (?, ?, ?, ?, ?, ?, ?)",
                [(*key, one.doc_id, one.sha256, one.code, one.message) for one in left_out],
            )
            db.executemany(
                f"DELETE FROM debt WHERE {_IN} AND store = ? AND doc_id = ? AND token = ?",
                [(*key, one.doc_id, one.token) for one in debts],
            )

    def left_out(self, store: str) -> list[LeftOut]:
        """Return the documents that a store cannot hold, by id."""
        with self._database.transaction() as db:
            rows = db.execute(
                "SELECT doc_id, sha256, code, message FROM left_out"
                f" WHERE {_IN} AND store = ? ORDER BY doc_id",
                (*self._place, store),
            )
            return [LeftOut(*row) for row in rows]

    def forget_all(self) -> None:
        """Forget what is written here of a collection that is dropped."""
        with self._database.transaction() as db:
            for table in _TABLES:
                db.execute(f"DELETE FROM {table} WHERE {_IN}", self._place)

    def _check_free(self, db: sqlite3.Connection, store: str, doc_ids: Sequence[str]) -> None:
        owed = db.execute(
            f"SELECT doc_id FROM debt WHERE {_IN} AND store = ?", (*self._place, store)
        )
        both = {doc_id for (doc_id,) in owed} & set(doc_ids)
        if both:
            raise GenerationMovedError(
                f"{len(both)} of the documents are not yet in the live generation as another one "
                "has them. Write again: they are brought into line first."
            )

    def _check_settled(self, db: sqlite3.Connection, source: str) -> None:
        row = db.execute(
            f"SELECT COUNT(*) FROM debt WHERE {_IN} AND source = ? AND store != source",
            (*self._place, source),
        ).fetchone()
        if row[0]:
            raise ReleaseStateError(
                f"Other generations have still to follow {source} in {row[0]} documents; let them "
                "(`latelight release step`), then retire it."
            )

    def _delete(self, db: sqlite3.Connection, table: str, store: str) -> None:
        db.execute(f"DELETE FROM {table} WHERE {_IN} AND store = ?", (*self._place, store))


def read_standing(db: sqlite3.Connection, place: tuple[str, str]) -> Standing:
    """Return a collection's versions, inside a transaction.

    Raises:
        NotFoundError: there is no such collection.
    """
    aliases = dict(db.execute(f"SELECT name, digest FROM alias WHERE {_IN}", place).fetchall())
    if LIVE not in aliases:
        raise NotFoundError(
            f"Collection {place[1]!r} is no longer in namespace {place[0]!r}: it was dropped. "
            "Make it again with `latelight add`."
        )
    rows = db.execute(
        f"SELECT digest, spec, lock, created_at FROM generation WHERE {_IN}"
        " ORDER BY created_at, digest",
        place,
    )
    versions = {row[0]: Generation(*row) for row in rows}
    unfinished = db.execute(f"SELECT store FROM unfinished WHERE {_IN}", place)
    return Standing(aliases, versions, frozenset(store for (store,) in unfinished))


def mark_unfinished(path: Path) -> None:
    """Let no query be answered from other stores than the live ones before they were compared.

    For a catalog whose stores were not copied at one moment.
    """
    with Database(path).transaction() as db:
        live = {
            (ns, name, store_of(digest))
            for ns, name, digest in db.execute(
                "SELECT namespace, collection, digest FROM alias WHERE name = ?", (LIVE,)
            )
        }
        rows = db.execute("SELECT namespace, collection, digest FROM generation").fetchall()
        stores = {(ns, name, store_of(digest)) for ns, name, digest in rows}
        db.executemany("INSERT OR IGNORE INTO unfinished VALUES (?, ?, ?)", sorted(stores - live))


def point_alias(
    db: sqlite3.Connection,
    place: tuple[str, str],
    alias: str,
    expected: str | None,
    digest: str | None,
) -> None:
    """Point an alias at another version, inside a transaction, or take it away.

    Args:
        db, place: where.
        alias: which.
        expected: what it points at now, None for whatever that is.
        digest: what it shall point at, None for nothing.

    Raises:
        ReleaseConflictError: it points neither at the one nor at the other.
        ReleaseStateError: the version is not there, or not finished.
    """
    known = read_standing(db, place)
    now = known.aliases.get(alias)
    if now == digest:
        return
    if expected is not None and now != expected:
        raise ReleaseConflictError(
            f"Alias {alias!r} of collection {place[1]!r} points at {now}, not at {expected}: "
            "another process moved it first. Look at the release again."
        )
    if digest is None:
        db.execute(f"DELETE FROM alias WHERE {_IN} AND name = ?", (*place, alias))
        return
    _check_serves(known, place, digest)
    _point(db, place, alias, digest)


def _check_serves(known: Standing, place: tuple[str, str], digest: str) -> None:
    if digest not in known.versions:
        raise ReleaseStateError(
            f"Collection {place[1]!r} has no version {digest}: it was retired. There are: "
            f"{', '.join(known.versions)}."
        )
    if not known.serves(digest):
        raise ReleaseStateError(
            f"Version {digest} of {place[1]!r} is not built yet; let its backfill end first "
            "(`latelight release step`)."
        )


def _point(db: sqlite3.Connection, place: tuple[str, str], alias: str, digest: str) -> None:
    db.execute(
        "INSERT OR REPLACE INTO alias VALUES (?, ?, ?, ?, ?)", (*place, alias, digest, time.time())
    )
