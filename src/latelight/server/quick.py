"""The way of a plain search past the framework.

Whatever is not plain (a body that needs explaining, a version or a pipeline on trial, a caller who
is refused) goes on to the framework's route, which says what is wrong. So there is one contract,
and a test that asks for the same both ways.
"""

import re
from types import SimpleNamespace
from typing import Annotated, Any, Literal

import msgspec
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from latelight.errors import LatelightError
from latelight.pipelines.request import MAX_K, MAX_QUERY_CHARACTERS
from latelight.server import problems
from latelight.server.auth import Caller, check_namespace
from latelight.server.limits import limited
from latelight.server.logs import ERRORS
from latelight.server.requests import Mode
from latelight.server.routes.common import IN
from latelight.server.routing import SLASH
from latelight.server.service import Service
from latelight.server.together import Asked

_PATH = re.compile(r"/v1/namespaces/([^/]+)/collections/([^/]+)/search")
_ROUTE = SimpleNamespace(path=f"/v1{IN}/search")
"""Under which requests are counted and logged, as the framework's own route."""


class Plain(msgspec.Struct, forbid_unknown_fields=True):
    """A search as `requests.Search` has it, by a version that nobody names."""

    text: Annotated[str, msgspec.Meta(min_length=1, max_length=MAX_QUERY_CHARACTERS)]
    k: Annotated[int, msgspec.Meta(ge=1, le=MAX_K)] | None = None
    filter: dict[str, Any] | None = None
    group_by: Literal["document"] | None = None
    explain: bool = False
    exact: bool = False
    mode: Mode = "auto"
    recall: Literal["fast", "balanced", "best"] = "balanced"
    key: Annotated[str, msgspec.Meta(max_length=256)] | None = None
    profile: bool = False

    def asked(self, place: tuple[str, str]) -> Asked:
        """Return it as what can be made together with others."""
        options = {
            "k": self.k,
            "filter": self.filter,
            "group_by": self.group_by,
            "explain": self.explain,
            "exact": self.exact,
            "mode": self.mode,
            "recall": self.recall,
        }
        return Asked(place, self.text, self.key, options, self.profile)


_DECODER = msgspec.json.Decoder(Plain)


class QuickSearch:
    """ASGI middleware that answers plain searches itself."""

    def __init__(self, app: ASGIApp, service: Service) -> None:
        """Stand before the application."""
        self._app = app
        self._service = service

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a search, or pass on what is none."""
        place = _place(scope)
        if place is None:
            await self._app(scope, receive, send)
            return
        request = Request(scope)
        caller = self._admitted(request, place)
        if caller is None:
            await self._app(scope, receive, send)
            return
        try:
            body = await self._read(request, receive)
            asked = _DECODER.decode(body).asked(place)
        except HTTPException as error:
            await problems.of_http(error, _id_of(scope))(scope, receive, send)
        except (msgspec.DecodeError, RecursionError):
            scope["state"]["admitted"] = caller
            await self._app(scope, _again(body, receive), send)
        else:
            scope["route"] = _ROUTE
            scope["path_params"] = dict(zip(("namespace", "collection"), place, strict=True))
            scope["state"]["caller"] = caller
            answer = await self._answer(asked, caller, _id_of(scope))
            await answer(scope, receive, send)

    def _admitted(self, request: Request, place: tuple[str, str]) -> Caller | None:
        """Return who may search, None for somebody whom the framework's route is to refuse."""
        try:
            caller = self._service.guard.caller(request)
            check_namespace(caller, "read", place[0])
            self._service.rate.take(caller.name)
        except HTTPException:
            return None
        return caller

    async def _read(self, request: Request, receive: Receive) -> bytes:
        """Return a body.

        Raises:
            Refusal: it is too long.
            ClientDisconnect: it does not come whole.
        """
        bounded = limited(request, receive, self._service.config.max_json_bytes)
        parts = []
        while True:
            message = await bounded()
            if message["type"] == "http.disconnect":
                raise ClientDisconnect
            parts.append(message.get("body", b""))
            if not message.get("more_body", False):
                return b"".join(parts)

    async def _answer(self, asked: Asked, caller: Caller, request_id: str) -> Response:
        try:
            with self._service.searching.one(caller.name):
                body = await self._service.together.search(asked)
        except HTTPException as error:
            return problems.of_http(error, request_id)
        except LatelightError as error:
            if problems.status_of(error) >= 500:
                ERRORS.error("request failed", exc_info=error, extra={"request_id": request_id})
            return problems.of_library(error, request_id)
        return Response(body, 200, None, "application/json")


def _place(scope: Scope) -> tuple[str, str] | None:
    """Return the collection that is to be searched, None for any other request."""
    if scope["type"] != "http" or scope["method"] != "POST":
        return None
    found = _PATH.fullmatch(scope["path"])
    if found is None or SLASH in scope["path"] or not _is_json(scope):
        return None
    return found[1], found[2]


def _is_json(scope: Scope) -> bool:
    kinds = [value for name, value in scope["headers"] if name == b"content-type"]
    return bool(kinds) and kinds[0].partition(b";")[0].strip().lower() == b"application/json"


def _id_of(scope: Scope) -> str:
    return str(scope["state"]["request_id"])


def _again(body: bytes, receive: Receive) -> Receive:
    """Return a `receive` that gives a body which was read already."""
    waiting: list[Message] = [{"type": "http.request", "body": body, "more_body": False}]

    async def given() -> Message:
        return waiting.pop() if waiting else await receive()

    return given
