"""Keys of the service: who may do what in which namespace. Only their hashes are written down."""

import hmac
import json
import re
import secrets
import sqlite3
import threading
import time
import weakref
from collections.abc import Mapping
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Literal, get_args

from latelight.errors import (
    AlreadyExistsError,
    CorruptFileError,
    InputError,
    NotFoundError,
    StorageError,
)
from latelight.releases.catalog import check_name
from latelight.releases.database import WAIT_SECONDS, Database

KeyScope = Literal["read", "write", "admin"]
SCOPES: tuple[KeyScope, ...] = get_args(KeyScope)
"""Each may do what those before it may."""
EVERY = "*"
"""Stands for all namespaces."""
PREFIX = "ll_"
_SECRET_BYTES = 32
_LOOKS_RIGHT = re.compile(r"ll_[A-Za-z0-9_-]{40,60}")

SCHEMA = """
CREATE TABLE IF NOT EXISTS api_key (
    name TEXT PRIMARY KEY, digest TEXT NOT NULL UNIQUE, grants TEXT NOT NULL,
    created_at REAL NOT NULL, revoked_at REAL
);
"""
_COLUMNS = "name, digest, grants, created_at, revoked_at"


@dataclass(frozen=True)
class Key:
    """A key, without its secret.

    Attributes:
        name: what people call it.
        grants: scope by namespace; `*` for all.
        created_at, revoked_at: seconds since 1970-01-01 UTC; None while it is good.
    """

    name: str
    grants: Mapping[str, KeyScope]
    created_at: float
    revoked_at: float | None = None

    def to_dict(self) -> dict[str, object]:
        """Return the JSON form."""
        return {**vars(self), "grants": dict(self.grants)}


class KeyStore:
    """The keys of one library; looking one up costs microseconds while none is changed."""

    def __init__(self, path: Path) -> None:
        """Use the catalog's file."""
        self._path = path
        self._database = Database(path)
        with self._database.transaction() as db:
            db.execute(SCHEMA)
        self._mutex = threading.Lock()
        self._db: sqlite3.Connection | None = None
        self._seen = -1
        self._known: dict[str, Key] = {}

    def create(self, name: str, grants: Mapping[str, KeyScope]) -> str:
        """Return the secret of a new key, which nobody can be told again.

        Raises:
            AlreadyExistsError: the name is taken.
            InputError: the name, a namespace or a scope is none.
        """
        check_name("key", name)
        _check_grants(grants)
        secret = PREFIX + secrets.token_urlsafe(_SECRET_BYTES)
        row = (name, _digest(secret), json.dumps(dict(grants), sort_keys=True), time.time())
        with self._database.transaction() as db:
            if db.execute("SELECT 1 FROM api_key WHERE name = ?", (name,)).fetchone():
                raise AlreadyExistsError(
                    f"There is a key {name!r} already, maybe revoked; choose another name."
                )
            db.execute(f"INSERT INTO api_key ({_COLUMNS}) VALUES (?, ?, ?, ?, NULL)", row)
        return secret

    def all(self) -> list[Key]:
        """Return every key, revoked ones too, by name."""
        return sorted(self._now().values(), key=lambda key: key.name)

    def revoke(self, name: str) -> None:
        """End a key; the very next request with it is refused.

        Raises:
            NotFoundError: there is no such key, or it was revoked before.
        """
        with self._database.transaction() as db:
            changed = db.execute(
                "UPDATE api_key SET revoked_at = ? WHERE name = ? AND revoked_at IS NULL",
                (time.time(), name),
            )
            if not changed.rowcount:
                raise NotFoundError(f"No key {name!r} is in use. `latelight keys list` shows them.")

    def is_empty(self) -> bool:
        """Return whether no key was ever made; revoked ones count."""
        return not self._now()

    def find(self, secret: str) -> Key | None:
        """Return the key of a secret, None where there is none or it was revoked."""
        if not _LOOKS_RIGHT.fullmatch(secret):
            return None
        digest = _digest(secret)
        # What a lookup's time could tell is about a hash, which leads back to no secret.
        for known, key in self._now().items():
            if hmac.compare_digest(known, digest):
                return key if key.revoked_at is None else None
        return None

    def _now(self) -> dict[str, Key]:
        with self._mutex:
            try:
                return self._read(self._connected())
            except sqlite3.OperationalError as error:
                raise StorageError(f"{self._path} cannot be read now ({error}).") from error
            except sqlite3.DatabaseError as error:
                raise CorruptFileError(self._database.damage(str(error))) from error

    def _read(self, db: sqlite3.Connection) -> dict[str, Key]:
        # As in `StandingReader`: asked before reading, so that no change is missed.
        (seen,) = db.execute("PRAGMA data_version").fetchone()
        if seen != self._seen:
            rows = db.execute(f"SELECT {_COLUMNS} FROM api_key").fetchall()
            self._known = {digest: _key(name, *rest) for name, digest, *rest in rows}
            self._seen = seen
        return self._known

    def _connected(self) -> sqlite3.Connection:
        if self._db is None:
            self._db = sqlite3.connect(
                self._path, timeout=WAIT_SECONDS, isolation_level=None, check_same_thread=False
            )
            weakref.finalize(self, self._db.close)
        return self._db


def _key(name: str, grants: str, created_at: float, revoked_at: float | None) -> Key:
    return Key(name, json.loads(grants), created_at, revoked_at)


def _digest(secret: str) -> str:
    return sha256(secret.encode()).hexdigest()


def _check_grants(grants: Mapping[str, KeyScope]) -> None:
    if not grants:
        raise InputError("The key opens no namespace; name one, or '*' for all.")
    for namespace, scope in grants.items():
        if namespace != EVERY:
            check_name("namespace", namespace)
        if scope not in SCOPES:
            raise InputError(f"The scope is {scope!r}; choose from {', '.join(SCOPES)}.")
