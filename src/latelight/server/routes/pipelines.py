"""Pipelines: the presets, and whether a spec is one."""

from typing import Annotated, Any

from fastapi import APIRouter, Body
from starlette.requests import Request
from starlette.responses import Response

from latelight.pipelines.spec import PRESETS
from latelight.server import shapes
from latelight.server.json_answers import json_answer
from latelight.server.paging import page, page_by_name
from latelight.server.routes.common import A_PAGE, Cursor, Limit, answered
from latelight.server.routing import Route, operation
from latelight.server.service import service_of
from latelight.server.specs import spec_from

router = APIRouter(prefix="/v1", route_class=Route, tags=["pipelines"])


@router.get("/pipelines", response_model=shapes.Page, **operation("list_pipelines"))
async def list_pipelines(
    request: Request, limit: Limit = A_PAGE, cursor: Cursor = None
) -> Response:
    """Return the presets, whole."""
    names, following = page_by_name(sorted(PRESETS), cursor, limit)
    items = [{"name": name, "spec": PRESETS[name]} for name in names]
    return json_answer(page(items, following))


@router.post(
    "/pipelines/validate",
    response_model=shapes.Valid,
    **operation("validate_pipeline", body="json"),
)
async def validate_pipeline(request: Request, spec: Annotated[dict[str, Any], Body()]) -> Response:
    """Check that a spec can be read, and that what it names is installed."""
    service = service_of(request)

    def make() -> dict[str, Any]:
        spec_from(spec, service.library.settings)
        return {"valid": True}

    return await answered(service.looking, make)
