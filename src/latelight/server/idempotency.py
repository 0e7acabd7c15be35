"""The same request twice, answered once: `Idempotency-Key`."""

import re
from collections.abc import Awaitable, Callable
from hashlib import sha256
from typing import TYPE_CHECKING

from starlette.responses import Response

from latelight.releases.service import GivenAnswer
from latelight.server.auth import Caller
from latelight.server.problems import Refusal

if TYPE_CHECKING:
    from latelight.server.service import Service

HEADER = "idempotency-key"
REPLAYED = "Idempotency-Replayed"
_VALID = re.compile(r"[\x21-\x7e]{1,255}")
Work = Callable[[], Awaitable[Response]]


class InFlight:
    """Keys whose first request is being worked on, in this process."""

    def __init__(self) -> None:
        """Begin with none."""
        self._keys: set[str] = set()

    def begin(self, key: str) -> None:
        """Note that a request is worked on.

        Raises:
            Refusal: the same one is.
        """
        if key in self._keys:
            raise Refusal(
                409,
                "idempotency_conflict",
                "The first request with this Idempotency-Key is still being worked on",
                "Ask again when it has been answered.",
                {"Retry-After": "1"},
            )
        self._keys.add(key)

    def end(self, key: str) -> None:
        """Note that it has been answered."""
        self._keys.discard(key)


async def once(
    service: "Service", whose: tuple[Caller, str, str], asked: str, work: Work
) -> Response:
    """Return the answer of `work`, or the one that was given before to the same key.

    Args:
        service: remembers answers.
        whose: the caller, the key that they chose, and what it is used for: method and path.
        asked: digest of the body.
        work: does what was asked; an answer of 500 and above is not remembered, nor a refusal.

    Raises:
        Refusal: the key is none, was used for another body, or its first request goes on.
    """
    caller, key, use = whose
    if not _VALID.fullmatch(key):
        raise Refusal(422, "invalid_input", "The Idempotency-Key has to be 1 to 255 visible ASCII.")
    name = digest_of(caller.name, key)
    asked = digest_of(use, asked)
    service.in_flight.begin(name)
    try:
        before = await service.looking.run(service.store.answer, name)
        if before is not None:
            return _again(before, asked)
        answer = await work()
        if answer.status_code < 400 and hasattr(answer, "body"):
            media_type = answer.headers.get("content-type", "")
            location = answer.headers.get("location", "")
            body = bytes(answer.body)
            given = GivenAnswer(asked, answer.status_code, media_type, location, body)
            await service.looking.run(service.store.keep_answer, name, given)
        return answer
    finally:
        service.in_flight.end(name)


def digest_of(*parts: str | bytes) -> str:
    """Return a digest of several parts; where one ends is part of it."""
    whole = sha256()
    for part in parts:
        data = part.encode(errors="surrogatepass") if isinstance(part, str) else part
        whole.update(len(data).to_bytes(8, "little") + data)
    return whole.hexdigest()


def _again(before: GivenAnswer, asked: str) -> Response:
    if before.asked != asked:
        raise Refusal(
            409,
            "idempotency_conflict",
            "This Idempotency-Key was used for another request",
            "Take a new key for each request, and the same only to repeat it.",
        )
    headers = {REPLAYED: "true"}
    if before.location:
        headers["Location"] = before.location
    return Response(before.body or None, before.status, headers, before.media_type or None)
