"""A collection's generations: made, filled, cleaned up, retired."""

import secrets
import shutil
import tempfile
import time
from contextlib import suppress
from pathlib import Path

from latelight.app.adding import Runs, Workshop, make_backfill
from latelight.app.engine import build_encoders, lock_for
from latelight.app.mirror import Mirror
from latelight.app.opened import CollectionHome, Versions
from latelight.errors import LatelightError, NotFoundError, ReleaseStateError
from latelight.index import SpaceSpec, Store
from latelight.pipelines.lock import RerankerLock, generation_digest, parse_lock
from latelight.pipelines.spec import PipelineSpec, digest_of, load_spec, parse_stored
from latelight.pipelines.writing import waiting_writer
from latelight.releases.catalog import Generation, version_digest
from latelight.releases.experiments import check_no_experiment
from latelight.releases.generations import Beginning, begin_nothing
from latelight.settings import Settings

CANDIDATE = "candidate"
"""The alias of the version that is to become the live one."""
_LOCK_SECONDS = 60.0
_RETIRED = ".retired-"


def as_spec(pipeline: str | Path | PipelineSpec) -> PipelineSpec:
    """Return a pipeline by its name or path, or as it is.

    Raises:
        NotFoundError, SettingError: there is no such pipeline, or it is not valid.
    """
    return pipeline if isinstance(pipeline, PipelineSpec) else load_spec(pipeline)


def new_version(spec: PipelineSpec, settings: Settings) -> Generation:
    """Return a version as this machine would make it now; loads the encoders."""
    lock = lock_for(build_encoders(spec, settings), spec, settings)
    digest = generation_digest(spec, lock)
    return Generation(digest, spec.to_json(), lock.to_json(), time.time())


def make_store(home: CollectionHome, version: Generation) -> None:
    """Make a version's index, empty; one that another process made meanwhile is taken as it is."""
    path = home.store(version.store)
    spec, lock = parse_stored(version.spec), parse_lock(version.lock)
    spaces = {
        space: SpaceSpec(dim=lock.encoders[space].dim, store=given.store, bits=given.bits)
        for space, given in spec.spaces.items()
    }
    path.parent.mkdir(parents=True, exist_ok=True)
    fresh = Path(tempfile.mkdtemp(prefix=".new-", dir=path.parent)) / "index"
    Store.create(fresh, spaces, pipeline_digest=version.store)
    if not path.exists():
        fresh.replace(path)
    shutil.rmtree(fresh.parent, ignore_errors=True)


def begin_candidate(
    versions: Versions,
    pipeline: str | Path | PipelineSpec,
    settings: Settings,
    beginning: Beginning = begin_nothing,
) -> Generation:
    """Return the version that is the candidate from now on; see `Collection.begin_candidate`.

    Args:
        versions, pipeline, settings: of what, and how.
        beginning: what begins with it, in the same write.
    """
    made = new_version(as_spec(pipeline), settings)
    standing = versions.standing()
    same = [one for one in standing.versions.values() if _what(one) == _what(made)]
    if standing.live in same:
        raise ReleaseStateError(
            f"The pipeline is that of the live version, {standing.live.digest}; change something "
            "in it, or the weights, before it is released."
        )
    stores = {one.store for one in standing.versions.values()}
    is_built = made.store in stores
    if same:
        made = same[0]
    elif is_built:
        searching = digest_of(_searching(made))
        digest = version_digest(made.store, searching)
        made = Generation(digest, made.spec, made.lock, made.created_at)
    # Under this lock, every later commit sees that there are two, and nobody else makes an index.
    with waiting_writer(versions.live().store, _LOCK_SECONDS):
        _remove_nameless(versions)
        if not same and not is_built:
            make_store(versions.home, made)
        try:
            versions.notes.add(made, CANDIDATE, is_built=is_built, beginning=beginning)
        except LatelightError:
            _remove_nameless(versions)
            raise
    clear_away(versions.home)
    return made


def _remove_nameless(versions: Versions) -> None:
    """Take away indexes of no version: killed processes made, or were removing, them."""
    named = {one.store for one in versions.standing().versions.values()}
    for directory in versions.home.store("").iterdir():
        if directory.name not in named and not directory.name.startswith("."):
            put_away(directory)


def _what(version: Generation) -> tuple[str, str, RerankerLock | None]:
    """Return what makes a version: pipeline, index, and the weights that rerank."""
    return version.spec, version.store, parse_lock(version.lock).reranker


def _searching(version: Generation) -> object:
    """Return what a version searches by; without a reranker its digest is that of before."""
    reranker = parse_lock(version.lock).reranker
    return version.spec if reranker is None else [version.spec, reranker.name, reranker.weights]


def candidate_of(versions: Versions) -> Generation:
    """Return the candidate.

    Raises:
        NotFoundError: there is none.
    """
    standing = versions.standing()
    if CANDIDATE not in standing.aliases:
        raise NotFoundError(
            f"Collection {versions.home.name!r} has no candidate. Make one with "
            f"`latelight release start {versions.home.name} PIPELINE`."
        )
    return standing.versions[standing.aliases[CANDIDATE]]


def backfill(shop: Workshop, versions: Versions) -> Runs:
    """Return the job that fills the candidate."""
    return make_backfill(shop, candidate_of(versions).store)


def compact_all(versions: Versions) -> None:
    """Rewrite every generation without what was deleted, and drop originals that none names."""
    stores = {one.store: one for one in versions.standing().versions.values()}
    for version in stores.values():
        versions.open(version).store.compact()
    live = versions.live()
    # New files come with a commit to the live generation: no one that is not written yet may go.
    with waiting_writer(live.store, _LOCK_SECONDS):
        snapshots = [versions.open(version).store.snapshot() for version in stores.values()]
        named = frozenset(one.sha256 for shot in snapshots for one in shot.documents())
        live.originals.keep_only(named)


def retire(versions: Versions, mirror: Mirror, digest: str) -> None:
    """Remove a version that is not live, and its index where no other version has the same.

    Raises:
        ReleaseStateError: it is the live one, or an experiment is running on it.
        LatelightError: another generation has still to follow it, and cannot.
    """
    version = versions.standing().versions.get(digest)
    if version is None:
        return
    with mirror.at_rest():
        place = versions.home.place
        if versions.notes.remove(digest, lambda db: check_no_experiment(db, place, digest)):
            put_away(versions.home.store(version.store))
        clear_away(versions.home)


def put_away(store: Path) -> None:
    """Take an index's directory away, in one step: half of one must never be taken for a whole."""
    with suppress(FileNotFoundError):  # there is none, or another process was faster
        store.replace(store.with_name(f"{_RETIRED}{secrets.token_hex(8)}"))


def clear_away(home: CollectionHome) -> None:
    """Remove what was taken away, by processes too that were killed while removing it."""
    for directory in home.store("").glob(f"{_RETIRED}*"):
        shutil.rmtree(directory, ignore_errors=True)
