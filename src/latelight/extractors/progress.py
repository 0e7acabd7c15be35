"""How far the reading of one file has come."""

from collections.abc import Callable

# (pages done, pages in all)
Progress = Callable[[int, int], None]


def silent(done: int, total: int) -> None:
    """Tell nobody."""
