"""The application: routes, what stands around them, and how errors are told."""

from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path
from typing import Any

from fastapi import FastAPI
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import FileResponse, Response
from starlette.staticfiles import StaticFiles

from latelight import __version__
from latelight.app import Library
from latelight.errors import LatelightError
from latelight.server import lifecycle, problems
from latelight.server.config import ServerConfig
from latelight.server.json_answers import encoded
from latelight.server.logs import ERRORS
from latelight.server.openapi import openapi_of
from latelight.server.quick import QuickSearch
from latelight.server.routes import (
    adding,
    collections,
    documents,
    evaluations,
    jobs,
    pictures,
    pipelines,
    releases,
    search,
    system,
)
from latelight.server.service import Service
from latelight.server.surroundings import Surroundings
from latelight.server.tracing import Tracer, no_tracer

WEB = Path(__file__).parent / "web"
_V1 = (search, collections, adding, documents, pictures, jobs, releases, evaluations, pipelines)


def create_app(
    library: Library,
    config: ServerConfig | None = None,
    *,
    tracer: Tracer = no_tracer,
) -> FastAPI:
    """Return the ASGI application that serves a library.

    It warms up, and takes up jobs that an earlier process left, when its lifespan begins; when that
    ends, jobs are paused for the next process.

    Args:
        library: what is served.
        config: limits; by default those of a server that only this machine reaches.
        tracer: opens spans.
    """
    service = Service(library, config or ServerConfig(), tracer)
    app = FastAPI(
        title="Latelight",
        version=__version__,
        description="Late-interaction retrieval that shows why each hit matched.",
        docs_url=None,
        redoc_url=None,
        openapi_url=None,
        redirect_slashes=False,
        lifespan=_lifespan(service),
        exception_handlers=_handlers(),
        # Its own spans name paths and queries, with ids and texts of documents.
        telemetry={"tracing": False, "metrics": False, "logs": False},
    )
    app.state.service = service
    for module in _V1:
        app.include_router(module.router)
    app.include_router(system.router)
    app.include_router(system.guarded)
    _add_page(app)
    app.add_middleware(QuickSearch, service=service)
    app.add_middleware(Surroundings, metrics=service.metrics, tracer=tracer)
    app.openapi = lambda: openapi_of(app)  # type: ignore[method-assign]
    return app


def _lifespan(service: Service) -> Callable[[FastAPI], AbstractAsyncContextManager[None]]:
    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        await lifecycle.start(service)
        try:
            yield
        finally:
            await lifecycle.stop(service)

    return lifespan


def _add_page(app: FastAPI) -> None:
    async def page() -> Response:
        if not (WEB / "index.html").is_file():
            raise problems.not_found("This installation has no page")
        return FileResponse(WEB / "index.html", headers={"Cache-Control": "no-cache"})

    async def document() -> Response:
        return Response(encoded(app.openapi()), media_type="application/json")

    app.add_api_route("/", page, include_in_schema=False)
    app.add_api_route("/openapi.json", document, include_in_schema=False)
    app.mount("/assets", _Assets(directory=WEB, check_dir=False), name="assets")


class _Assets(StaticFiles):
    """The page's own files; looked for anew each time, so that an upgrade is seen at once."""

    async def get_response(self, path: str, scope: Any) -> Response:
        if "\x00" in path:
            raise HTTPException(404)
        response = await super().get_response(path, scope)
        response.headers["Cache-Control"] = "no-cache"
        return response


# -- errors ----------------------------------------------------------------------------------


def _handlers() -> dict[Any, Any]:
    return {
        LatelightError: _library_error,
        HTTPException: _http_error,
        RequestValidationError: _invalid,
    }


def request_id_of(request: Request) -> str:
    """Return the id that the surroundings gave a request."""
    return str(request.scope.get("state", {}).get("request_id", ""))


async def _library_error(request: Request, error: LatelightError) -> Response:
    if problems.status_of(error) >= 500:
        _log(request, error)
    return problems.of_library(error, request_id_of(request))


async def _http_error(request: Request, error: HTTPException) -> Response:
    return problems.of_http(error, request_id_of(request))


async def _invalid(request: Request, error: RequestValidationError) -> Response:
    first = error.errors()[0]
    place = ".".join(str(part) for part in first["loc"])
    why = (first.get("ctx") or {}).get("error", "")
    said = f"{place}: {first['msg']}" + (f" ({why})" if why else "")
    remedy = "See docs/http.md, or /openapi.json, for what is expected."
    return problems.answer(422, "invalid_input", f"{said}.", remedy, request_id_of(request))


def _log(request: Request, error: Exception) -> None:
    told = {"request_id": request_id_of(request)}
    ERRORS.error("request failed", exc_info=error, extra=told)
