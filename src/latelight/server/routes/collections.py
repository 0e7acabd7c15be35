"""Namespaces and collections."""

import time
from typing import Any

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response

from latelight import __version__
from latelight.app import Collection
from latelight.app.job import Job
from latelight.errors import AlreadyExistsError, JobRunningError, NotFoundError
from latelight.pipelines.spec import PipelineSpec
from latelight.server import shapes
from latelight.server.json_answers import json_answer
from latelight.server.paging import page, page_by_name
from latelight.server.problems import not_found
from latelight.server.requests import Create
from latelight.server.routes.common import A_PAGE, IN, Cursor, Limit, answered, target_of
from latelight.server.routing import Route, operation
from latelight.server.service import Service, caller_of, service_of
from latelight.server.specs import spec_from

router = APIRouter(prefix="/v1", route_class=Route, tags=["collections"])
_STOP_SECONDS = 20.0


@router.get("/whoami", response_model=shapes.WhoAmI, **operation("whoami"))
async def whoami(request: Request) -> Response:
    """Return who the caller is, and what they may do."""
    caller, service = caller_of(request), service_of(request)
    return json_answer(
        {
            "key": caller.key,
            "namespaces": dict(caller.grants),
            "version": __version__,
            "open": service.guard.is_open,
        }
    )


@router.get("/namespaces", response_model=shapes.NamespacePage, **operation("list_namespaces"))
async def list_namespaces(
    request: Request, limit: Limit = A_PAGE, cursor: Cursor = None
) -> Response:
    """Return the namespaces that the caller sees."""
    caller, service = caller_of(request), service_of(request)

    def make() -> dict[str, Any]:
        names = caller.visible(service.library.namespaces())
        shown, following = page_by_name(names, cursor, limit)
        return page([{"name": name} for name in shown], following)

    return await answered(service.looking, make)


@router.get(
    "/namespaces/{namespace}/collections",
    response_model=shapes.CollectionPage,
    **operation("list_collections", scope="read"),
)
async def list_collections(
    request: Request, namespace: str, limit: Limit = A_PAGE, cursor: Cursor = None
) -> Response:
    """Return the collections of a namespace, by name."""
    caller, service = caller_of(request), service_of(request)

    def make() -> dict[str, Any]:
        if namespace not in caller.visible(service.library.namespaces()):
            raise not_found(f"There is no namespace {namespace!r}")
        names = service.library.collections(namespace=namespace)
        shown, following = page_by_name(names, cursor, limit)
        return page([_told(service.collection(namespace, name)) for name in shown], following)

    return await answered(service.looking, make)


@router.put(
    IN,
    response_model=shapes.CollectionShape,
    **operation(
        "create_collection",
        scope="admin",
        body="json",
        changes=True,
        answers={201: {"description": "Made", "model": shapes.CollectionShape}},
    ),
)
async def create_collection(
    request: Request, namespace: str, collection: str, asked: Create
) -> Response:
    """Make a collection: 201, or 200 when it is there under the same pipeline."""
    service = service_of(request)
    return await service.writing.run(_created, service, (namespace, collection), asked)


@router.get(IN, response_model=shapes.CollectionShape, **operation("get_collection", scope="read"))
async def get_collection(request: Request, namespace: str, collection: str) -> Response:
    """Return what a collection holds, and its live pipeline."""
    return await answered(service_of(request).looking, lambda: _told(target_of(request)))


@router.delete(IN, status_code=204, **operation("drop_collection", scope="admin", changes=True))
async def drop_collection(request: Request, namespace: str, collection: str) -> Response:
    """Remove a collection with all that it holds; its jobs are cancelled."""
    service = service_of(request)
    await service.writing.run(_dropped, service, (namespace, collection))
    return Response(status_code=204)


def _created(service: Service, place: tuple[str, str], asked: Create) -> Response:
    spec = spec_from(asked.pipeline, service.library.settings)
    namespace, name = place
    try:
        known = service.collection(namespace, name)
    except NotFoundError:
        service.library.collection(name, create=True, pipeline=spec, namespace=namespace)
        made = service.collection(namespace, name)
        return json_answer(_told(made), 201)
    _check_same(known, spec)
    return json_answer(_told(known))


def _check_same(known: Collection, spec: PipelineSpec) -> None:
    if known.spec != spec:
        raise AlreadyExistsError(
            f"Collection {known.name!r} exists under another pipeline, {known.spec.name!r}. "
            "Release the new one beside it (POST …/release), or choose another name."
        )


def _dropped(service: Service, place: tuple[str, str]) -> None:
    namespace, name = place
    service.collection(namespace, name)
    own = [one.record.job_id for one in service.library.jobs(namespace=namespace, collection=name)]
    for job_id in own:
        if service.runner.running(job_id) is not None or service.runner.is_waiting(job_id):
            service.runner.stop(job_id, Job.cancel)
    deadline = time.monotonic() + _STOP_SECONDS
    while any(service.runner.running(job_id) is not None for job_id in own):
        if time.monotonic() >= deadline:
            raise JobRunningError(
                f"A job of collection {name!r} has not stopped yet. Try again in a moment."
            )
        time.sleep(0.05)
    service.forget(namespace, name)
    service.library.drop_collection(name, namespace=namespace)


def _told(target: Collection) -> dict[str, Any]:
    return {
        "namespace": target.namespace,
        "name": target.name,
        **target.stats().to_dict(),
        "spec": target.spec,
    }
