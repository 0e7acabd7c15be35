"""Health, readiness, metrics."""

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response

from latelight.server import shapes
from latelight.server.auth import forbidden
from latelight.server.json_answers import json_answer
from latelight.server.metrics import MEDIA_TYPE
from latelight.server.problems import wait
from latelight.server.routing import Route, operation
from latelight.server.service import caller_of, service_of

router = APIRouter(tags=["system"])
guarded = APIRouter(route_class=Route, tags=["system"])
_TEXT = {200: {"description": "Numbers", "content": {"text/plain": {"schema": {"type": "string"}}}}}


@router.get("/healthz", response_model=shapes.Health, operation_id="healthz")
async def healthz() -> Response:
    """Return that the server lives."""
    return json_answer({"status": "ok"})


@router.get("/readyz", response_model=shapes.Health, **operation("readyz"))
async def readyz(request: Request) -> Response:
    """Return whether the server can answer: models are loaded, and it is not stopping."""
    service = service_of(request)
    if service.stopping.is_set():
        raise wait(503, "busy", "The server is stopping.", 5)
    if not service.is_ready:
        raise wait(503, "busy", "Models are being loaded.", 1)
    return json_answer({"status": "ready"})


@guarded.get("/metrics", response_class=Response, **operation("metrics", answers=_TEXT))
async def metrics(request: Request) -> Response:
    """Return the server's numbers for Prometheus; for admins of every namespace."""
    service = service_of(request)
    if not caller_of(request).is_any_admin:
        raise forbidden("admin", "*")
    text = await service.looking.run(service.metrics.exposed, service.opened())
    return Response(text, 200, media_type=MEDIA_TYPE)
