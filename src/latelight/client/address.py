"""Where a server is, and the key to it."""

import re
from dataclasses import dataclass, field
from urllib.parse import SplitResult, urlsplit

from latelight.errors import InputError

_VISIBLE = re.compile(r"[\x21-\x7e]*")


@dataclass(frozen=True)
class Address:
    """A server's URL without a slash at its end, and a key, which is never shown."""

    url: str
    api_key: str = field(default="", repr=False)


def is_url(root: object) -> bool:
    """Return whether a library's place is a URL."""
    return isinstance(root, str) and "://" in root


def parse_address(url: str, api_key: str) -> Address:
    """Return a server's address, checked.

    Messages show neither what is before an `@` nor what is behind a `?`: it may be secret.

    Raises:
        InputError: it is no http or https URL, has a user, a query or a fragment in it, or the
            key is none.
    """
    parts = _split(url)
    if parts.scheme not in ("http", "https"):
        raise InputError(
            f"The library's URL begins with {parts.scheme!r}; a server's begins with 'http' or "
            "'https', such as 'http://localhost:8080'."
        )
    if "@" in parts.netloc:
        raise InputError(
            "The server's URL holds a user or a password, which end up in logs; give the key as "
            "api_key=…, or in LATELIGHT_API_KEY."
        )
    if parts.query or parts.fragment or "?" in url or "#" in url:
        raise InputError(
            "The server's URL holds a query or a fragment; give its address alone, such as "
            "'http://localhost:8080', and a key as api_key=…, or in LATELIGHT_API_KEY."
        )
    if not _VISIBLE.fullmatch(api_key):
        raise InputError(
            "The key holds spaces, line ends or letters outside ASCII, which none does; copy it "
            "again as `latelight keys create` printed it."
        )
    path = parts.path.rstrip("/").removesuffix("/v1")
    return Address(f"{parts.scheme}://{parts.netloc}{path}", api_key)


def _split(url: str) -> SplitResult:
    try:
        parts = urlsplit(url)
        named = bool(parts.hostname) and (parts.port is None or parts.port > 0)
    except ValueError:
        named = False
    if not named:
        raise InputError(
            "The server's URL names no host, or a port that is none; give it like "
            "'http://localhost:8080'."
        )
    return parts
