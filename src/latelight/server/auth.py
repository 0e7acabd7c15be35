"""Who calls, and what they may do."""

import ipaddress
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from urllib.parse import urlsplit

from starlette.requests import Request

from latelight.releases.keys import EVERY, SCOPES, Key, KeyScope, KeyStore
from latelight.server.problems import Refusal, not_found

OPEN_HOSTS = frozenset({"localhost", "127.0.0.1", "::1", "testserver"})


@dataclass(frozen=True)
class Caller:
    """Who asks.

    Attributes:
        key: name of the key; None where the server is open.
        grants: scope by namespace; `*` for all.
        address: where from.
    """

    key: str | None
    grants: Mapping[str, KeyScope]
    address: str = ""

    @property
    def name(self) -> str:
        """What limits and idempotency count under."""
        return f"key:{self.key}" if self.key is not None else f"from:{self.address}"

    def scope_in(self, namespace: str) -> KeyScope | None:
        """Return what the caller may do in a namespace, None when it is not theirs to see."""
        found = [self.grants[one] for one in (namespace, EVERY) if one in self.grants]
        return max(found, key=SCOPES.index) if found else None

    def sees(self, namespace: str) -> bool:
        """Return whether the caller may know of a namespace."""
        return self.scope_in(namespace) is not None

    def may(self, scope: KeyScope, namespace: str) -> bool:
        """Return whether the caller may do what needs a scope."""
        own = self.scope_in(namespace)
        return own is not None and SCOPES.index(own) >= SCOPES.index(scope)

    def visible(self, namespaces: Iterable[str]) -> list[str]:
        """Return the namespaces that the caller sees, with those that only the key names."""
        named = set(self.grants) - {EVERY}
        return sorted(named | {one for one in namespaces if self.sees(one)})

    @property
    def is_any_admin(self) -> bool:
        """Whether the caller is admin of every namespace."""
        return self.grants.get(EVERY) == "admin"


class Guard:
    """Admits callers by their keys."""

    def __init__(self, keys: KeyStore, *, is_loopback: bool) -> None:
        """Use a library's keys; without any, a server that only this machine reaches is open."""
        self._keys = keys
        self._is_loopback = is_loopback

    @property
    def is_open(self) -> bool:
        """Whether everybody is admin, as nobody has made a key."""
        return self._is_loopback and self._keys.is_empty()

    def caller(self, request: Request) -> Caller:
        """Return who calls.

        Raises:
            Refusal: there is no valid key, or a page of another site calls an open server.
        """
        address = request.client.host if request.client else ""
        secret = _secret(request)
        if secret is None and self.is_open:
            _check_same_site(request)
            return Caller(None, {EVERY: "admin"}, address)
        key = None if secret is None else self._keys.find(secret)
        if key is None:
            raise _unauthorized(given=secret is not None)
        return _known(key, address)


def check_namespace(caller: Caller, scope: KeyScope, namespace: str) -> None:
    """Let a caller into a namespace.

    Raises:
        Refusal: not theirs to see, as if it were not there; or theirs to see, but not to do this.
    """
    if not caller.sees(namespace):
        raise not_found(f"There is no namespace {namespace!r}")
    if not caller.may(scope, namespace):
        raise forbidden(scope, namespace)


def forbidden(scope: KeyScope, namespace: str) -> Refusal:
    """Return the answer for a key whose scope does not suffice."""
    return Refusal(
        403,
        "forbidden",
        f"This needs the scope {scope!r} in namespace {namespace!r}; the key's is less.",
        "Use a key with that scope: `latelight keys create NAME --namespace NS --scope SCOPE`.",
    )


def is_loopback(host: str) -> bool:
    """Return whether an address to bind to is reached by this machine alone."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _known(key: Key, address: str) -> Caller:
    return Caller(key.name, key.grants, address)


def _secret(request: Request) -> str | None:
    kind, _, value = request.headers.get("authorization", "").partition(" ")
    if kind.lower() == "bearer":
        return value.strip()
    return request.headers.get("api-key")


def _unauthorized(*, given: bool) -> Refusal:
    what = "The key is not known here, or was revoked" if given else "There is no key"
    return Refusal(
        401,
        "unauthorized",
        f"{what}; expected one in `Authorization: Bearer KEY` or `api-key: KEY`.",
        "Make one on the server: `latelight keys create NAME --namespace NS --scope read`.",
        {"WWW-Authenticate": 'Bearer realm="latelight"'},
    )


def _check_same_site(request: Request) -> None:
    """Keep pages of other sites, open in the user's browser, from using an open server.

    A foreign name that resolves to this machine would make them the same site; forms may be
    posted anywhere.
    """
    host = urlsplit(f"//{request.headers.get('host', '')}").hostname or ""
    origin = request.headers.get("origin")
    foreign = origin is not None and urlsplit(origin).netloc != request.headers.get("host")
    if host not in OPEN_HOSTS or foreign:
        raise Refusal(
            403,
            "forbidden",
            "A server without keys answers only what is asked of it by its own name, such as "
            "localhost, and by its own page.",
            "Make a key (`latelight keys create`), and use it.",
        )
