"""What a server as a whole can be asked, with the arguments of an embedded library."""

from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import Any

from latelight.app.adding import JobSummary
from latelight.client import calls, jobs
from latelight.client.address import Address
from latelight.client.calls import Place
from latelight.client.jobs import Sent
from latelight.client.lists import every
from latelight.client.steps import Call, Talking
from latelight.client.talks import wire_pipeline
from latelight.errors import AlreadyExistsError, NotFoundError
from latelight.pipelines.progress import Watch, watch_nothing
from latelight.pipelines.spec import PipelineSpec
from latelight.releases.catalog import check_name


def whoami(server: Address) -> Call[Mapping[str, Any]]:
    """Return the key's name, its scopes by namespace, and the server's version."""
    return calls.whoami()


def namespaces(server: Address) -> Talking[list[str]]:
    """Return the namespaces that the key opens, sorted."""
    found: list[str] = yield from every(calls.list_namespaces)
    return found


def collections(server: Address, *, namespace: str = "default") -> Talking[list[str]]:
    """Return the names of the collections, sorted."""
    try:
        found = yield from every(partial(calls.list_collections, namespace))
    except NotFoundError:  # nothing was made in it yet, or it is not for this key to see
        return []
    return [name for name, _ in found]


def opened(
    server: Address,
    name: str,
    *,
    create: bool = False,
    pipeline: str | Path | PipelineSpec = "default",
    namespace: str = "default",
) -> Talking[Place]:
    """Return a collection; with `create`, make it under `pipeline` when it is not there.

    Raises:
        NotFoundError: it is not there and `create` is false, or there is no such pipeline.
        SettingError: the pipeline is not valid.
        InputError: the name cannot be a collection's.
    """
    place = checked(name, namespace)
    try:
        yield from calls.get_collection(place)
    except NotFoundError:
        if not create:
            raise
        try:
            yield from calls.create_collection(place, wire_pipeline(pipeline))
        except AlreadyExistsError:  # somebody else just made it
            yield from calls.get_collection(place)
    return place


def drop_collection(server: Address, name: str, *, namespace: str = "default") -> Call[None]:
    """Remove a collection with all that it holds; there is no way back.

    Raises:
        NotFoundError: there is no such collection.
    """
    return calls.drop_collection(checked(name, namespace))


def every_collection(server: Address) -> Talking[list[tuple[str, Place]]]:
    """Return each collection of each namespace that the key opens."""
    found = []
    for namespace in (yield from namespaces(server)):
        names = yield from collections(server, namespace=namespace)
        found += [(namespace, Place(namespace, name)) for name in names]
    return found


def list_jobs(
    server: Address, *, namespace: str | None = None, collection: str | None = None
) -> Talking[list[JobSummary]]:
    """Return the jobs, newest first, of one namespace or collection or of all.

    How often a job was begun and by which process is not told.
    """
    found = yield from every(partial(calls.list_jobs, namespace, collection))
    return [one.summary for one in found]


def job(server: Address, job_id: str, *, progress: Watch = watch_nothing) -> Talking[Sent]:
    """Return a job by its id, or by the beginning of it, to look at or to take up again.

    Raises:
        NotFoundError: there is no such job, or several.
    """
    found = yield from jobs.find(job_id)
    return Sent(found.ids, watch=progress)


def checked(name: str, namespace: str) -> Place:
    """Return where a collection is.

    Raises:
        InputError: the name cannot be a collection's.
    """
    check_name("collection", name)
    check_name("namespace", namespace)
    return Place(namespace, name)
