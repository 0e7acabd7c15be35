"""Evaluations: judged topics, searched in one or several versions."""

from typing import Any

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response

from latelight.releases.evaluations import EvaluationRecord
from latelight.releases.jobs import new_job_id
from latelight.server import shapes
from latelight.server.evaluating import check_asked, evaluate
from latelight.server.paging import page, page_newest_first
from latelight.server.problems import not_found
from latelight.server.requests import Evaluate
from latelight.server.routes.common import A_PAGE, IN, Cursor, Limit, answered, target_of
from latelight.server.routing import Route, operation
from latelight.server.service import service_of

router = APIRouter(prefix="/v1", route_class=Route, tags=["evaluations"])
REPORT_POLICY = "sandbox; default-src 'none'; style-src 'unsafe-inline'; img-src data:"
_HTML = {200: {"description": "A page", "content": {"text/html": {"schema": {"type": "string"}}}}}


@router.post(
    f"{IN}/evaluations",
    status_code=202,
    response_model=shapes.EvaluationId,
    **operation("evaluate", scope="write", body="json", changes=True),
)
async def begin_evaluation(
    request: Request, namespace: str, collection: str, asked: Evaluate
) -> Response:
    """Search judged topics in each version, and compare them; in the background."""
    service, own = service_of(request), asked.model_dump()

    def make() -> dict[str, Any]:
        target = target_of(request)
        check_asked(target, own)
        evaluation_id, place = new_job_id(), (namespace, collection)
        service.evaluations.create(evaluation_id, place, own)
        record = service.evaluations.get(evaluation_id, place)
        service.background.submit(evaluate, service, record)
        return {"evaluation_id": evaluation_id}

    return await answered(service.writing, make, 202)


@router.get(
    f"{IN}/evaluations",
    response_model=shapes.EvaluationPage,
    **operation("list_evaluations", scope="read"),
)
async def list_evaluations(
    request: Request, namespace: str, collection: str, limit: Limit = A_PAGE, cursor: Cursor = None
) -> Response:
    """Return the evaluations of a collection, newest first."""
    service = service_of(request)

    def make() -> dict[str, Any]:
        target_of(request)
        found = service.evaluations.of((namespace, collection))
        shown, following = page_newest_first(found, _place, cursor, limit)
        return page([_told(one) for one in shown], following)

    return await answered(service.looking, make)


@router.get(
    f"{IN}/evaluations/{{evaluation_id}}",
    response_model=shapes.EvaluationShape,
    **operation("get_evaluation", scope="read"),
)
async def get_evaluation(
    request: Request, namespace: str, collection: str, evaluation_id: str
) -> Response:
    """Return how an evaluation stands, and what came out."""
    service = service_of(request)

    def make() -> dict[str, Any]:
        target_of(request)
        return _told(service.evaluations.get(evaluation_id, (namespace, collection)))

    return await answered(service.looking, make)


@router.get(
    f"{IN}/evaluations/{{evaluation_id}}/report",
    response_class=Response,
    **operation("get_report", scope="read", answers=_HTML),
)
async def get_report(
    request: Request, namespace: str, collection: str, evaluation_id: str
) -> Response:
    """Return the comparison as one page, where several versions were compared."""
    service = service_of(request)

    def make() -> Response:
        target_of(request)
        text = service.evaluations.report(evaluation_id, (namespace, collection))
        if not text:
            raise not_found(f"Evaluation {evaluation_id!r} has no report, or not yet")
        headers = {"Content-Security-Policy": REPORT_POLICY}
        return Response(text, 200, headers, "text/html; charset=utf-8")

    return await service.looking.run(make)


def _told(one: EvaluationRecord) -> dict[str, Any]:
    return {
        "evaluation_id": one.evaluation_id,
        "state": one.state,
        "created_at": one.created_at,
        "updated_at": one.updated_at,
        "error": one.error,
        "versions": one.asked["versions"],
        "measures": one.asked["measures"],
        "result": one.result,
    }


def _place(one: EvaluationRecord) -> tuple[float, str]:
    return one.created_at, one.evaluation_id
