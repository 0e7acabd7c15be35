"""`latelight.open`: a library here, or behind a server."""

from pathlib import Path
from typing import TYPE_CHECKING

from latelight.app import library
from latelight.client.address import is_url
from latelight.errors import InputError
from latelight.settings import Settings

if TYPE_CHECKING:
    from latelight.client.waiting import Client


def open(  # noqa: A001
    root: str | Path, *, api_key: str | None = None, settings: Settings | None = None
) -> "library.Library | Client":
    """Return the library in a directory, made when there is none yet, or behind a server's URL.

    Both have the same methods, but for those that work on the files themselves.

    Args:
        root: a path, or a URL such as `http://localhost:8080`.
        api_key: for a server; `LATELIGHT_API_KEY` when None.
        settings: of a library in a directory; from the environment when None.

    Raises:
        InputError: `root` is a directory with other things in it, or no URL of a server.
        FormatVersionError: a newer Latelight wrote the directory.
    """
    if not is_url(root):
        if api_key is not None:
            raise InputError(f"{str(root)!r} is a directory, which has no key; leave api_key out.")
        return library.open(root, settings=settings)
    from latelight.client.waiting import Client  # loads what HTTP needs

    if api_key is None and settings is not None:
        api_key = settings.api_key
    return Client(str(root), api_key=api_key)
