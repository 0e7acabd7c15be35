"""Servers of a few lines, to see what a client sends and how it takes the answer."""

import json
from collections.abc import Callable, Sequence
from typing import Any

import httpx2

from latelight.client.address import Address
from latelight.client.carriers import Carrier
from latelight.client.retries import Retries

KEY = "ll_secret_key"
FAST = Retries(first_seconds=0, longest_seconds=0)
Handler = Callable[[httpx2.Request], httpx2.Response]


def problem(
    status: int, code: str, *, detail: str = "It is so.", remedy: str = "", **headers: str
) -> httpx2.Response:
    value = {"title": "t", "status": status, "detail": detail, "code": code, "remedy": remedy}
    named = {name.replace("_", "-"): text for name, text in headers.items()}
    return httpx2.Response(
        status,
        content=json.dumps({**value, "request_id": "r1"}).encode(),
        headers={"Content-Type": "application/problem+json", **named},
    )


class Script:
    """Answers requests one after the other, and keeps them; the last answer is repeated."""

    def __init__(self, *answers: httpx2.Response | Exception) -> None:
        self._answers = answers
        self.requests: list[httpx2.Request] = []
        self.bodies: list[bytes] = []

    def __call__(self, request: httpx2.Request) -> httpx2.Response:
        self.bodies.append(request.read())
        self.requests.append(request)
        answer = self._answers[min(len(self.requests), len(self._answers)) - 1]
        if isinstance(answer, Exception):
            raise answer
        return httpx2.Response(answer.status_code, headers=answer.headers, content=answer.content)


def carrier(handler: Handler, retries: Retries = FAST, url: str = "http://host") -> Carrier:
    return Carrier(Address(url, KEY), retries, httpx2.MockTransport(handler))


def ok(value: Any) -> httpx2.Response:
    return httpx2.Response(200, json=value)


def keys(requests: Sequence[httpx2.Request]) -> list[str | None]:
    return [one.headers.get("idempotency-key") for one in requests]
