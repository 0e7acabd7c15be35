"""Lists of a server, all pages of them."""

from collections.abc import Callable
from typing import Any

from latelight.client.calls import Page
from latelight.client.steps import Call, Talking


def every(page_behind: Callable[[str | None], Call[Page]]) -> Talking[list[Any]]:
    """Every item of a list, in its order."""
    items: list[Any] = []
    cursor: str | None = None
    while True:
        page = yield from page_behind(cursor)
        items += page.items
        cursor = page.next_cursor
        if cursor is None:
            return items
