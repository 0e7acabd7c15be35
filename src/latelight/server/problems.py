"""Errors as RFC 9457 problems: one shape, a stable code, a remedy."""

import math
import re
from collections.abc import Mapping

from starlette.exceptions import HTTPException
from starlette.responses import Response

from latelight.errors import (
    AlreadyExistsError,
    CommitConflictError,
    ExtractionError,
    GenerationMovedError,
    InputError,
    JobRunningError,
    LatelightError,
    ModelServerError,
    NotFoundError,
    PipelineMismatchError,
    ReleaseConflictError,
    ReleaseStateError,
    WriterLockedError,
)
from latelight.server.json_answers import encoded

MEDIA_TYPE = "application/problem+json"
RETRY_SECONDS = 1

_STATUS: tuple[tuple[type[LatelightError], int], ...] = (
    (ReleaseStateError, 409),
    (InputError, 422),
    (NotFoundError, 404),
    (AlreadyExistsError, 409),
    (ReleaseConflictError, 409),
    (GenerationMovedError, 409),
    (JobRunningError, 409),
    (CommitConflictError, 409),
    (WriterLockedError, 409),
    (PipelineMismatchError, 409),
    (ExtractionError, 422),
    (ModelServerError, 503),
)
TITLES: Mapping[int, str] = {
    400: "The request cannot be understood",
    401: "No valid key",
    403: "Not allowed",
    404: "Not found",
    405: "Not possible here",
    409: "In conflict with how things are",
    412: "Changed meanwhile",
    413: "Too large",
    415: "Not such a body",
    416: "No such part",
    422: "Not as expected",
    429: "Too many at once",
    500: "An error of the server",
    503: "Not now",
}
_CODES: Mapping[int, str] = {
    400: "invalid_input",
    404: "not_found",
    405: "method_not_allowed",
    413: "too_large",
    416: "invalid_input",
}
_SENTENCE = re.compile(r"(?<=[.!?])\s+(?=[A-Z`])")


class Refusal(HTTPException):
    """A request that the service itself refuses, whatever the library would say."""

    def __init__(
        self,
        status: int,
        code: str,
        detail: str,
        remedy: str = "",
        headers: Mapping[str, str] | None = None,
    ) -> None:
        """Refuse with a status and a stable code."""
        super().__init__(status, detail, dict(headers or {}))
        self.code = code
        self.remedy = remedy


def not_found(what: str) -> Refusal:
    """Return the answer for what is not there, or not for this caller to see."""
    return Refusal(404, "not_found", f"{what}.", "Check the name, and what the key opens.")


def wait(status: int, code: str, detail: str, seconds: float) -> Refusal:
    """Return the answer for who comes too often, or at a bad moment."""
    after = max(math.ceil(seconds), 1)
    remedy = f"Try again in {after} s."
    return Refusal(status, code, detail, remedy, {"Retry-After": str(after)})


def status_of(error: LatelightError) -> int:
    """Return the status of an error of the library."""
    return next((status for kind, status in _STATUS if isinstance(error, kind)), 500)


def of_library(error: LatelightError, request_id: str) -> Response:
    """Return the answer to an error of the library; its own message says what to do."""
    status, message = status_of(error), str(error)
    headers = {"Retry-After": str(RETRY_SECONDS)} if _passes(error, status) else {}
    return answer(status, error.code, message, remedy_in(message), request_id, headers)


def of_http(error: HTTPException, request_id: str) -> Response:
    """Return the answer to a refusal, also to one of the framework's own."""
    status = error.status_code
    code = getattr(error, "code", "") or _CODES.get(status, "invalid_input")
    remedy = getattr(error, "remedy", "")
    detail = error.detail or TITLES.get(status, "")
    return answer(status, code, detail, remedy, request_id, error.headers or {})


def answer(
    status: int,
    code: str,
    detail: str,
    remedy: str,
    request_id: str,
    headers: Mapping[str, str] | None = None,
) -> Response:
    """Return a problem as an answer."""
    body = as_dict(status, code, detail, remedy, request_id)
    return Response(encoded(body), status, dict(headers or {}), MEDIA_TYPE)


def as_dict(status: int, code: str, detail: str, remedy: str, request_id: str) -> dict[str, object]:
    """Return the JSON form of a problem."""
    return {
        "type": f"about:blank#{code}",
        "title": TITLES.get(status, "Error"),
        "status": status,
        "detail": detail,
        "code": code,
        "remedy": remedy,
        "request_id": request_id,
    }


def of_error(error: Exception, request_id: str = "") -> dict[str, object]:
    """Return the JSON form of whatever stopped work in the background."""
    if isinstance(error, LatelightError):
        message = str(error)
        return as_dict(status_of(error), error.code, message, remedy_in(message), request_id)
    return as_dict(500, "internal", INTERNAL, "", request_id)


INTERNAL = "Something went wrong that is nobody's but the server's fault; its log says what."


def remedy_in(message: str) -> str:
    """Return the part of a message that says what to do: its last sentence or clause."""
    sentences = _SENTENCE.split(message)
    if len(sentences) > 1:
        return sentences[-1]
    _, found, clause = message.rpartition("; ")
    return clause[:1].upper() + clause[1:] if found else ""


def _passes(error: LatelightError, status: int) -> bool:
    return status == 503 or isinstance(error, WriterLockedError | CommitConflictError)
