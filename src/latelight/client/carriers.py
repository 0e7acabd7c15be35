"""Carries talks out over HTTP: one carrier waits, one is awaited. Only here something is sent."""

import time
import weakref
from collections.abc import Mapping
from typing import Any, TypeVar

import anyio
import anyio.to_thread
import httpx2

from latelight import __version__
from latelight.client.address import Address
from latelight.client.problems import not_understood, unreachable
from latelight.client.retries import Retries, persistent
from latelight.client.sending import sent_file
from latelight.client.steps import (
    Answer,
    Attempt,
    Call,
    Pause,
    Step,
    Talk,
    Work,
    carry_out,
    carry_out_async,
)
from latelight.errors import InputError, LatelightError

T = TypeVar("T")
CONNECT_SECONDS = 10.0
MOST_CONNECTIONS = 32
CHANGING = frozenset({"POST", "PUT"})


class Carrier:
    """Talks with a server; connections are kept. Safe to use from several threads."""

    def __init__(
        self, address: Address, retries: Retries, transport: httpx2.BaseTransport | None = None
    ) -> None:
        """Open nothing yet."""
        self.address = address
        self._retries = retries
        self._http = httpx2.Client(transport=transport, **_client_options(address))
        # Nobody has to close a library: connections go with the last object that uses them.
        self._close = weakref.finalize(self, self._http.close)

    def run(self, talk: Talk[T]) -> T:
        """Return what a talk comes to; errors as the talk says."""
        return carry_out(talk, self._do)

    def close(self) -> None:
        """Close the connections."""
        self._close()

    def _do(self, step: Step) -> Any:
        match step:
            case Call():
                return understood(step, self.run(persistent(step, self._retries)))
            case Pause(seconds):
                return time.sleep(seconds)
            case Work(function):
                return function()
            case Attempt():
                return self._exchange(step)

    def _exchange(self, attempt: Attempt) -> Answer:
        request = _built(self._http, self.address, attempt)
        try:
            return _answer(self._http.send(request))
        except httpx2.RequestError as error:
            raise _failed(self.address, error) from error


class AsyncCarrier:
    """As `Carrier`, awaited; for asyncio and trio."""

    def __init__(
        self,
        address: Address,
        retries: Retries,
        transport: httpx2.AsyncBaseTransport | None = None,
    ) -> None:
        """Open nothing yet."""
        self.address = address
        self._retries = retries
        self._http = httpx2.AsyncClient(transport=transport, **_client_options(address))

    async def run(self, talk: Talk[T]) -> T:
        """Return what a talk comes to; errors as the talk says."""
        return await carry_out_async(talk, self._do)

    async def close(self) -> None:
        """Close the connections."""
        await self._http.aclose()

    async def _do(self, step: Step) -> Any:
        match step:
            case Call():
                return understood(step, await self.run(persistent(step, self._retries)))
            case Pause(seconds):
                return await anyio.sleep(seconds)
            case Work(function):
                return await anyio.to_thread.run_sync(function)
            case Attempt():
                return await self._exchange(step)

    async def _exchange(self, attempt: Attempt) -> Answer:
        request = _built(self._http, self.address, attempt)
        try:
            return _answer(await self._http.send(request))
        except httpx2.RequestError as error:
            raise _failed(self.address, error) from error


def understood(call: Call[T], answer: Answer) -> T:
    """Return the value of an answer.

    Raises:
        ServerError: it has not the shape that was agreed on.
    """
    try:
        return call.read(answer)
    except LatelightError:
        raise
    except (ValueError, KeyError, TypeError, AttributeError, IndexError, OSError) as error:
        raise not_understood(call, error) from error


def _client_options(address: Address) -> dict[str, Any]:
    headers = {"User-Agent": f"latelight/{__version__}", "Accept": "application/json, */*"}
    if address.api_key:
        headers["Authorization"] = f"Bearer {address.api_key}"
    return {
        "headers": headers,
        "follow_redirects": False,  # a key goes to the server that it was given for
        "limits": httpx2.Limits(
            max_connections=MOST_CONNECTIONS, max_keepalive_connections=MOST_CONNECTIONS
        ),
    }


def _built(
    http: httpx2.Client | httpx2.AsyncClient, address: Address, attempt: Attempt
) -> httpx2.Request:
    """Return an attempt as a request.

    Raises:
        InputError: something given has no JSON form.
    """
    call, silent = attempt.call, attempt.seconds
    try:
        return http.build_request(
            call.method,
            address.url + call.path,
            params=dict(call.query) or None,
            headers={"Idempotency-Key": call.key} if call.method in CHANGING else None,
            timeout=httpx2.Timeout(silent, connect=min(silent, CONNECT_SECONDS)),
            **_body(call),
        )
    except (ValueError, TypeError) as error:
        raise InputError(
            f"What was given cannot be written as JSON ({error}); use texts of valid Unicode, "
            "finite numbers, booleans, lists and mappings."
        ) from error


def _body(call: Call[Any]) -> dict[str, Any]:
    if call.form is None:
        return {} if call.body is None else {"json": call.body}
    files = [(one.form_field, (one.name, sent_file(one))) for one in call.form.files]
    return {"data": dict(call.form.fields), "files": files}


def _answer(response: httpx2.Response) -> Answer:
    headers: Mapping[str, str] = {name.lower(): text for name, text in response.headers.items()}
    return Answer(response.status_code, headers, response.content)


def _failed(address: Address, error: httpx2.RequestError) -> LatelightError:
    if isinstance(error, httpx2.UnsupportedProtocol | httpx2.LocalProtocolError):
        return InputError(f"The request to {address.url} cannot be sent ({error}).")
    return unreachable(address.url, error)
