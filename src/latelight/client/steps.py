"""What talking with a server consists of: calls, pauses, and work in between.

A *talk* is a generator that yields steps and is sent what came of them, so that one description of
what to ask serves clients that wait and clients that `await`. Nothing here reads or sends.
"""

import json
import secrets
from collections.abc import Awaitable, Callable, Generator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Generic, Protocol, TypeVar

T = TypeVar("T")
T_co = TypeVar("T_co", covariant=True)


@dataclass(frozen=True)
class Answer:
    """What came back.

    Attributes:
        status: of HTTP.
        headers: by name in lower case.
        content: the body.
    """

    status: int
    headers: Mapping[str, str]
    content: bytes

    def json(self) -> Any:
        """Return the body, read as JSON.

        Raises:
            ValueError: it is none.
        """
        return json.loads(self.content)


@dataclass(frozen=True)
class FilePart:
    """A file of a form.

    Attributes:
        form_field: of the form.
        name: what the file is called there.
        content: its bytes, or where they are; they are read as they are sent.
        n_bytes: their number, when they were looked at.
        follow_links: whether the path may be a symbolic link.
    """

    form_field: str
    name: str
    content: bytes | Path = field(repr=False)
    n_bytes: int = 0
    follow_links: bool = True


@dataclass(frozen=True)
class Form:
    """A multipart body."""

    fields: Mapping[str, str]
    files: Sequence[FilePart]


@dataclass(frozen=True, eq=False)
class Call(Generic[T]):
    """One request, and how its answer is read.

    Attributes:
        method: of HTTP.
        path: below the server's address, quoted.
        read: makes the value of a good answer.
        query: of the URL.
        body: is sent as JSON unless it is None.
        form: is sent instead.
        key: names the request, so that a repetition is known as such.
    """

    method: str
    path: str
    read: Callable[[Answer], T] = field(repr=False)
    query: Mapping[str, str | int] = field(default_factory=dict)
    body: Any = field(default=None, repr=False)
    form: Form | None = field(default=None, repr=False)
    key: str = field(default_factory=lambda: secrets.token_hex(16), repr=False)

    def __iter__(self) -> Generator["Step", Any, T]:
        """Yield the call itself; what is sent is its value."""
        value: T = yield self
        return value


@dataclass(frozen=True)
class Pause:
    """Nothing for a while."""

    seconds: float

    def __iter__(self) -> Generator["Step", Any, None]:
        """Yield the pause."""
        yield self


@dataclass(frozen=True, eq=False)
class Work(Generic[T]):
    """A function that reads files or computes; clients that `await` run it in a thread."""

    function: Callable[[], T]

    def __iter__(self) -> Generator["Step", Any, T]:
        """Yield the work; what it returns is its value."""
        value: T = yield self
        return value


@dataclass(frozen=True, eq=False)
class Attempt:
    """One exchange with the server.

    Attributes:
        call: what to ask.
        seconds: how long the server may stay silent.
    """

    call: Call[Any]
    seconds: float


Step = Call[Any] | Pause | Work[Any] | Attempt
Talking = Generator[Step, Any, T]


class Talk(Protocol[T_co]):
    """A call, or a generator that talks."""

    def __iter__(self) -> Generator[Step, Any, T_co]:
        """Return the steps, one after the other."""
        ...


def carry_out(talk: Talk[T], do: Callable[[Step], Any]) -> T:
    """Return what a talk comes to; what `do` raises at a step is raised in the talk."""
    steps = iter(talk)
    try:
        step = next(steps)
        while True:
            try:
                value = do(step)
            except Exception as error:
                step = steps.throw(error)
            else:
                step = steps.send(value)
    except StopIteration as end:
        value_of_talk: T = end.value
        return value_of_talk


async def carry_out_async(talk: Talk[T], do: Callable[[Step], Awaitable[Any]]) -> T:
    """As `carry_out`, with steps that are awaited."""
    steps = iter(talk)
    try:
        step = next(steps)
        while True:
            try:
                value = await do(step)
            except Exception as error:
                step = steps.throw(error)
            else:
                step = steps.send(value)
    except StopIteration as end:
        value_of_talk: T = end.value
        return value_of_talk
