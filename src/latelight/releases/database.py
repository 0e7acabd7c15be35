"""The library's one SQLite file: short transactions, and errors that say what to do."""

import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

from latelight.errors import CorruptFileError, StorageError

WAIT_SECONDS = 30


class Database:
    """Opens the file for each transaction; safe to use from several threads and processes."""

    def __init__(self, path: Path) -> None:
        """Use the file at `path`, made by the first transaction."""
        self.path = path

    @contextmanager
    def transaction(self, *, durable: bool = True) -> Iterator[sqlite3.Connection]:
        """Give a connection inside a transaction, committed when the body ends well.

        Args:
            durable: wait for the disk. Without, the last transactions may be lost when the power
                fails, never when a process is killed.

        Raises:
            CorruptFileError: the file is not a database.
            StorageError: other processes kept it locked for too long, or the disk is full.
        """
        with self.connected() as db:
            db.execute("PRAGMA journal_mode = WAL")
            db.execute("PRAGMA foreign_keys = ON")
            db.execute(f"PRAGMA synchronous = {'FULL' if durable else 'NORMAL'}")
            db.execute("BEGIN IMMEDIATE")
            yield db
            db.execute("COMMIT")

    @contextmanager
    def connected(self) -> Iterator[sqlite3.Connection]:
        """Give a connection; errors as `transaction`."""
        with closing(self._connect()) as db:
            try:
                yield db
            except sqlite3.OperationalError as error:
                raise StorageError(
                    f"{self.path} cannot be used now ({error}). Try again; look whether the disk "
                    "is full."
                ) from error
            except sqlite3.DatabaseError as error:
                raise CorruptFileError(self.damage(str(error))) from error

    def damage(self, what: str) -> str:
        """Return what is said of a damaged file."""
        return (
            f"{self.path} is not a readable catalog ({what}). Restore it from a backup; the "
            "collections' indexes are not affected."
        )

    def _connect(self) -> sqlite3.Connection:
        try:
            return sqlite3.connect(self.path, timeout=WAIT_SECONDS, isolation_level=None)
        except sqlite3.OperationalError as error:
            raise StorageError(f"{self.path} cannot be opened ({error}).") from error
