"""What a search asks for, checked."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, get_args

from latelight.errors import InputError, QueryError
from latelight.index.candidates import RECALL_LEVELS, Effort, RecallLevel
from latelight.pipelines.narrowing import Narrowing
from latelight.pipelines.similar import Likeness
from latelight.pipelines.spec import SEARCH_MODES, SearchMode

GroupBy = Literal["document"]
MAX_K = 10_000
LEAST_DEPTH = 128  # fusion and context (0044) find the best of their sum among these
UNITS_PER_GROUP = 8
MAX_QUERY_CHARACTERS = 20_000


@dataclass(frozen=True)
class SearchRequest:
    """One search.

    Attributes:
        text: the query.
        k: how many hits at most.
        filter: metadata filter, None for none.
        group_by: `document` keeps the best unit of each document.
        explain: whether hits carry evidence.
        mode: which signals rank; `auto` takes what the pipeline says.
        exact: score every allowed unit.
        recall: `fast`, `balanced` or `best`: how hard a search of a large collection tries.
        image: a picture to search with, encoded; `text` is then the words on it, maybe none.
        like: a stored unit, or a region of it, to search with instead of a text; it is not found.
    """

    text: str
    k: int = 10
    filter: Mapping[str, Any] | None = None
    group_by: GroupBy | None = None
    explain: bool = False
    mode: SearchMode = "auto"
    exact: bool = False
    recall: RecallLevel = "balanced"
    image: bytes | None = field(default=None, repr=False)
    like: Likeness | None = None

    def __post_init__(self) -> None:
        if (self.image is None and self.like is None) or self.text:
            _check_text(self.text)
        if isinstance(self.k, bool) or not isinstance(self.k, int) or not 1 <= self.k <= MAX_K:
            raise InputError(f"k is {self.k!r}; give a whole number from 1 to {MAX_K}.")
        _check_choice("mode", self.mode, SEARCH_MODES)
        _check_choice("recall", self.recall, RECALL_LEVELS)
        _check_choice("group_by", self.group_by, (None, *get_args(GroupBy)))

    @property
    def narrowing(self) -> Narrowing:
        """How far a search of a large collection is narrowed before everything is scored.

        Grouping keeps one unit of each document, so more units are brought up for it.
        """
        wanted = self.k * UNITS_PER_GROUP if self.group_by else self.k
        effort = Effort.of("exact" if self.exact else self.recall)
        return Narrowing(effort, max(wanted, LEAST_DEPTH))


def _check_text(text: str) -> None:
    if not isinstance(text, str) or not text.strip():
        raise QueryError(f"The query is {text!r}; give at least one word.")
    if len(text) > MAX_QUERY_CHARACTERS:
        raise QueryError(
            f"The query has {len(text)} characters; at most {MAX_QUERY_CHARACTERS} are read. "
            "Shorten it, or search for its parts."
        )


def _check_choice(name: str, value: object, known: tuple[object, ...]) -> None:
    if value not in known:
        choices = ", ".join(repr(choice) for choice in known)
        raise InputError(f"{name} is {value!r}; choose from {choices}.")
