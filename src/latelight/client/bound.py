"""Functions that make talks, as methods: of objects that wait, and of objects that are awaited.

The method has the arguments, types and docstring of the function, so that both kinds of client
have one description.
"""

from collections.abc import Callable, Coroutine
from functools import wraps
from typing import Any, Concatenate, Generic, ParamSpec, TypeVar

from latelight.client.carriers import AsyncCarrier, Carrier
from latelight.client.steps import Talk

P = ParamSpec("P")
T = TypeVar("T")
U = TypeVar("U")
About = TypeVar("About")


class Waiting(Generic[About]):
    """Something on a server; its methods wait for the answer.

    Attributes:
        _about: what the talks' first argument is.
        _carrier: carries them out.
    """

    def __init__(self, about: About, carrier: Carrier) -> None:
        """Talk about `about`."""
        self._about = about
        self._carrier = carrier


class Awaited(Generic[About]):
    """Something on a server; its methods are awaited. Attributes as `Waiting`."""

    def __init__(self, about: About, carrier: AsyncCarrier) -> None:
        """Talk about `about`."""
        self._about = about
        self._carrier = carrier


W = TypeVar("W", bound=Waiting[Any])
A = TypeVar("A", bound=Awaited[Any])


def method(
    talk: Callable[Concatenate[About, P], Talk[T]],
) -> Callable[Concatenate[Waiting[About], P], T]:
    """Return a method that waits for what a talk comes to."""

    @wraps(talk)
    def run(self: Waiting[About], /, *args: P.args, **kwargs: P.kwargs) -> T:
        return self._carrier.run(talk(self._about, *args, **kwargs))

    return run


def method_as(
    talk: Callable[Concatenate[About, P], Talk[T]],
    bind: Callable[[W, T], U],
) -> Callable[Concatenate[W, P], U]:
    """As `method`; what the talk comes to is bound to the object's server by `bind`."""

    @wraps(talk)
    def run(self: W, /, *args: P.args, **kwargs: P.kwargs) -> U:
        return bind(self, self._carrier.run(talk(self._about, *args, **kwargs)))

    return run


def async_method(
    talk: Callable[Concatenate[About, P], Talk[T]],
) -> Callable[Concatenate[Awaited[About], P], Coroutine[Any, Any, T]]:
    """Return a method that is awaited."""

    @wraps(talk)
    async def run(self: Awaited[About], /, *args: P.args, **kwargs: P.kwargs) -> T:
        return await self._carrier.run(talk(self._about, *args, **kwargs))

    return run


def async_method_as(
    talk: Callable[Concatenate[About, P], Talk[T]],
    bind: Callable[[A, T], U],
) -> Callable[Concatenate[A, P], Coroutine[Any, Any, U]]:
    """As `async_method`; what the talk comes to is bound to the object's server by `bind`."""

    @wraps(talk)
    async def run(self: A, /, *args: P.args, **kwargs: P.kwargs) -> U:
        return bind(self, await self._carrier.run(talk(self._about, *args, **kwargs)))

    return run


class Attribute(Generic[T]):
    """An attribute that is asked for whenever it is looked at."""

    def __init__(self, talk: Callable[[Any], Talk[T]]) -> None:
        """Ask by `talk`."""
        self._talk = talk
        self.__doc__ = talk.__doc__

    def __get__(self, thing: Waiting[Any], kind: type[Any] | None = None) -> T:
        if thing is None:  # looked at on the class
            return self
        return thing._carrier.run(self._talk(thing._about))


class AsyncAttribute(Generic[T]):
    """An attribute that is awaited."""

    def __init__(self, talk: Callable[[Any], Talk[T]]) -> None:
        """Ask by `talk`."""
        self._talk = talk
        self.__doc__ = talk.__doc__

    def __get__(self, thing: Awaited[Any], kind: type[Any] | None = None) -> Coroutine[Any, Any, T]:
        if thing is None:
            return self
        return thing._carrier.run(self._talk(thing._about))
