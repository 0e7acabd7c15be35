"""What a collection's callers asked, saw and used: off until somebody begins it."""

from collections.abc import Iterator
from dataclasses import asdict, dataclass
from typing import Any

from latelight.app.serving import Serving
from latelight.errors import InputError
from latelight.evaluation import ClickRule, JudgementSet, LoggedSearch, judge_by_clicks
from latelight.evaluation.clicks import DEFAULT_RULE
from latelight.releases.interactions import InteractionStore, ShownSearch

DEFAULT_DAYS = 90.0
MOST_DAYS = 36_500.0


@dataclass(frozen=True)
class LogStatus:
    """How a collection logs, and what there is.

    Attributes:
        is_on: whether searches are logged.
        days: so long they are kept; None where none ever was.
        n_searches, n_used: with their questions, and those of which something was used.
        oldest, newest: seconds since 1970-01-01 UTC, None of nothing.
    """

    is_on: bool
    days: float | None
    n_searches: int
    n_used: int
    oldest: float | None
    newest: float | None

    def to_dict(self) -> dict[str, Any]:
        """Return the JSON form."""
        return asdict(self)


class InteractionLog:
    """Questions with what was shown and used: `collection.log`.

    It holds what people asked, in their words, and nothing of who they are. It lies in the
    library's catalog, and so in its backups.
    """

    def __init__(self, store: InteractionStore, serving: Serving) -> None:
        """Look at the log that searches are written to."""
        self._store = store
        self._serving = serving

    def start(self, *, days: float = DEFAULT_DAYS) -> LogStatus:
        """Log every search of the collection from now on, in every process.

        Args:
            days: so long a search is kept, and `LATELIGHT_SHOWN_SEARCHES` of them at most.

        Raises:
            InputError: `days` is out of range.
        """
        if not 0 < days <= MOST_DAYS:
            raise InputError(f"days is {days:g}; give more than 0, at most {MOST_DAYS:,.0f}.")
        self._store.begin(days)
        return self.status()

    def stop(self) -> LogStatus:
        """Log no further search; what is logged stays for its days."""
        self._store.end()
        return self.status()

    def clear(self) -> int:
        """Forget every question; return how many. What experiments count stays, without them."""
        self._serving.write()
        return self._store.clear()

    def status(self) -> LogStatus:
        """Return whether searches are logged, and how many are."""
        self._serving.write()
        setting, counts = self._store.setting(), self._store.counts()
        return LogStatus(
            is_on=setting is not None and setting.is_on,
            days=None if setting is None else setting.days,
            **asdict(counts),
        )

    def searches(self) -> Iterator[ShownSearch]:
        """Yield the logged searches, oldest first, each with what was shown and used."""
        self._serving.write()
        yield from self._store.searches()

    def judge(self, name: str, rule: ClickRule = DEFAULT_RULE) -> JudgementSet:
        """Return the judgements that the log supports; `collection.judgements.save` keeps them.

        See `evaluation.ClickRule` for the estimators, and what they take for granted.

        Args:
            name: of the set.
            rule: how clicks become gains.

        Raises:
            InputError: nothing was shown often enough to be judged.
        """
        judged = judge_by_clicks(name, map(_logged, self.searches()), rule)
        if not judged.topics:
            now = self.status()
            raise InputError(
                f"The log holds {now.n_searches:,} searches, {now.n_used:,} of them used, and no "
                f"document was shown {rule.min_impressions} times for one question. Log more "
                "(`latelight eval log start`), or lower min_impressions."
            )
        return judged


def _logged(one: ShownSearch) -> LoggedSearch:
    return LoggedSearch(
        query=one.query,
        shown=tuple(doc for doc, _ in one.shown),
        clicked=frozenset(one.clicked),
        positions=tuple(position for _, position in one.shown),
    )
