"""Jobs: what is being added; watched, stopped, taken up again."""

from collections.abc import Callable
from typing import Any

from fastapi import APIRouter, Query
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse

from latelight.app.adding import JobSummary
from latelight.app.job import Job
from latelight.releases.keys import KeyScope
from latelight.server import shapes
from latelight.server.auth import check_namespace
from latelight.server.events import job_events
from latelight.server.job_json import job_of
from latelight.server.paging import cursor_of, key_in, page, page_newest_first
from latelight.server.routes.common import A_PAGE, Cursor, Limit, answered
from latelight.server.routing import Route, operation
from latelight.server.service import Service, caller_of, service_of

router = APIRouter(prefix="/v1", route_class=Route, tags=["jobs"])
_TEXT = {"text/event-stream": {"schema": {"type": "string"}}}
_STREAM = {200: {"description": "Events", "content": _TEXT}}


@router.get("/jobs", response_model=shapes.JobPage, **operation("list_jobs"))
async def list_jobs(
    request: Request,
    namespace: str | None = Query(None, max_length=64),
    collection: str | None = Query(None, max_length=64),
    limit: Limit = A_PAGE,
    cursor: Cursor = None,
) -> Response:
    """Return the jobs of the namespaces that the caller sees, newest first."""
    service, caller = service_of(request), caller_of(request)

    def make() -> dict[str, Any]:
        found = service.library.jobs(namespace=namespace, collection=collection)
        mine = [one for one in found if caller.sees(one.record.namespace)]
        shown, following = page_newest_first(mine, _place, cursor, limit)
        return page([job_of(service, one) for one in shown], following)

    return await answered(service.looking, make)


@router.get("/jobs/{job_id}", response_model=shapes.JobShape, **operation("get_job"))
async def get_job(request: Request, job_id: str) -> Response:
    """Return how a job stands."""
    service, caller = service_of(request), caller_of(request)
    return await answered(service.looking, lambda: job_of(service, service.job(job_id, caller)))


@router.get(
    "/jobs/{job_id}/events",
    response_class=StreamingResponse,
    **operation("watch_job", answers=_STREAM),
)
async def watch_job(request: Request, job_id: str) -> Response:
    """Return what happens to a job from now on, as server-sent events, until it ends."""
    service, caller = service_of(request), caller_of(request)
    await service.looking.run(service.job, job_id, caller)
    return StreamingResponse(
        job_events(service, job_id),
        media_type="text/event-stream",
        headers={"Cache-Control": "no-store", "X-Accel-Buffering": "no"},
    )


@router.get(
    "/jobs/{job_id}/failures", response_model=shapes.FailurePage, **operation("list_failures")
)
async def list_failures(
    request: Request, job_id: str, limit: Limit = A_PAGE, cursor: Cursor = None
) -> Response:
    """Return what could not be added, by source, each with its reason."""
    service, caller = service_of(request), caller_of(request)

    def make() -> dict[str, Any]:
        key = key_in(cursor, str)
        service.job(job_id, caller)
        every = service.library.job(job_id).failures
        rest = [one for one in every if key is None or one.source > key[0]]
        shown = rest[:limit]
        following = cursor_of(shown[-1].source) if len(rest) > limit else None
        return page([vars(one) for one in shown], following)

    return await answered(service.looking, make)


@router.post(
    "/jobs/{job_id}/pause",
    response_model=shapes.JobShape,
    **operation("pause_job", changes=True),
)
async def pause_job(request: Request, job_id: str) -> Response:
    """Stop a job after its batch in flight."""
    return await _steered(request, job_id, lambda service: service.runner.stop(job_id, Job.pause))


@router.post(
    "/jobs/{job_id}/resume",
    response_model=shapes.JobShape,
    **operation("resume_job", changes=True),
)
async def resume_job(request: Request, job_id: str) -> Response:
    """Go on with a job that was paused, interrupted or has failed."""
    return await _steered(request, job_id, _resume(job_id, Job.resume))


@router.post(
    "/jobs/{job_id}/cancel",
    response_model=shapes.JobShape,
    **operation("cancel_job", changes=True),
)
async def cancel_job(request: Request, job_id: str) -> Response:
    """Stop a job for good; what was published stays."""
    return await _steered(request, job_id, lambda service: service.runner.stop(job_id, Job.cancel))


@router.post(
    "/jobs/{job_id}/retry",
    response_model=shapes.JobShape,
    **operation("retry_job", changes=True),
)
async def retry_job(request: Request, job_id: str) -> Response:
    """Try again what has failed, and nothing else."""
    return await _steered(request, job_id, _resume(job_id, Job.retry_failed))


def _resume(job_id: str, begin: Callable[[Job], Job]) -> Callable[[Service], None]:
    def resume(service: Service) -> None:
        service.runner.submit(service.library.job(job_id), begin)

    return resume


async def _steered(request: Request, job_id: str, steer: Callable[[Service], None]) -> Response:
    service = service_of(request)

    def make() -> dict[str, Any]:
        _allowed(request, job_id, "write")
        steer(service)
        return job_of(service, service.library.job_summary(job_id))

    return await answered(service.writing, make)


def _allowed(request: Request, job_id: str, scope: KeyScope) -> JobSummary:
    caller = caller_of(request)
    found = service_of(request).job(job_id, caller)
    check_namespace(caller, scope, found.record.namespace)
    return found


def _place(one: JobSummary) -> tuple[float, str]:
    return one.record.created_at, one.record.job_id
