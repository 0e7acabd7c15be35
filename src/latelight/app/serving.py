"""Searches, answered by the version that the release under way says; what they did is counted."""

import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import replace
from typing import TypeVar

from latelight.app.asking import (
    Ask,
    AskMany,
    Timed,
    Warming,
    asked_together,
    only,
    only_in,
    own_key,
)
from latelight.app.counting import DEFAULT_KEEPING, Answer, Counting, Keeping, total
from latelight.app.exposing import Exposing
from latelight.app.hits import Hits
from latelight.app.mixing import mixed, winner, written
from latelight.app.opened import OpenGeneration, Versions
from latelight.app.recording import Recording
from latelight.errors import InputError, LatelightError, NotFoundError
from latelight.experiments import GuardVerdict, check_guards
from latelight.experiments.assignment import hashed
from latelight.releases.routing import CANDIDATE_ARM, LIVE_ARM, Route, is_routed, route
from latelight.releases.state import Release
from latelight.releases.store import Shown
from latelight.releases.watching import Situation

Answered = TypeVar("Answered")


class Serving:
    """Answers a collection's searches; safe to use from several threads."""

    def __init__(self, versions: Versions, keeping: Keeping = DEFAULT_KEEPING) -> None:
        """Serve the versions of a collection; `keeping` bounds what waits for interaction."""
        self._versions = versions
        self._counting = Counting(versions.releases, self._check_guards, keeping)
        self._pool: ThreadPoolExecutor | None = None
        self._mutex = threading.Lock()
        self._n_waiting = 0
        self._warming = Warming()
        self._recording = Recording(versions.interactions, keeping)
        self._exposing = Exposing(versions, self._warming, self._recording)

    @property
    def is_releasing(self) -> bool:
        """Whether a release's candidate, or an experiment, may take part in searches."""
        now = self._versions.now()
        return is_routed(now.release) or now.experiment is not None

    def search(self, ask: Ask, key: str | None) -> Hits:
        """Return the hits that the caller of this key is to see.

        Raises:
            LatelightError: as the search does in the live version; a candidate never fails it.
        """
        return self._unless_retired(lambda now: self._one(now, ask, key))

    def search_batch(self, ask: AskMany, keys: Sequence[str | None]) -> list[Hits]:
        """Return the hits of several searches, each answered as `search` answers it.

        Those that one version answers are made together, from one state of it. What a search took
        among others says nothing about it alone, so latencies of batches are not counted.

        Args:
            ask: makes the searches of these numbers in whichever version.
            keys: the callers'.

        Raises:
            LatelightError: as `search`.
        """
        return self._unless_retired(lambda now: self._many(now, ask, keys))

    def _unless_retired(self, answer: Callable[[Situation], Answered]) -> Answered:
        """Return the answer; one that a version was retired under is made again without it."""
        while True:
            now = self._versions.now()
            try:
                return answer(now)
            except Exception:
                if set(now.standing.versions) <= set(self._versions.standing().versions):
                    raise

    def _one(self, now: Situation, ask: Ask, key: str | None) -> Hits:
        own = own_key(key)
        if now.experiment is not None:
            return self._exposing.one(now, now.experiment, ask, own)
        way = route(now.standing, now.release, own)
        live = self._versions.open(now.standing.live)
        candidate = self._candidate(now, [way], live)
        if candidate is None or now.release is None:
            return self._exposing.seen(now, ask(live), live)
        if way.interleave:
            return self._mixed(now, own, ask(live), Timed.of(ask, candidate), (live, candidate))
        if way.shadow:
            seen = Timed.of(ask, live)
            self._shadow_later(now.release, ask, seen, candidate)
            return self._exposing.seen(now, seen.given(), live)
        version = candidate if way.arm == CANDIDATE_ARM else live
        asked = Timed.of(ask, version)
        return self._served(now, own, way, asked, (version, live), lambda: ask(live))

    def _many(self, now: Situation, ask: AskMany, keys: Sequence[str | None]) -> list[Hits]:
        owns = [own_key(key) for key in keys]
        if now.experiment is not None:
            return self._exposing.many(now, now.experiment, ask, owns)
        ways = [route(now.standing, now.release, own) for own in owns]
        live = self._versions.open(now.standing.live)
        candidate = self._candidate(now, ways, live)
        if candidate is None or now.release is None:
            return [self._exposing.seen(now, hits, live) for hits in ask(live, range(len(owns)))]
        release, every = now.release, range(len(owns))
        served = [i for i in every if ways[i].arm == CANDIDATE_ARM]
        mixing = [i for i in every if ways[i].interleave]
        of_live = [i for i in every if i not in set(served)]
        found = dict(zip(of_live, ask(live, of_live) if of_live else (), strict=True))
        others = asked_together(ask, candidate, [*served, *mixing])
        for i in every:
            if i in others and not ways[i].interleave:
                instead, both = only(ask, i, live), (candidate, live)
                found[i] = self._served(now, owns[i], ways[i], others[i], both, instead)
            elif i in others:
                found[i] = self._mixed(now, owns[i], found[i], others[i], (live, candidate))
            elif ways[i].arm:
                seen = Timed(None, found[i])
                found[i] = self._served(now, owns[i], ways[i], seen, (live, live), seen.given)
            else:
                if ways[i].shadow:
                    seen = Timed(None, found[i])
                    self._shadow_later(release, only_in(ask, i), seen, candidate)
                self._exposing.seen(now, found[i], live)
        return [found[i] for i in every]

    def _candidate(
        self, now: Situation, ways: Sequence[Route], live: OpenGeneration
    ) -> OpenGeneration | None:
        """Return the candidate where it takes part in a search, and its models are loaded."""
        if now.release is None or not any(w.arm or w.shadow or w.interleave for w in ways):
            return None
        candidate = self._versions.open(now.standing.versions[now.release.candidate])
        return candidate if self._warming.is_ready(candidate, live) else None

    def interact(self, search_id: str, doc_id: str) -> None:
        """Note that a document of a search was used.

        Raises:
            NotFoundError: nobody counts or logs a search of that id.
            InputError: the search did not show the document.
        """
        self.write()
        is_logged = self._versions.interactions.use(search_id, doc_id)
        if not self._versions.releases.click(search_id, doc_id, winner) and not is_logged:
            raise NotFoundError(
                f"No search {search_id!r} takes part in a release or an experiment of collection "
                f"{self._versions.home.name!r} or is in its log; give the search_id of its hits. "
                "`latelight eval log start` lets a collection log its searches."
            )

    def write(self) -> None:
        """Write what was counted and logged in this process so far."""
        self._counting.write()
        self._recording.write()

    def settle(self) -> None:
        """Wait for searches out of sight, and write what was counted."""
        with self._mutex:
            pool, self._pool = self._pool, None
        if pool is not None:
            pool.shutdown()
        self.write()

    # -- the ramp ----------------------------------------------------------------------------

    def _served(
        self,
        now: Situation,
        key: str,
        way: Route,
        asked: Timed,
        versions: tuple[OpenGeneration, OpenGeneration],
        instead: Callable[[], Hits],
    ) -> Hits:
        """Count how an arm of the ramp answered; for a candidate that failed, ask `instead`.

        Args:
            now, key, way: who is answered by what.
            asked: how it went.
            versions: the one that was asked, and the live one.
            instead: asks the live one.
        """
        release, (version, live) = now.release, versions
        assert release is not None
        answer = _answer(release, way.arm, asked)
        if asked.hits is not None:
            shown = _shown(release, key, asked.hits, way.arm)
            self._counting.add(replace(answer, shown=shown))
            return self._exposing.seen(now, asked.hits, version)
        if isinstance(asked.error, InputError):  # the caller's, whichever version is asked
            raise asked.error
        self._counting.add(answer)
        if way.arm != CANDIDATE_ARM:
            return asked.given()
        return self._exposing.seen(now, instead(), live)

    def _check_guards(self, release_id: str) -> None:
        """Fall back to the live version when a guard of the ramp is broken."""
        release = self._versions.now().release
        if release is None or release.release_id != release_id or release.state != "ramp":
            return
        broken = [one for one in self.guards(release) if one.state == "broken"]
        if broken:
            note = f"A guard is broken. {broken[0].message}"
            details = {"guards": [one.to_dict() for one in broken]}
            with suppress(LatelightError):  # somebody else was faster
                self._versions.releases.move(release, "fall_back", note=note, details=details)

    def guards(self, release: Release) -> tuple[GuardVerdict, ...]:
        """Return the verdict of every guard of the ramp, nothing where none is planned."""
        if release.plan.ramp is None:
            return ()
        counted = self._versions.releases.counted(release.release_id)
        live, candidate = (total(counted, "ramp", arm) for arm in (LIVE_ARM, CANDIDATE_ARM))
        return check_guards(live, candidate, release.plan.ramp.guards.guards)

    # -- the shadow --------------------------------------------------------------------------

    def _shadow_later(
        self, release: Release, ask: Ask, seen: Timed, candidate: OpenGeneration
    ) -> None:
        """Ask the candidate too, out of sight, unless too many wait for that already."""
        assert release.plan.shadow is not None
        if seen.hits is None:
            return
        with self._mutex:
            if self._n_waiting >= release.plan.shadow.most_waiting:
                return
            if self._pool is None:
                self._pool = ThreadPoolExecutor(1, thread_name_prefix="latelight-shadow")
            with suppress(RuntimeError):  # the process ends: nobody needs to know any more
                self._pool.submit(self._shadow, release, ask, seen, candidate)
                self._n_waiting += 1

    def _shadow(self, release: Release, ask: Ask, seen: Timed, candidate: OpenGeneration) -> None:
        try:
            other = Timed.of(ask, candidate)
            assert release.plan.shadow is not None
            overlap = _overlap(seen.hits, other.hits, release.plan.shadow.k)
            answer = _answer(release, CANDIDATE_ARM, other)
            self._counting.add(_answer(release, LIVE_ARM, seen), replace(answer, overlap=overlap))
        finally:
            with self._mutex:
                self._n_waiting -= 1

    # -- interleaving ------------------------------------------------------------------------

    def _mixed(
        self,
        now: Situation,
        key: str,
        hits: Hits,
        other: Timed,
        versions: tuple[OpenGeneration, OpenGeneration],
    ) -> Hits:
        """Return both versions' documents in one list; the live one's where the other failed."""
        release = now.release
        assert release is not None
        if other.hits is None or not (hits or other.hits):
            if other.hits is None:
                self._counting.add(_answer(release, CANDIDATE_ARM, other))
            return self._exposing.seen(now, hits, versions[0])
        plan = release.plan.interleave
        assert plan is not None
        seed = f"{release.release_id} {hits.search_id}"
        both, made = mixed(hits, other.hits, plan.method, seed)
        shown = _shown(release, key, hits, "", written(made))
        answer = _answer(release, CANDIDATE_ARM, other)
        self._counting.add(replace(answer, shown=shown))
        return self._exposing.seen(now, both, *versions)


