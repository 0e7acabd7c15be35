"""One generation of a collection, opened: its index, its models, and how both are used."""

import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from latelight.app.engine import (
    build_encoders,
    check_readers,
    checked_cross_encoder,
    extraction_options,
    load_checked,
)
from latelight.app.hits import Hits
from latelight.app.pictures import Pictures
from latelight.app.queries import picture_query
from latelight.encoders.protocol import Encoder, ImageQueryEncoder
from latelight.errors import InputError, NotFoundError
from latelight.index import Store
from latelight.index.self_check import SelfCheck
from latelight.pipelines.lock import PipelineLock, parse_lock
from latelight.pipelines.originals import Originals
from latelight.pipelines.query import Found, run_searches
from latelight.pipelines.reader import Reader
from latelight.pipelines.request import SearchRequest
from latelight.pipelines.spec import PipelineSpec, parse_stored
from latelight.pipelines.target import IngestOptions
from latelight.releases.catalog import Generation
from latelight.releases.experiments import ExperimentStore
from latelight.releases.generations import GenerationStore, Standing
from latelight.releases.interactions import InteractionStore
from latelight.releases.judgements import JudgementStore
from latelight.releases.store import ReleaseStore
from latelight.releases.watching import Situation, StandingReader
from latelight.settings import Settings

JOBS_NAME = "jobs"
MAX_SPEECH_THREADS = 2  # encoding goes on beside it
MOST_WORKERS = 4
"""Processes that read files while one collection is added to."""


@dataclass(frozen=True)
class CollectionHome:
    """Which collection, and where its files lie.

    Attributes:
        namespace, name: of the collection.
        directory: of all that it keeps.
    """

    namespace: str
    name: str
    directory: Path

    @property
    def place(self) -> tuple[str, str]:
        """Namespace and name."""
        return self.namespace, self.name

    @property
    def originals(self) -> Path:
        """The files as they came."""
        return self.directory / "originals"

    @property
    def jobs(self) -> Path:
        """What jobs need to go on."""
        return self.directory / JOBS_NAME

    @property
    def mirror(self) -> Path:
        """What is held while generations are brought into line."""
        return self.directory / "mirror"

    def store(self, name: str) -> Path:
        """Return where an index lies."""
        return self.directory / "generations" / name


