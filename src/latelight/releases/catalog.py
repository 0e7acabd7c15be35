"""The library's control data: collections, their generations, and the aliases that point at them.

One SQLite file in write-ahead mode. It holds names and specs, never documents: what a
collection contains is said by its index's manifest alone.
"""

import sqlite3
import time
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

from latelight.errors import (
    AlreadyExistsError,
    CorruptFileError,
    FormatVersionError,
    InputError,
    NotFoundError,
)
from latelight.releases.database import Database
from latelight.releases.schema import ADDED, COLLECTIONS

CATALOG = "catalog.db"
"""Its name in a library."""
CATALOG_VERSION = 1
NEWEST_VERSION = 2  # a collection in it has, or had, several generations
LIVE = "live"
_GENERATION = "digest, spec, lock, created_at"


@dataclass(frozen=True, order=True)
class Place:
    """Which generation of which collection.

    Attributes:
        created_at: of the generation, in seconds since 1970-01-01 UTC: a collection that was
            dropped and made again has others.
    """

    namespace: str
    collection: str
    digest: str
    created_at: float


@dataclass(frozen=True)
class Generation:
    """One collection's index under one pipeline version.

    Attributes:
        digest: names the version.
        spec: canonical JSON of the pipeline's spec.
        lock: canonical JSON of what its vectors depend on.
        created_at: seconds since 1970-01-01 UTC.
    """

    digest: str
    spec: str
    lock: str
    created_at: float

    @property
    def store(self) -> str:
        """Name of its index's directory, which versions share that differ in searching alone."""
        return store_of(self.digest)


