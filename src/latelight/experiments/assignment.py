"""Who sees what: sticky arms by a seeded hash of the caller's key."""

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from fractions import Fraction
from functools import lru_cache
from typing import Any

from latelight.errors import InputError

_WHOLE = 1 << 64


@dataclass(frozen=True)
class Arm:
    """One version and the share of the assigned traffic that it gets."""

    name: str
    share: float

    def __post_init__(self) -> None:
        if not self.name or not 0 <= self.share <= 1:
            raise InputError(
                f"Arm {self.name!r} has share {self.share!r}; give a name and a share from 0 to 1."
            )


@dataclass(frozen=True)
class Assignment:
    """Which arm a key gets: always the same for the same seed, key and shares.

    Two independent hashes decide (BLAKE2b, keyed by the seed): one whether the key takes part at
    all, one which arm it gets, so that a wider exposure moves nobody from arm to arm. Arms lie side
    by side on the range of the hash in the order given: while the first arm's share grows, whoever
    is in it stays in it. In a ramp the candidate is the first.

    Attributes:
        seed: kept with the experiment; another seed mixes everybody anew.
        arms: their shares add up to 1.
        exposure: share of all keys that take part.
    """

    seed: str
    arms: tuple[Arm, ...]
    exposure: float = 1.0

    def __post_init__(self) -> None:
        names = [arm.name for arm in self.arms]
        if not self.seed or len(self.seed.encode()) > hashlib.blake2b.MAX_KEY_SIZE:
            raise InputError("Give a seed of 1 to 64 bytes, and keep it with the experiment.")
        if not names or len(set(names)) != len(names):
            raise InputError(f"Arms are called {names}; give at least one, each its own name.")
        total = sum(arm.share for arm in self.arms)
        if abs(total - 1) > 1e-9:
            raise InputError(f"The arms' shares add up to {total!r}; they must add up to 1.")
        if not 0 <= self.exposure <= 1:
            raise InputError(f"The exposure is {self.exposure!r}; give a share from 0 to 1.")

    @classmethod
    def ramp(cls, seed: str, candidate: str, live: str, share: float) -> "Assignment":
        """Return the assignment that gives a share of all keys to the candidate."""
        return cls(seed, (Arm(candidate, share), Arm(live, 1 - share)))

    def arm(self, key: str) -> str | None:
        """Return the arm of a key, None when it does not take part."""
        if self._place("exposure", key) >= _edge(self.exposure):
            return None
        place, reached = self._place("arm", key), 0.0
        for arm in self.arms[:-1]:
            reached += arm.share
            if place < _edge(reached):
                return arm.name
        return self.arms[-1].name

    def _place(self, purpose: str, key: str) -> int:
        """Return the key's place on the range of a hash, [0, 2 ** 64)."""
        made = hashlib.blake2b(
            key.encode(), digest_size=8, key=self.seed.encode(), person=purpose.encode()
        )
        return int.from_bytes(made.digest(), "big")


@dataclass(frozen=True)
class Exposure:
    """That a key was shown an arm: an entry of the exposure log.

    The log holds a hash of the key, never the key.
    """

    experiment: str
    key_hash: str
    arm: str
    at: float

    @classmethod
    def of(cls, experiment: str, assignment: Assignment, key: str, at: float) -> "Exposure | None":
        """Return the entry for a key at a time (seconds since 1970), None when it takes no part."""
        arm = assignment.arm(key)
        return None if arm is None else cls(experiment, hashed(assignment.seed, key), arm, at)

    def to_dict(self) -> dict[str, Any]:
        """Return the JSON form."""
        return {
            "experiment": self.experiment,
            "key_hash": self.key_hash,
            "arm": self.arm,
            "at": self.at,
        }


def hashed(seed: str, key: str) -> str:
    """Return the name under which a log knows a key: 32 hex digits."""
    return hashlib.blake2b(
        key.encode(), digest_size=16, key=seed.encode(), person=b"log"
    ).hexdigest()


def exposed(log: Iterable[Exposure]) -> Mapping[str, int]:
    """Return how many different keys were shown each arm; whoever saw several counts in each."""
    keys: dict[str, set[str]] = {}
    for entry in log:
        keys.setdefault(entry.arm, set()).add(entry.key_hash)
    return {arm: len(found) for arm, found in keys.items()}


@lru_cache(maxsize=1024)
def _edge(share: float) -> int:
    """Return where a share of the range ends, exactly, on every machine."""
    return int(Fraction(share) * _WHOLE)
