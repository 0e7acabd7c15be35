"""Versions and releases: begun, stepped, promoted, rolled back."""

from collections.abc import Callable
from typing import Any

import msgspec
from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response

from latelight.app import Collection
from latelight.app.release import Releases
from latelight.server import shapes
from latelight.server.auth import check_namespace
from latelight.server.judgements import plan_with_judgements
from latelight.server.paging import page, page_by_name
from latelight.server.requests import Interaction, Note, Start
from latelight.server.routes.common import A_PAGE, IN, Cursor, Limit, answered, target_of
from latelight.server.routing import Route, operation
from latelight.server.service import Service, caller_of, service_of
from latelight.server.specs import spec_from

router = APIRouter(prefix="/v1", route_class=Route, tags=["releases"])


@router.get(
    f"{IN}/versions",
    response_model=shapes.VersionPage,
    **operation("list_versions", scope="read"),
)
async def list_versions(
    request: Request, namespace: str, collection: str, limit: Limit = A_PAGE, cursor: Cursor = None
) -> Response:
    """Return the versions of a collection, by digest."""

    def make() -> dict[str, Any]:
        target = target_of(request)
        versions, aliases = target.versions(), target.aliases()
        names, following = page_by_name(sorted(versions), cursor, limit)
        return page([_version(versions[one], aliases) for one in names], following)

    return await answered(service_of(request).looking, make)


@router.get(
    f"{IN}/release",
    response_model=shapes.ReleaseStatus,
    **operation("get_release", scope="read"),
)
async def get_release(request: Request, namespace: str, collection: str) -> Response:
    """Return how the newest release stands, with all that was counted."""
    service = service_of(request)
    return await answered(service.looking, lambda: _status(service, target_of(request)))


@router.post(
    f"{IN}/release",
    status_code=201,
    response_model=shapes.ReleaseStatus,
    **operation("start_release", scope="admin", body="json", changes=True),
)
async def start_release(
    request: Request, namespace: str, collection: str, asked: Start
) -> Response:
    """Make a candidate under another pipeline, and begin its release; `step` fills it."""
    service = service_of(request)

    def make() -> dict[str, Any]:
        target = target_of(request)
        spec = spec_from(asked.pipeline, service.library.settings)
        plan = plan_with_judgements(service, target, asked.plan)
        target.release.start(spec, plan)
        return _status(service, target)

    return await answered(service.writing, make, 201)


@router.post(
    f"{IN}/release/step",
    status_code=202,
    response_model=shapes.Stepping,
    **operation("step_release", scope="admin", changes=True),
)
async def step_release(request: Request, namespace: str, collection: str) -> Response:
    """Begin what the present stage asks for; `GET …/release` says what came of it."""
    service = service_of(request)

    def make() -> dict[str, Any]:
        target = target_of(request)
        target.release.status()  # tells whether there is one
        service.stepper.step(target)
        return {"stepping": True}

    return await answered(service.writing, make, 202)


@router.post(
    f"{IN}/release/promote",
    response_model=shapes.ReleaseStatus,
    **operation("promote_release", scope="admin", body="json", changes=True),
)
async def promote_release(
    request: Request, namespace: str, collection: str, asked: Note | None = None
) -> Response:
    """Make the candidate the live version, in one write."""
    return await _moved(request, Releases.promote, asked)


@router.post(
    f"{IN}/release/rollback",
    response_model=shapes.ReleaseStatus,
    **operation("rollback_release", scope="admin", body="json", changes=True),
)
async def rollback_release(
    request: Request, namespace: str, collection: str, asked: Note | None = None
) -> Response:
    """Make the version live again that was before the promotion, in one write."""
    return await _moved(request, Releases.rollback, asked)


@router.post(
    f"{IN}/release/abort",
    response_model=shapes.ReleaseStatus,
    **operation("abort_release", scope="admin", body="json", changes=True),
)
async def abort_release(
    request: Request, namespace: str, collection: str, asked: Note | None = None
) -> Response:
    """End a release before its promotion."""
    return await _moved(request, Releases.abort, asked)


@router.post(
    f"{IN}/release/retire",
    response_model=shapes.ReleaseStatus,
    **operation("retire_release", scope="admin", changes=True),
)
async def retire_release(request: Request, namespace: str, collection: str) -> Response:
    """Remove the version that the release left."""
    return await _moved(request, Releases.retire)


@router.post("/interactions", status_code=204, **operation("interact", body="json", changes=True))
async def interact(request: Request, asked: Interaction) -> Response:
    """Note that somebody used a document of a search, for a release, an experiment or the log."""
    service = service_of(request)
    check_namespace(caller_of(request), "read", asked.namespace)

    def count() -> None:
        target = service.collection(asked.namespace, asked.collection)
        target.interact(asked.search_id, asked.doc_id)

    await service.looking.run(count)
    return Response(status_code=204)


async def _moved(
    request: Request, move: Callable[..., object], asked: Note | None = None
) -> Response:
    service = service_of(request)
    why = {} if asked is None or asked.note is None else {"note": asked.note}

    def make() -> dict[str, Any]:
        target = target_of(request)
        move(target.release, **why)
        return _status(service, target)

    return await answered(service.writing, make)


def _status(service: Service, target: Collection) -> dict[str, Any]:
    told = service.stepper.told(target)  # first: when no step goes on, what follows is its outcome
    return {**target.release.status().to_dict(), **told}


def _version(version: Any, aliases: dict[str, str]) -> dict[str, Any]:
    spec = msgspec.json.decode(version.spec)
    return {
        "digest": version.digest,
        "pipeline": spec.get("name", ""),
        "aliases": sorted(name for name, digest in aliases.items() if digest == version.digest),
        "created_at": version.created_at,
        "spec": spec,
    }