def keys_of(given: str | Sequence[str | None] | None, n: int) -> list[str | None]:
    """Return a key for each of n queries.

    Raises:
        InputError: there are not as many keys as queries.
    """
    if given is None or isinstance(given, str):
        return [given] * n
    keys = list(given)
    if len(keys) != n:
        raise InputError(
            f"There are {len(keys)} keys for {n} queries; give one for all, or one for each."
        )
    return keys


def _answer(release: Release, arm: str, asked: Timed) -> Answer:
    return Answer(
        release_id=release.release_id,
        stage=release.state,
        step=release.ramp_step,
        arm=arm,
        milliseconds=asked.milliseconds,
        failed=asked.hits is None,
        n_hits=0 if asked.hits is None else len(asked.hits),
    )


def _shown(release: Release, key: str, hits: Hits, arm: str, mixed: str = "") -> Shown:
    return Shown(
        search_id=hits.search_id,
        stage=release.state,
        step=release.ramp_step,
        arm=arm,
        key_hash=hashed(release.release_id, key),
        at=time.time(),
        mixed=mixed,
    )


def _overlap(live: Hits | None, candidate: Hits | None, k: int) -> float | None:
    """Return the share of the first k documents of the one that are among those of the other."""
    if live is None or candidate is None:
        return None
    wanted, found = (_documents(hits, k) for hits in (live, candidate))
    return len(wanted & found) / len(wanted) if wanted else None


def _documents(hits: Hits, k: int) -> set[str]:
    return set(list(dict.fromkeys(hit.doc_id for hit in hits))[:k])
