"""What people see: logged where the collection does so, and decided by a running experiment."""

import secrets
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from latelight.app.asking import Ask, AskMany, Timed, Warming, asked_together, only
from latelight.app.hits import Hits
from latelight.app.opened import OpenGeneration, Versions
from latelight.app.recording import Recording
from latelight.errors import InputError
from latelight.experiments.assignment import hashed
from latelight.releases.experiments import Experiment
from latelight.releases.interactions import ShownSearch
from latelight.releases.watching import Situation


@dataclass(frozen=True)
class _Place:
    """Where a caller stands in an experiment.

    Attributes:
        arm: which one.
        key: the caller's.
        version: that answers the arm.
    """

    arm: str
    key: str
    version: OpenGeneration


class Exposing:
    """Logs searches, and answers them by the arms of an experiment."""

    def __init__(self, versions: Versions, warming: Warming, recording: Recording) -> None:
        """Answer from these versions."""
        self._versions = versions
        self._warming = warming
        self._recording = recording

    def seen(self, now: Situation, hits: Hits, *versions: OpenGeneration) -> Hits:
        """Return hits that somebody is to see, logged where the collection does so."""
        if now.log is not None and hits.query.strip():
            digests = "+".join(one.version.digest for one in versions)
            self._recording.add(
                ShownSearch(hits.search_id, time.time(), digests, hits.query, _shown(hits))
            )
        return hits

    def one(self, now: Situation, experiment: Experiment, ask: Ask, key: str) -> Hits:
        """Return the hits of a search, answered by the arm of its caller.

        Raises:
            LatelightError: as the search does in the live version; an arm's never fails it.
        """
        live = self._versions.open(now.standing.live)
        place = self._place(now, experiment, key, live)
        if place is None:
            return self.seen(now, ask(live), live)
        asked = Timed.of(ask, place.version)
        return self._exposed(now, experiment, place, asked, lambda: ask(live))

    def many(
        self, now: Situation, experiment: Experiment, ask: AskMany, keys: Sequence[str]
    ) -> list[Hits]:
        """Return the hits of several searches, each answered as `one` answers it."""
        live = self._versions.open(now.standing.live)
        places = [self._place(now, experiment, key, live) for key in keys]
        outside = [i for i, place in enumerate(places) if place is None]
        answers = ask(live, outside) if outside else []
        found = {i: self.seen(now, hits, live) for i, hits in zip(outside, answers, strict=True)}
        numbers: dict[OpenGeneration, list[int]] = {}
        for i, place in enumerate(places):
            if place is not None:
                numbers.setdefault(place.version, []).append(i)
        for version, own in numbers.items():
            for i, asked in asked_together(ask, version, own).items():
                place = places[i]
                assert place is not None
                instead = only(ask, i, live)
                found[i] = self._exposed(now, experiment, place, asked, instead)
        return [found[i] for i in range(len(places))]

    def _place(
        self, now: Situation, experiment: Experiment, key: str, live: OpenGeneration
    ) -> _Place | None:
        """Return the arm of a caller; None for who takes no part.

        Nobody does before both versions can answer: who waits for one arm's models alone would be
        missing in that arm. So it is after a backup was restored, too.
        """
        arm = experiment.assignment.arm(key)
        both = [self._ready(now, digest, live) for digest in (experiment.a, experiment.b)]
        if arm is None or None in both:
            return None
        version = both[experiment.version(arm) == experiment.b]
        assert version is not None
        return _Place(arm, key, version)

    def _ready(self, now: Situation, digest: str, live: OpenGeneration) -> OpenGeneration | None:
        """Return a version that holds everything, with its models loaded."""
        if not now.standing.serves(digest):
            return None
        version = self._versions.open(now.standing.versions[digest])
        is_ready = version is live or self._warming.is_ready(version, live)
        return version if is_ready else None

    def _exposed(
        self,
        now: Situation,
        experiment: Experiment,
        place: _Place,
        asked: Timed,
        instead: Callable[[], Hits],
    ) -> Hits:
        """Log how an arm answered; for a version that failed, ask the live one.

        What the caller sees then still counts for the arm: that is what being in it came to.
        """
        if isinstance(asked.error, InputError):  # the caller's, whichever version is asked
            raise asked.error
        is_live = place.version.version == now.standing.live
        hits = asked.hits if asked.hits is not None or is_live else instead()
        version = place.version.version if hits is asked.hits else now.standing.live
        shown = ShownSearch(
            search_id=secrets.token_hex(8) if hits is None else hits.search_id,
            at=time.time(),
            version=version.digest,
            query="" if now.log is None or hits is None else hits.query.strip(),
            shown=() if hits is None else _shown(hits),
            experiment=experiment.experiment_id,
            arm=place.arm,
            key_hash=hashed(experiment.experiment_id, place.key),
            failed=asked.hits is None,
            milliseconds=asked.milliseconds,
        )
        self._recording.add(shown)
        return asked.given() if hits is None else hits


def _shown(hits: Hits) -> tuple[tuple[str, int], ...]:
    """Return the documents with the position of each one's first hit, from 1."""
    first: dict[str, int] = {}
    for position, hit in enumerate(hits, start=1):
        first.setdefault(hit.doc_id, position)
    return tuple(first.items())
