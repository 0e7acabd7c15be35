"""Routes that admit before they read: key, scope, rate, size; then repeated requests."""

import json
from collections.abc import Callable, Coroutine, Mapping
from hashlib import sha256
from typing import Any, cast

import msgspec
from fastapi.routing import APIRoute
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import Scope

from latelight.releases.keys import KeyScope
from latelight.server.auth import Caller, check_namespace
from latelight.server.idempotency import HEADER, once
from latelight.server.limits import limited
from latelight.server.service import Service, service_of
from latelight.server.shapes import Problem

SLASH = "\udc2f"
"""Stands for a `/` within an id while a path is taken apart: no text that arrives has it."""
NEEDS, BODY, CHANGES = "x-latelight-scope", "x-latelight-body", "x-latelight-changes"
Handler = Callable[[Request], Coroutine[Any, Any, Response]]

_ALWAYS = (401, 403, 404, 422, 429, 500, 503)


def operation(  # noqa: PLR0913  what an operation is declared by
    name: str,
    *,
    scope: KeyScope | None = None,
    body: str = "",
    changes: bool = False,
    also: tuple[int, ...] = (),
    answers: Mapping[int, Mapping[str, Any]] | None = None,
    extra: Mapping[str, Any] | None = None,
) -> dict[str, Any]:
    """Return what a route of the contract is declared with.

    Args:
        name: its operation id.
        scope: that the caller needs in the path's namespace; None where the handler looks itself.
        body: `json`, `upload` or `image`, which have limits of their own; empty for none.
        changes: whether it changes something, so that `Idempotency-Key` counts.
        also: statuses beside those that every route has.
        answers: other answers than JSON, for the OpenAPI document.
        extra: more of the OpenAPI document.
    """
    statuses = {*_ALWAYS, *also, *((413,) if body else ()), *((409,) if changes else ())}
    problems: dict[int | str, dict[str, Any]] = {
        status: {
            "description": "Problem",
            "content": {"application/problem+json": {"schema": _PROBLEM}},
        }
        for status in sorted(statuses)
    }
    own: dict[str, Any] = {NEEDS: scope or "", BODY: body, CHANGES: changes, **(extra or {})}
    return {
        "operation_id": name,
        "responses": {**problems, **(answers or {})},
        "openapi_extra": own,
    }


_PROBLEM = {"$ref": f"#/components/schemas/{Problem.__name__}"}


class Route(APIRoute):
    """Admits a request before its body is read."""

    def get_route_handler(self) -> Handler:
        """Return the handler with everything around it."""
        inner = super().get_route_handler()
        declared = self.openapi_extra or {}

        async def handle(request: Request) -> Response:
            service = service_of(request)
            _restore_slashes(request.scope)
            caller = request.scope["state"].get("admitted")
            if caller is None:
                caller = _admitted(request, service, declared.get(NEEDS, ""))
            most = _most_bytes(service, declared.get(BODY, ""))
            own = _Read(request.scope, limited(request, request.receive, most))
            own.state.caller = caller
            key = own.headers.get(HEADER)
            if key is None or not declared.get(CHANGES) or declared.get(BODY) == "upload":
                return await inner(own)
            asked = sha256(await own.body()).hexdigest()
            whose = (caller, key, use_of(own))
            return await once(service, whose, asked, lambda: inner(own))

        return handle


class _Read(Request):
    """A request whose JSON is strict: no NaN, no text that is no Unicode, no endless depth."""

    async def json(self) -> Any:
        if not hasattr(self, "_json"):
            try:
                self._json = msgspec.json.decode(await self.body())
            except (msgspec.DecodeError, RecursionError) as error:
                raise json.JSONDecodeError(str(error), "", 0) from error
        return self._json


def use_of(request: Request) -> str:
    """Return what a request asks for, its body apart."""
    return f"{request.method} {request.url.path}?{request.url.query}"


def _admitted(request: Request, service: Service, needs: str) -> Caller:
    caller = service.guard.caller(request)
    service.rate.take(caller.name)
    if "namespace" in request.path_params:
        check_namespace(caller, cast("KeyScope", needs), request.path_params["namespace"])
    return caller


def _most_bytes(service: Service, body: str) -> int:
    config = service.config
    sizes = {"upload": config.max_upload_bytes, "image": config.max_image_bytes}
    return sizes.get(body, config.max_json_bytes)


def _restore_slashes(scope: Scope) -> None:
    given = scope.get("path_params", {})
    scope["path_params"] = {
        name: value.replace(SLASH, "/") if isinstance(value, str) else value
        for name, value in given.items()
    }
