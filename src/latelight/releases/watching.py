"""Which versions a collection has: asked before every search, so the answer is kept."""

import sqlite3
import threading
import weakref
from dataclasses import dataclass
from pathlib import Path

from latelight.errors import CorruptFileError, StorageError
from latelight.releases.database import WAIT_SECONDS
from latelight.releases.experiments import Experiment, read_experiment
from latelight.releases.generations import Standing, read_standing
from latelight.releases.interactions import LogSetting, read_log
from latelight.releases.state import Release
from latelight.releases.store import read_release


@dataclass(frozen=True)
class Situation:
    """What decides which version answers, and whether that is logged.

    Attributes:
        standing: the versions.
        release: the one that began last.
        experiment: that is running.
        log: how searches are logged, None for not at all.
    """

    standing: Standing
    release: Release | None
    experiment: Experiment | None = None
    log: LogSetting | None = None


class StandingReader:
    """Reads how a collection stands; a second look costs microseconds until somebody commits."""

    def __init__(self, path: Path, place: tuple[str, str]) -> None:
        """Look at the catalog in `path` for the collection at (namespace, name)."""
        self._path = path
        self._place = place
        self._mutex = threading.Lock()
        self._db: sqlite3.Connection | None = None
        self._seen = -1
        self._known: Situation | None = None

    def now(self) -> Situation:
        """Return how things are by now, other processes' changes included.

        Raises:
            NotFoundError: the collection was dropped.
        """
        with self._mutex:
            try:
                return self._situation(self._connected())
            except sqlite3.OperationalError as error:
                raise StorageError(f"{self._path} cannot be read now ({error}).") from error
            except sqlite3.DatabaseError as error:
                raise CorruptFileError(f"{self._path} is no readable catalog ({error}).") from error

    def _situation(self, db: sqlite3.Connection) -> Situation:
        # Changes whenever another connection has committed, and is asked before reading: what is
        # committed in between is read, and looks new once more.
        (seen,) = db.execute("PRAGMA data_version").fetchone()
        if self._known is None or seen != self._seen:
            self._known = None
            db.execute("BEGIN")
            try:
                log = read_log(db, self._place)
                self._known = Situation(
                    read_standing(db, self._place),
                    read_release(db, self._place),
                    read_experiment(db, self._place),
                    log if log is not None and log.is_on else None,
                )
            finally:
                db.execute("ROLLBACK")
            self._seen = seen
        return self._known

    def _connected(self) -> sqlite3.Connection:
        if self._db is None:
            self._db = sqlite3.connect(
                self._path, timeout=WAIT_SECONDS, isolation_level=None, check_same_thread=False
            )
            weakref.finalize(self, self._db.close)
        return self._db
