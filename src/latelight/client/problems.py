"""Answers that are no good, as the errors that an embedded library raises."""

from collections.abc import Iterator, Mapping
from typing import Any

from latelight.client.steps import Answer, Call
from latelight.errors import (
    FileTooLargeError,
    KeyRefusedError,
    LatelightError,
    ServerBusyError,
    ServerError,
    ServerUnreachableError,
)

_OF_THE_SERVICE: Mapping[str, type[LatelightError]] = {
    "unauthorized": KeyRefusedError,
    "forbidden": KeyRefusedError,
    "rate_limited": ServerBusyError,
    "busy": ServerBusyError,
    "too_large": FileTooLargeError,
}
_BY_STATUS: Mapping[int, type[ServerError]] = {
    401: KeyRefusedError,
    403: KeyRefusedError,
    429: ServerBusyError,
    502: ServerUnreachableError,
    503: ServerBusyError,
    504: ServerUnreachableError,
}


def error_of(call: Call[Any], answer: Answer) -> LatelightError:
    """Return the error that an answer means."""
    try:
        problem = answer.json()
        error = error_from(problem)
    except (ValueError, KeyError, TypeError, AttributeError):
        return _no_problem(call, answer)
    if request_id := problem.get("request_id"):
        error.add_note(f"The server's log knows this request as {request_id}.")
    return error


def error_from(problem: Mapping[str, Any]) -> LatelightError:
    """Return the error that a problem (RFC 9457) of a Latelight server means.

    Raises:
        KeyError: it is none of a Latelight server.
    """
    code, detail, remedy = problem["code"], problem["detail"], problem.get("remedy", "")
    message = detail if remedy in detail else f"{detail.rstrip('. ')}. {remedy}"
    kind = _OF_THE_SERVICE.get(code) or _family().get(code, ServerError)
    if issubclass(kind, ServerError):
        return kind(message, code=code)
    return kind(message)


def not_understood(call: Call[Any], error: Exception) -> ServerError:
    """Return the error for an answer that has not the shape that was agreed on."""
    return ServerError(
        f"The answer to {call.method} {call.path} is not as expected ({type(error).__name__}: "
        f"{error}). Use the same version of Latelight here and on the server."
    )


def unreachable(url: str, error: Exception) -> ServerUnreachableError:
    """Return the error for a server that does not answer."""
    why = str(error) or type(error).__name__
    return ServerUnreachableError(
        f"No answer from {url} ({why}). Check the address, and that `latelight serve` is running "
        "there."
    )


def _no_problem(call: Call[Any], answer: Answer) -> ServerError:
    """Return the error for an answer of something that is no Latelight server."""
    kind = _BY_STATUS.get(answer.status, ServerError)
    if 300 <= answer.status < 400:
        return kind(
            f"{call.method} {call.path} is sent elsewhere (status {answer.status}); keys are not "
            "sent on. Open the address where the server itself is."
        )
    return kind(
        f"{call.method} {call.path} was answered with status {answer.status} by something that is "
        "no Latelight server, such as a proxy. Check the address, and what stands before the "
        "server."
    )


def _family() -> Mapping[str, type[LatelightError]]:
    return {one.code: one for one in _below(LatelightError) if one is not ServerError}


def _below(kind: type[LatelightError]) -> Iterator[type[LatelightError]]:
    for one in kind.__subclasses__():
        yield one
        yield from _below(one)
