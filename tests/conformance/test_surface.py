"""The three kinds of objects have the same methods with the same arguments."""

import inspect
from collections.abc import Iterator
from typing import Any

import pytest

from latelight.app import Collection, Job, Library
from latelight.app.release import Releases
from latelight.app.view import View
from latelight.client import awaited, waiting
from latelight.client.bound import AsyncAttribute, Attribute

TRIPLES = (
    (Library, waiting.Client, awaited.AsyncClient),
    (Collection, waiting.RemoteCollection, awaited.AsyncCollection),
    (Job, waiting.RemoteJob, awaited.AsyncJob),
    (Releases, waiting.RemoteReleases, awaited.AsyncReleases),
    (View, waiting.RemoteView, awaited.AsyncView),
)
OF_FILES = {
    # What works on the library's own files, or within its process.
    Library: {
        "root", "settings", "generation", "backup", "job_summary", "count_failures", "sweep_jobs",
    },
    Collection: {
        "lock", "compact", "begin_candidate", "backfill", "retire", "measure_recall", "plan",
        "verify", "prepare", "aliases", "version", "search_version", "list_documents", "preview",
        "original", "load", "delete_checked", "is_releasing",
        "judgements", "log", "experiments",
    },
    Job: {"wait_or_pause", "is_over", "put_away"},
    Releases: set(),
    View: {"settings"},
}  # fmt: skip
ONLY_REMOTE = {"whoami", "close", "ids", "evaluations", "name", "namespace"}
"""The last two are attributes of instances elsewhere; evaluations are made there by functions."""


def public(kind: type) -> set[str]:
    return {name for name in dir(kind) if not name.startswith("_")}


def shared() -> Iterator[tuple[type, type, type, str]]:
    for here, remote, asynchronous in TRIPLES:
        for name in sorted(public(here) & public(remote)):
            yield here, remote, asynchronous, name


@pytest.mark.parametrize(("here", "remote", "asynchronous"), TRIPLES)
def test_nothing_is_forgotten(here: type, remote: type, asynchronous: type) -> None:
    assert public(here) - OF_FILES[here] == public(remote) - ONLY_REMOTE
    assert public(remote) == public(asynchronous)


@pytest.mark.parametrize(("here", "remote", "asynchronous", "name"), list(shared()))
def test_arguments_are_the_same(here: type, remote: type, asynchronous: type, name: str) -> None:
    mine = getattr(here, name)
    if not callable(mine):
        return
    wanted = arguments(mine)
    wanted.pop("progress", None) if (here, name) == (Releases, "step") else None
    assert arguments(getattr(remote, name)) == wanted
    assert arguments(getattr(asynchronous, name)) == wanted


@pytest.mark.parametrize(("here", "remote", "asynchronous", "name"), list(shared()))
def test_everything_says_what_it_does(
    here: type, remote: type, asynchronous: type, name: str
) -> None:
    for kind in (remote, asynchronous):
        said = inspect.getattr_static(kind, name).__doc__
        assert said
        assert len(said) > 10


def test_what_asks_the_server_is_awaited_in_the_awaited_client() -> None:
    for _, remote, asynchronous, name in shared():
        mine = inspect.getattr_static(remote, name)
        other = inspect.getattr_static(asynchronous, name)
        assert isinstance(mine, Attribute) == isinstance(other, AsyncAttribute), name


def test_evaluations_are_the_same_for_both_clients() -> None:
    remote, asynchronous = waiting.RemoteEvaluations, awaited.AsyncEvaluations
    assert public(remote) == public(asynchronous) == {"start", "list", "get", "wait", "report"}
    for name in public(remote):
        mine, other = getattr(remote, name), getattr(asynchronous, name)
        assert arguments(mine) == arguments(other)
        assert mine.__doc__ == other.__doc__
        assert len(mine.__doc__) > 40


def arguments(method: Any) -> dict[str, Any]:
    """Return the arguments behind the first one, with their defaults."""
    found = list(inspect.signature(method).parameters.values())[1:]
    return {one.name: (one.kind, one.default) for one in found}
