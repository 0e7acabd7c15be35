"""Lists, a page at a time: a cursor says behind which item the next page begins."""

import base64
import binascii
from collections.abc import Callable, Sequence
from typing import Any, TypeVar

import msgspec

from latelight.errors import InputError

T = TypeVar("T")
DEFAULT_LIMIT, MAX_LIMIT = 50, 1000


def cursor_of(*key: str | float) -> str:
    """Return the cursor behind an item."""
    return base64.urlsafe_b64encode(msgspec.json.encode(key)).decode().rstrip("=")


def key_in(cursor: str | None, *kinds: type) -> tuple[Any, ...] | None:
    """Return the item that a cursor names, None for none.

    Raises:
        InputError: nobody gave this cursor.
    """
    if cursor is None:
        return None
    try:
        padded = cursor + "=" * (-len(cursor) % 4)
        key = msgspec.json.decode(base64.b64decode(padded, altchars=b"-_", validate=True))
    except (ValueError, binascii.Error, msgspec.DecodeError) as error:
        raise _bad(cursor) from error
    if not isinstance(key, list) or [type(part) for part in key] != list(kinds):
        raise _bad(cursor)
    return tuple(key)


def page(items: Sequence[Any], next_cursor: str | None) -> dict[str, Any]:
    """Return the JSON form of a page."""
    return {"items": list(items), "next_cursor": next_cursor}


def page_by_name(
    names: Sequence[str], cursor: str | None, limit: int
) -> tuple[list[str], str | None]:
    """Return a page of sorted names, and the cursor of the next.

    Raises:
        InputError: the cursor is none.
    """
    key = key_in(cursor, str)
    rest = [name for name in names if key is None or name > key[0]]
    shown = rest[:limit]
    return shown, cursor_of(shown[-1]) if len(rest) > limit else None


def page_newest_first(
    items: Sequence[T],
    place: Callable[[T], tuple[float, str]],
    cursor: str | None,
    limit: int,
) -> tuple[list[T], str | None]:
    """Return a page of what is sorted by time, newest first, and the cursor of the next.

    Args:
        items: newest first; equal times by id.
        place: time and id of an item.
        cursor: of an earlier page, None for the first.
        limit: how many.

    Raises:
        InputError: the cursor is none.
    """
    key = key_in(cursor, float, str)
    rest = [one for one in items if key is None or _is_behind(place(one), key)]
    shown = rest[:limit]
    return shown, cursor_of(*place(shown[-1])) if len(rest) > limit else None


def _is_behind(place: tuple[float, str], key: tuple[Any, ...]) -> bool:
    return (-place[0], place[1]) > (-key[0], key[1])


def _bad(cursor: str) -> InputError:
    return InputError(f"The cursor {cursor[:40]!r} is none that was given here; begin without one.")
