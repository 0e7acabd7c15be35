"""The one table of settings: names, defaults, help; read from the environment once, at the edge."""

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from latelight.errors import SettingError


@dataclass(frozen=True)
class Setting:
    """One row of the table."""

    name: str
    default: str
    help: str

    @property
    def variable(self) -> str:
        """The environment variable that sets it."""
        return f"LATELIGHT_{self.name.upper()}"


SETTINGS: tuple[Setting, ...] = (
    Setting("library", "library", "Directory of the library that commands use, or a server's URL."),
    Setting("api_key", "", "Key for a server, where it wants one."),
    Setting("namespace", "default", "Namespace that commands use."),
    Setting("collection", "default", "Collection that commands use."),
    Setting("threads", "0", "Threads for encoding and scoring; 0 takes every core."),
    Setting("device", "auto", "What published models run on: auto; cpu, mps, cuda, cuda:0,cuda:1."),
    Setting("weights", "", "Directory with model weights that go before the carried ones."),
    Setting("commit_seconds", "1", "While adding: publish what is ready this often, in seconds."),
    Setting("backfill_niceness", "10", "Releases: 0 to 19; how far a backfill gives way (Linux)."),
    Setting("shown_days", "30", "Releases: a search waits so many days for interaction."),
    Setting("shown_searches", "100000", "Releases: so many searches of a collection do, at most."),
)


@dataclass(frozen=True)
class Settings:
    """The settings of one process, checked.

    Attributes:
        library: directory of the library, or the URL of a server.
        api_key: for a server; empty for none.
        namespace: isolation boundary.
        collection: named set of documents.
        n_threads: at least 1.
        device: what published models run on; `auto` takes a graphics card when there is one.
            Several with commas: visual models run on all of them, models of text on the first.
        weights: directory with model weights, or None for the carried ones.
        commit_seconds: how often adding publishes, in seconds.
        backfill_niceness: how far everybody else is preferred to the filling of a candidate.
        shown_days, shown_searches: how long, and how many, searches wait for interaction while a
            release wants to know of it.
    """

    library: str = "library"
    api_key: str = field(default="", repr=False)
    namespace: str = "default"
    collection: str = "default"
    n_threads: int = 1
    device: str = "auto"
    weights: Path | None = None
    commit_seconds: float = 1.0
    backfill_niceness: int = 10
    shown_days: float = 30.0
    shown_searches: int = 100_000


def read_settings(environment: Mapping[str, str] | None = None) -> Settings:
    """Return the settings that `environment` (the process's own by default) gives.

    Raises:
        SettingError: a `LATELIGHT_` variable is unknown, or its value is out of range.
    """
    given = os.environ if environment is None else environment
    _refuse_unknown(given)
    values = {row.name: given.get(row.variable, row.default) for row in SETTINGS}
    return Settings(
        library=values["library"],
        api_key=values["api_key"],
        namespace=values["namespace"],
        collection=values["collection"],
        n_threads=_threads(values["threads"]),
        device=values["device"],
        weights=Path(values["weights"]) if values["weights"] else None,
        commit_seconds=_number("commit_seconds", values["commit_seconds"], 0, 86_400),
        backfill_niceness=int(_number("backfill_niceness", values["backfill_niceness"], 0, 19)),
        shown_days=_number("shown_days", values["shown_days"], 0.01, 36_500),
        shown_searches=int(_number("shown_searches", values["shown_searches"], 1, 1e9)),
    )


def _refuse_unknown(given: Mapping[str, str]) -> None:
    known = {row.variable for row in SETTINGS}
    unknown = sorted(name for name in given if name.startswith("LATELIGHT_") and name not in known)
    if unknown:
        raise SettingError(
            f"Unknown setting {unknown[0]}. Known: {', '.join(sorted(known))}. "
            "Unset it or correct its name."
        )


def _threads(value: str) -> int:
    if not value.isdecimal():
        raise SettingError(f"LATELIGHT_THREADS is {value!r}; give a whole number, 0 for all cores.")
    return int(value) or available_cores()


def _number(name: str, value: str, least: float, most: float) -> float:
    try:
        number = float(value)
    except ValueError:
        number = least - 1
    if not least <= number <= most:
        raise SettingError(
            f"LATELIGHT_{name.upper()} is {value!r}; give a number from {least:g} to {most:g}."
        )
    return number


def available_cores() -> int:
    """Return how many cores this process may use, at least 1."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0)) or 1
    return os.cpu_count() or 1
