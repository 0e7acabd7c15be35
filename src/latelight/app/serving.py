"""Searches, answered by the version that the release under way says; what they did is counted."""

import json
import random
import secrets
import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, replace

from latelight.app.counting import Answer, Counting, total
from latelight.app.hits import Hits, SearchHit
from latelight.app.opened import OpenGeneration, Versions
from latelight.errors import InputError, LatelightError, NotFoundError
from latelight.experiments import GuardVerdict, Interleaved, check_guards, credit, team_draft
from latelight.experiments.assignment import hashed
from latelight.releases.routing import CANDIDATE_ARM, LIVE_ARM, Route, route
from latelight.releases.state import Release
from latelight.releases.store import Shown

Ask = Callable[[OpenGeneration], Hits]
"""Makes one search in whichever version."""
_BETWEEN = "\x1f"  # a document's id and its unit's


@dataclass(frozen=True)
class _Timed:
    """The outcome of asking one version: hits, or what it raised."""

    milliseconds: float
    hits: Hits | None = None
    error: Exception | None = None


class Serving:
    """Answers a collection's searches; safe to use from several threads."""

    def __init__(self, versions: Versions) -> None:
        """Serve the versions of a collection."""
        self._versions = versions
        self._counting = Counting(versions.releases, self._check_guards)
        self._pool: ThreadPoolExecutor | None = None
        self._mutex = threading.Lock()
        self._n_waiting = 0
        self._warming: dict[str, threading.Thread] = {}

    def search(self, ask: Ask, key: str | None) -> Hits:
        """Return the hits that the caller of this key is to see.

        Raises:
            LatelightError: as the search does in the live version; a candidate never fails it.
        """
        now = self._versions.now()
        standing, release = now.standing, now.release
        own = key if key is not None else secrets.token_hex(8)
        way = route(standing, release, own)
        live = self._versions.open(standing.live)
        if release is None or not (way.arm or way.shadow or way.interleave):
            return ask(live)
        candidate = self._versions.open(standing.versions[release.candidate])
        if not self._is_warm(candidate):
            return ask(live)
        if way.interleave:
            return self._mixed(release, own, ask, live, candidate)
        if way.shadow:
            return self._shadowed(release, ask, live, candidate)
        return self._ramped(release, own, ask, way, (live, candidate))

    def interact(self, search_id: str, doc_id: str) -> None:
        """Count that a document of a search was used.

        Raises:
            NotFoundError: no such search takes part in a release.
        """
        self._counting.write()
        if not self._versions.releases.click(search_id, doc_id, _winner):
            raise NotFoundError(
                f"No search {search_id!r} takes part in a release of collection "
                f"{self._versions.home.name!r}; give the search_id of its hits, within the release."
            )

    def write(self) -> None:
        """Write what was counted in this process so far."""
        self._counting.write()

    def settle(self) -> None:
        """Wait for searches out of sight, and write what was counted."""
        with self._mutex:
            pool, self._pool = self._pool, None
        if pool is not None:
            pool.shutdown()
        self._counting.write()

    # -- the ramp ----------------------------------------------------------------------------

    def _ramped(
        self,
        release: Release,
        key: str,
        ask: Ask,
        way: Route,
        both: tuple[OpenGeneration, OpenGeneration],
    ) -> Hits:
        live, candidate = both
        is_candidate = way.arm == CANDIDATE_ARM
        asked = _asked(ask, candidate if is_candidate else live)
        answer = _answer(release, way.arm, asked)
        if asked.hits is not None:
            shown = _shown(release, key, asked.hits, way.arm)
            self._counting.add(replace(answer, shown=shown))
            return asked.hits
        assert asked.error is not None
        if isinstance(asked.error, InputError):  # the caller's, whichever version is asked
            raise asked.error
        self._counting.add(answer)
        if not is_candidate:
            raise asked.error
        return ask(live)

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

    def _shadowed(
        self, release: Release, ask: Ask, live: OpenGeneration, candidate: OpenGeneration
    ) -> Hits:
        seen = _asked(ask, live)
        if seen.hits is None:
            assert seen.error is not None
            raise seen.error
        hits = seen.hits
        assert release.plan.shadow is not None
        with self._mutex:
            if self._n_waiting >= release.plan.shadow.most_waiting:
                return hits
            self._n_waiting += 1
            if self._pool is None:
                self._pool = ThreadPoolExecutor(1, thread_name_prefix="latelight-shadow")
            self._pool.submit(self._shadow, release, ask, seen, candidate)
        return hits

    def _shadow(self, release: Release, ask: Ask, seen: _Timed, candidate: OpenGeneration) -> None:
        try:
            other = _asked(ask, candidate)
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
        release: Release,
        key: str,
        ask: Ask,
        live: OpenGeneration,
        candidate: OpenGeneration,
    ) -> Hits:
        hits = ask(live)
        other = _asked(ask, candidate)
        if other.hits is None or not (hits or other.hits):
            if other.hits is None:
                self._counting.add(_answer(release, CANDIDATE_ARM, other))
            return hits
        rankings = {"a": _by_name(hits), "b": _by_name(other.hits)}
        k = max(len(hits), len(other.hits))
        coins = random.Random(f"{release.release_id} {hits.search_id}")
        made = team_draft(tuple(rankings["a"]), tuple(rankings["b"]), k, coins)
        # What fills the list belongs to nobody, and is of whichever ranking has it.
        chosen = [
            rankings[team or ("a" if name in rankings["a"] else "b")][name]
            for name, team in zip(made.shown, made.teams, strict=True)
        ]
        shown = _shown(release, key, hits, "", _mixed_json(made))
        answer = _answer(release, CANDIDATE_ARM, other)
        self._counting.add(replace(answer, shown=shown))
        return hits.arranged(chosen)

    # -- models ------------------------------------------------------------------------------

    def _is_warm(self, candidate: OpenGeneration) -> bool:
        """Return whether a candidate can answer; nobody waits while its models are loaded."""
        if candidate.is_loaded:
            return True
        digest = candidate.version.digest
        with self._mutex:
            if digest not in self._warming:
                name = "latelight-warm"
                thread = threading.Thread(target=_load, args=(candidate,), name=name, daemon=True)
                self._warming[digest] = thread
                thread.start()
            # Models that cannot be loaded are the candidate's error: it is asked, and fails.
            return not self._warming[digest].is_alive()


def _load(version: OpenGeneration) -> None:
    with suppress(Exception):
        version.loaded()


def _asked(ask: Ask, version: OpenGeneration) -> _Timed:
    began = time.perf_counter()
    try:
        hits = ask(version)
    except Exception as error:
        return _Timed(1000 * (time.perf_counter() - began), error=error)
    return _Timed(1000 * (time.perf_counter() - began), hits)


def _answer(release: Release, arm: str, asked: _Timed) -> Answer:
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


def _by_name(hits: Sequence[SearchHit]) -> dict[str, SearchHit]:
    return {f"{hit.doc_id}{_BETWEEN}{hit.unit.unit_id}": hit for hit in hits}


def _mixed_json(made: Interleaved) -> str:
    return json.dumps({"shown": made.shown, "teams": made.teams})


def _winner(mixed: str, clicked: list[str]) -> str:
    """Return whose units were clicked; of a document with several, the first one counts."""
    own = json.loads(mixed)
    made = Interleaved(tuple(own["shown"]), tuple(own["teams"]), "team-draft", (), ())
    first: dict[str, str] = {}
    for name in made.shown:
        first.setdefault(name.partition(_BETWEEN)[0], name)
    return credit(made, [first[doc_id] for doc_id in clicked if doc_id in first])