class Catalog:
    """The control data in one file; every method is one transaction."""

    def __init__(self, path: Path) -> None:
        """Open the file at `path`, making it when it is not there.

        Raises:
            CorruptFileError: the file is not a catalog.
            FormatVersionError: a newer Latelight wrote it.
        """
        self._path = path
        self._database = Database(path)
        self._transaction = self._database.transaction
        with self._transaction() as db:
            self._prepare(db)
            for statement in ADDED.split(";"):
                db.execute(statement)

    def collections(self, namespace: str) -> list[str]:
        """Return the names of a namespace's collections, sorted."""
        with self._transaction() as db:
            rows = db.execute(
                "SELECT name FROM collection WHERE namespace = ? ORDER BY name", (namespace,)
            )
            return [name for (name,) in rows]

    def namespaces(self) -> list[str]:
        """Return the namespaces that hold a collection, sorted."""
        with self._transaction() as db:
            rows = db.execute("SELECT DISTINCT namespace FROM collection ORDER BY namespace")
            return [name for (name,) in rows]

    def create(self, namespace: str, name: str, generation: Generation) -> None:
        """Record a new collection whose live alias points at its first generation.

        Raises:
            AlreadyExistsError: the namespace has a collection of that name.
            InputError: a name is not usable as a directory's.
        """
        check_name("namespace", namespace)
        check_name("collection", name)
        with self._transaction() as db:
            if self._exists(db, namespace, name):
                raise AlreadyExistsError(
                    f"Collection {name!r} exists in namespace {namespace!r}; open it or choose "
                    "another name."
                )
            db.execute(
                "INSERT INTO collection VALUES (?, ?, ?)", (namespace, name, generation.created_at)
            )
            self._insert_generation(db, namespace, name, generation)
            self._point(db, (namespace, name, LIVE), generation.digest)

    def live(self, namespace: str, name: str) -> Generation:
        """Return the generation that the collection's live alias points at.

        Raises:
            NotFoundError: there is no such collection.
        """
        with self._transaction() as db:
            row = db.execute(
                "SELECT g.digest, g.spec, g.lock, g.created_at FROM alias a JOIN generation g"
                " USING (namespace, collection, digest)"
                " WHERE a.namespace = ? AND a.collection = ? AND a.name = ?",
                (namespace, name, LIVE),
            ).fetchone()
        if row is None:
            raise NotFoundError(
                f"No collection {name!r} in namespace {namespace!r}. "
                f"There are: {', '.join(self.collections(namespace)) or 'none'}. "
                "Make it with `latelight add`, or collection(name, create=True)."
            )
        return Generation(*row)

    def generations(self, namespace: str, name: str) -> list[Generation]:
        """Return every version of a collection, oldest first; none of one that is not there."""
        with self._transaction() as db:
            rows = db.execute(
                f"SELECT {_GENERATION} FROM generation WHERE namespace = ? AND collection = ?"
                " ORDER BY created_at, digest",
                (namespace, name),
            )
            return [Generation(*row) for row in rows]

    def aliases(self, namespace: str, name: str) -> dict[str, str]:
        """Return a collection's aliases and the digests that they point at."""
        with self._transaction() as db:
            rows = db.execute(
                "SELECT name, digest FROM alias WHERE namespace = ? AND collection = ?"
                " ORDER BY name",
                (namespace, name),
            )
            return dict(rows.fetchall())

    def every_generation(self) -> list[Place]:
        """Return where the generations of all collections of all namespaces are, sorted."""
        with self._transaction() as db:
            rows = db.execute("SELECT namespace, collection, digest, created_at FROM generation")
            return sorted(Place(*row) for row in rows)

    def copy_to(self, path: Path) -> None:
        """Write the catalog as it is at one moment to a new file; other processes go on.

        Raises:
            CorruptFileError: the catalog is damaged.
        """
        with self._database.connected() as source, closing(sqlite3.connect(path)) as copy:
            source.backup(copy)
            (found,) = copy.execute("PRAGMA integrity_check(1)").fetchone()
        if found != "ok":
            raise CorruptFileError(self._database.damage(found))

    def drop(self, namespace: str, name: str) -> None:
        """Forget a collection, its generations and aliases; its files are the caller's to remove.

        Raises:
            NotFoundError: there is no such collection.
        """
        self.live(namespace, name)
        with self._transaction() as db:
            for table, column in (
                ("alias", "collection"),
                ("generation", "collection"),
                ("collection", "name"),
            ):
                db.execute(
                    f"DELETE FROM {table} WHERE namespace = ? AND {column} = ?",
                    (namespace, name),
                )

    def _prepare(self, db: sqlite3.Connection) -> None:
        (version,) = db.execute("PRAGMA user_version").fetchone()
        if version == 0:
            for statement in COLLECTIONS.split(";"):
                db.execute(statement)
            db.execute(f"PRAGMA user_version = {CATALOG_VERSION}")
        elif version > NEWEST_VERSION:
            raise FormatVersionError(
                f"{self._path} has version {version}; this Latelight reads up to "
                f"{NEWEST_VERSION}. Upgrade Latelight."
            )

    @staticmethod
    def _exists(db: sqlite3.Connection, namespace: str, name: str) -> bool:
        found = db.execute(
            "SELECT 1 FROM collection WHERE namespace = ? AND name = ?", (namespace, name)
        )
        return found.fetchone() is not None

    @staticmethod
    def _insert_generation(
        db: sqlite3.Connection, namespace: str, name: str, g: Generation
    ) -> None:
        db.execute(
            "INSERT INTO generation VALUES (?, ?, ?, ?, ?, ?)",
            (namespace, name, g.digest, g.spec, g.lock, g.created_at),
        )

    @staticmethod
    def _point(db: sqlite3.Connection, alias: tuple[str, str, str], digest: str) -> None:
        db.execute("INSERT OR REPLACE INTO alias VALUES (?, ?, ?, ?, ?)", (*alias, digest, _now()))


def version_digest(store: str, searching: str) -> str:
    """Return the digest of a version whose store another version made first.

    Args:
        store: digest of what the index holds.
        searching: digest of the whole spec.
    """
    return f"{store}-{searching[:8]}"


def store_of(digest: str) -> str:
    """Return the name of the directory that a version's index lies in."""
    return digest.partition("-")[0]


def check_name(what: str, name: str) -> None:
    """Refuse a name that could not be a directory's.

    Raises:
        InputError: it is not 1 to 64 letters, digits, '-', '_' or '.', or starts with '.'.
    """
    if not is_name(name):
        article = "an" if what[0] in "aeiou" else "a"
        raise InputError(
            f"{name!r} cannot name {article} {what}: use 1 to 64 letters, digits, '-', '_' or '.', "
            "not starting with '.'."
        )


def is_name(name: str) -> bool:
    """Return whether a name is one that `check_name` lets pass."""
    plain = name.replace("-", "").replace("_", "").replace(".", "")
    return plain.isalnum() and plain.isascii() and len(name) <= 64 and name[0] != "."


def _now() -> float:
    return time.time()