class OpenGeneration:
    """One version of a collection; models are loaded when first needed."""

    def __init__(self, home: CollectionHome, version: Generation, settings: Settings) -> None:
        """Open its index.

        Raises:
            SettingError: its spec names an encoder that does not exist.
        """
        self.version = version
        self.spec: PipelineSpec = parse_stored(version.spec, origin=f"collection {home.name!r}")
        self.lock: PipelineLock = parse_lock(version.lock)
        self.store = Store.open(home.store(version.store))
        self.originals = Originals(home.originals)
        self.self_check = SelfCheck()
        self._settings = settings
        self._encoders = build_encoders(self.spec, settings)
        self._cross_encoder = checked_cross_encoder(self.spec, settings, self.lock)
        self._checked = threading.Event()

    def reader(self) -> Reader:
        """Return the newest state with what a search of it needs."""
        return Reader(
            self.store.snapshot(),
            self.loaded(),
            self.spec,
            self._settings.n_threads,
            self.self_check,
            self._cross_encoder,
        )

    def search(self, requests: Sequence[SearchRequest]) -> list[Hits]:
        """Return the hits of several searches, all in one state of the index."""
        return self.search_in(self.reader(), requests)

    def search_in(self, reader: Reader, requests: Sequence[SearchRequest]) -> list[Hits]:
        """Return the hits of several searches in a state of the index that `reader` gave."""
        return [self.hits(reader, found) for found in run_searches(reader, requests)]

    def hits(self, reader: Reader, found: Found) -> Hits:
        """Return the outcome of a search as its caller sees it."""
        spaces = tuple(found.signals.by_name)
        return Hits.of(found, Pictures(reader, found.query, spaces, self.originals))

    def loaded(self) -> Mapping[str, Encoder]:
        """Return the encoders by space, loaded and checked.

        Raises:
            ModelError, PipelineMismatchError: they are not those of the lock.
        """
        if not self._checked.is_set():
            load_checked(self._encoders, self.lock)
            self._checked.set()
        return self._encoders

    @property
    def is_loaded(self) -> bool:
        """Whether the encoders are, so that a search need not wait for them."""
        return self._checked.is_set()

    def ingest_options(self) -> IngestOptions:
        """Return how documents are read and written here.

        Raises:
            NotFoundError, SettingError, PipelineMismatchError: what reads them is not the lock's.
        """
        check_readers(self.spec, self.lock)
        return IngestOptions(
            extraction=extraction_options(
                self.spec,
                self._speech_threads,
                render_images=self._sees,
                image_side=self._image_side,
                keep_sound=self._hears,
            ),
            lexical=self.spec.lexical.enabled,
            commit_seconds=self._settings.commit_seconds,
            n_workers=max(1, min(self._settings.n_threads // 2, MOST_WORKERS)),
        )

    def query(self, text: str | None, image: str | Path | bytes | None) -> tuple[str, bytes | None]:
        """Return what to search for: a text, or the words on a picture and the picture.

        Raises:
            InputError: there are both, or none.
        """
        if (text is None) == (image is None):
            raise InputError("Give either a text or an image to search with.")
        if image is None:
            assert text is not None
            return text, None
        options = extraction_options(self.spec, self._speech_threads)
        picture, words = picture_query(image, options, needs_words=not self._asks_by_picture)
        return words, picture

    @property
    def _speech_threads(self) -> int:
        return min(self._settings.n_threads, MAX_SPEECH_THREADS)

    @property
    def _asks_by_picture(self) -> bool:
        """Whether a space takes a picture as a query."""
        inner = [getattr(one, "inner", one) for one in self._encoders.values()]
        return any(isinstance(one, ImageQueryEncoder) for one in inner)

    @property
    def _sees(self) -> bool:
        """Whether a space looks at pictures."""
        return any(one.info.sees_images for one in self._encoders.values())

    @property
    def _image_side(self) -> int:
        """Pixels that the spaces that look need; 0 where one takes all there are."""
        sides = [one.info.image_side for one in self._encoders.values() if one.info.sees_images]
        return max(sides, default=0) if all(sides) else 0

    @property
    def _hears(self) -> bool:
        """Whether a space listens to sound."""
        return any(one.info.hears for one in self._encoders.values())


class Versions:
    """The versions of one collection, each opened when it is first needed."""

    def __init__(self, home: CollectionHome, catalog: Path, settings: Settings) -> None:
        """Look at the collection in the catalog's file."""
        self.home = home
        self.notes = GenerationStore(catalog, home.place)
        self.releases = ReleaseStore(catalog, home.place)
        self.judgements = JudgementStore(catalog, home.place)
        self.interactions = InteractionStore(catalog, home.place)
        self.experiments = ExperimentStore(catalog, home.place)
        self._reader = StandingReader(catalog, home.place)
        self._settings = settings
        self._mutex = threading.RLock()
        self._seen: Situation | None = None
        self._opened: dict[Generation, OpenGeneration] = {}

    def standing(self) -> Standing:
        """Return which versions there are by now.

        Raises:
            NotFoundError: the collection was dropped.
        """
        return self.now().standing

    def now(self) -> Situation:
        """Return which versions and which release there are by now; errors as `standing`."""
        now = self._reader.now()
        if now is not self._seen:
            self._let_go(now)
        return now

    def _let_go(self, now: Situation) -> None:
        """Close what was retired: its files take their space as long as somebody has them open."""
        with self._mutex:
            known = set(now.standing.versions.values())
            self._opened = {v: one for v, one in self._opened.items() if v in known}
            self._seen = now

    def live(self) -> OpenGeneration:
        """Return the version that queries are answered from."""
        return self.open(self.standing().live)

    def of_store(self, store: str) -> OpenGeneration:
        """Return a version that a store belongs to.

        Raises:
            NotFoundError: there is none; it was retired.
        """
        standing = self.standing()
        found = [one for one in standing.versions.values() if one.store == store]
        if not found:
            raise NotFoundError(
                f"Collection {self.home.name!r} has no index {store}: its version was retired."
            )
        return self.open(standing.live if standing.live in found else found[0])

    def open(self, version: Generation) -> OpenGeneration:
        """Return a version, opened once."""
        # One that was retired and made again has the same digest, and other files.
        with self._mutex:
            if version not in self._opened:
                self._opened[version] = OpenGeneration(self.home, version, self._settings)
            return self._opened[version]
