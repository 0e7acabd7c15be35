"""How far the reading of one file has come."""

from collections.abc import Callable

# (done, in all): pages, or seconds of sound and video
Progress = Callable[[int, int], None]


def silent(done: int, total: int) -> None:
    """Tell nobody."""
