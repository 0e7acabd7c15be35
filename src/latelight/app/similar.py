"""What every kind of search takes, and what "more like this" is more like."""

from collections.abc import Mapping, Sequence
from typing import Any, TypedDict, cast

from latelight.errors import InputError
from latelight.index.candidates import RecallLevel
from latelight.pipelines.request import GroupBy
from latelight.pipelines.similar import Likeness
from latelight.pipelines.spec import SearchMode
from latelight.types import Box, CharSpan, TimeRange


class SearchOptions(TypedDict, total=False):
    """What every kind of search takes; see `Collection.search`."""

    k: int | None
    filter: Mapping[str, Any] | None
    group_by: GroupBy | None
    explain: bool
    exact: bool
    mode: SearchMode
    recall: RecallLevel


def likeness(
    doc_id: str,
    unit_id: str,
    *,
    box: Sequence[float] | None,
    span: Sequence[int] | None,
    time: Sequence[float] | None,
) -> Likeness:
    """Return a region of a unit, checked.

    Raises:
        InputError: the region is empty or not in 0–1, or there are several.
    """
    if sum(one is not None for one in (box, span, time)) > 1:
        raise InputError("Give one of box, span and time, or none for the whole unit.")
    return Likeness(
        doc_id,
        unit_id,
        None if box is None else Box(*_box(box)),
        None if span is None else CharSpan(*cast("tuple[int, int]", _range("span", span))),
        None if time is None else TimeRange(*_range("time", time)),
    )


def _box(box: Sequence[float]) -> Sequence[float]:
    if len(box) == 4:
        left, top, right, bottom = box
        if 0 <= left < right <= 1 and 0 <= top < bottom <= 1:
            return box
    raise InputError(
        f"The box is {list(box)}; give left, top, right and bottom as fractions 0 to 1 of the "
        "page's width and height, left below right and top below bottom."
    )


def _range(name: str, ends: Sequence[float]) -> Sequence[float]:
    if len(ends) == 2 and 0 <= ends[0] < ends[1]:
        return ends
    raise InputError(f"{name} is {list(ends)}; give its start and its end, the smaller one first.")
