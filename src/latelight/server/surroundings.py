"""Around every request: its id, headers that keep browsers safe, HEAD, metrics, a log line."""

import logging
import re
import secrets
import time
from collections.abc import Iterable, Mapping
from typing import Any
from urllib.parse import unquote_to_bytes

from starlette.datastructures import Headers
from starlette.requests import ClientDisconnect
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from latelight.server import problems
from latelight.server.logs import ACCESS, ERRORS
from latelight.server.metrics import Metrics
from latelight.server.routing import SLASH
from latelight.server.tracing import Span, Tracer, no_tracer

REQUEST_ID = "X-Request-ID"
RawHeader = tuple[bytes, bytes]


def raw_headers(named: Mapping[str, str]) -> list[RawHeader]:
    """Return headers as ASGI has them."""
    return [(name.lower().encode(), value.encode()) for name, value in named.items()]


_RAW_REQUEST_ID = REQUEST_ID.lower().encode()
PAGE_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' blob:; "
    "connect-src 'self'; media-src 'self' blob:; base-uri 'none'; form-action 'none'; "
    "frame-ancestors 'none'"
)
DATA_POLICY = "default-src 'none'; frame-ancestors 'none'; sandbox"
ALWAYS: Mapping[str, str] = {
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
}
_OF_PAGE = raw_headers({**ALWAYS, "Content-Security-Policy": PAGE_POLICY})
_OF_DATA = raw_headers(
    {**ALWAYS, "Content-Security-Policy": DATA_POLICY, "Cache-Control": "no-store"}
)
_VALID_ID = re.compile(r"[A-Za-z0-9._-]{1,64}")
_API = "/v1/"


class HeadDone(OSError):  # noqa: N818  not an error
    """Ends an answer to HEAD after its headers, as if the client had gone."""


class Surroundings:
    """ASGI middleware."""

    def __init__(self, app: ASGIApp, metrics: Metrics, tracer: Tracer = no_tracer) -> None:
        """Stand around an application."""
        self._app = app
        self._metrics = metrics
        self._tracer = tracer

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request, or pass on what is none."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        scope = dict(scope)  # what stands outside, such as an access log, keeps its own
        exchange = _Exchange(scope, send)
        with self._tracer.span("request", Headers(scope=scope)) as span:
            try:
                await self._app(scope, receive, exchange.send)
            except (HeadDone, ClientDisconnect):
                pass
            except Exception as error:
                await exchange.fail(error)
            finally:
                self._tell(scope, exchange, span)

    def _tell(self, scope: Scope, exchange: "_Exchange", span: Span) -> None:
        seconds = time.perf_counter() - exchange.began
        route = getattr(scope.get("route"), "path", "") or "other"
        status = exchange.status or 499  # nobody waited for the answer
        self._metrics.answered(exchange.method, route, status, seconds)
        span.is_request(exchange.method, route, status)
        if ACCESS.isEnabledFor(logging.INFO):
            ACCESS.info("request", extra=_told(scope, exchange, route, status, seconds))


class _Exchange:
    """One request on its way to an answer."""

    def __init__(self, scope: Scope, send: Send) -> None:
        self.began = time.perf_counter()
        self.status = 0
        self.n_bytes = 0
        self.method = scope["method"]
        self._send = send
        self._scope = scope
        state = scope.setdefault("state", {})
        state["request_id"] = self._id = _request_id(scope)
        if scope["path"].startswith(_API):
            _keep_slashes(scope)
        if self.method == "HEAD":
            scope["method"] = "GET"

    async def send(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self.status = message["status"]
            await self._send({**message, "headers": self._with_headers(message["headers"])})
            if self.method == "HEAD":
                await self._send({"type": "http.response.body", "body": b""})
                raise HeadDone
            return
        self.n_bytes += len(message.get("body", b""))
        await self._send(message)

    async def fail(self, error: Exception) -> None:
        """Answer what nobody expected, unless an answer has begun."""
        ERRORS.error("request failed", exc_info=error, extra={"request_id": self._id})
        if self.status:
            raise error
        answer = problems.answer(500, "internal", problems.INTERNAL, "", self._id)
        await answer(self._scope, _no_body, self.send)

    def _with_headers(self, given: Iterable[RawHeader]) -> list[RawHeader]:
        """Return an answer's headers with those that every one has, unless it has its own."""
        headers = list(given)
        there = {name for name, _ in headers}
        more = _OF_DATA if self._scope["path"].startswith(_API) else _OF_PAGE
        headers += [one for one in more if one[0] not in there]
        headers.append((_RAW_REQUEST_ID, self._id.encode()))
        return headers


async def _no_body() -> Message:
    return {"type": "http.request", "body": b""}


def _request_id(scope: Scope) -> str:
    """Return the id that the caller chose, when it is a decent one, or a new one."""
    for name, value in scope["headers"]:
        if name == b"x-request-id":
            given = value.decode("latin-1")
            if _VALID_ID.fullmatch(given):
                return str(given)
    return secrets.token_hex(8)


def _keep_slashes(scope: Scope) -> None:
    """Take the path apart before its parts are decoded: ids may hold slashes."""
    raw = scope.get("raw_path") or scope["path"].encode()
    parts = raw.partition(b"?")[0].split(b"/")
    decoded = (unquote_to_bytes(part).decode(errors="replace") for part in parts)
    scope["path"] = "/".join(part.replace("/", SLASH) for part in decoded)


def _told(
    scope: Scope, exchange: _Exchange, route: str, status: int, seconds: float
) -> dict[str, Any]:
    """Return what is logged of a request: names of places, never of documents, never queries."""
    caller = scope["state"].get("caller")
    params = scope.get("path_params", {})
    return {
        "request_id": scope["state"]["request_id"],
        "method": exchange.method,
        "route": route,
        "namespace": params.get("namespace"),
        "collection": params.get("collection"),
        "status": status,
        "milliseconds": round(1000 * seconds, 2),
        "bytes_out": exchange.n_bytes,
        "key": getattr(caller, "key", None),
        "address": getattr(caller, "address", ""),
    }
