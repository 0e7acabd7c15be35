"""Everything that handlers share: the library, its opened collections, threads, jobs."""

import threading
from concurrent.futures import ThreadPoolExecutor

from starlette.requests import Request

from latelight.app import Collection, Library
from latelight.app.adding import JobSummary
from latelight.app.hits import Hits
from latelight.errors import LatelightError, NotFoundError
from latelight.releases.catalog import CATALOG
from latelight.releases.evaluations import EvaluationStore
from latelight.releases.keys import KeyStore
from latelight.releases.service import ServiceStore
from latelight.server.auth import Caller, Guard
from latelight.server.config import ServerConfig
from latelight.server.hits_json import answer_of
from latelight.server.idempotency import InFlight
from latelight.server.json_answers import encoded
from latelight.server.limits import Concurrency, Rate
from latelight.server.metrics import Metrics
from latelight.server.pictures import PictureCache
from latelight.server.pools import Pool
from latelight.server.problems import not_found
from latelight.server.runner import Runner
from latelight.server.stepping import Stepper
from latelight.server.together import Together
from latelight.server.tracing import Tracer, no_tracer
from latelight.server.uploads import Incoming
from latelight.settings import available_cores

N_LOOKERS = 8
N_BACKGROUND = 2


class Service:
    """One server's; made before it starts, closed when it stops."""

    def __init__(self, library: Library, config: ServerConfig, tracer: Tracer = no_tracer) -> None:
        """Serve a library; nothing runs before `start`."""
        self.library = library
        self.config = config
        self.tracer = tracer
        catalog = library.root / CATALOG
        self.keys = KeyStore(catalog)
        self.store = ServiceStore(catalog)
        self.evaluations = EvaluationStore(catalog)
        self.guard = Guard(self.keys, is_loopback=config.is_loopback)
        self.rate = Rate(config.requests_per_second, config.burst)
        self.searching = Concurrency(config.searches_per_key)
        n_threads = config.n_search_threads or max(available_cores(), 2)
        self.searches = Pool("search", n_threads, config.most_waiting)
        self.looking = Pool("look", N_LOOKERS, config.most_waiting)
        self.writing = Pool("write", N_LOOKERS, config.most_waiting)
        self.background = ThreadPoolExecutor(N_BACKGROUND, thread_name_prefix="latelight-after")
        self.runner = Runner(library, self.store, config.n_jobs)
        self.stepper = Stepper(self.background)
        self.incoming = Incoming(library.root)
        self.pictures = PictureCache()
        self.in_flight = InFlight()
        self.metrics = Metrics(self.runner.counts)
        self.together = Together(self.searches, self.collection, self.answer, tracer)
        self.is_ready = False
        self.stopping = threading.Event()
        self._mutex = threading.Lock()
        self._collections: dict[tuple[str, str], Collection] = {}

    def collection(self, namespace: str, name: str) -> Collection:
        """Return a collection, opened once.

        Raises:
            NotFoundError: it is not there.
        """
        place = (namespace, name)
        with self._mutex:
            known = self._collections.get(place)
        if known is not None:
            try:
                known.digest  # noqa: B018  it may have been dropped by another process
            except NotFoundError:
                self.forget(namespace, name)
            else:
                return known
        opened = self.library.collection(name, namespace=namespace)
        with self._mutex:
            return self._collections.setdefault(place, opened)

    def answer(self, hits: Hits, took_ms: float, explain: bool, profile: bool) -> bytes:
        """Return the outcome of a search as JSON, and count it."""
        self.metrics.searched(hits)
        return encoded(answer_of(hits, took_ms, explain=explain, profile=profile))

    def opened(self) -> list[Collection]:
        """Return the collections that were used so far."""
        with self._mutex:
            return list(self._collections.values())

    def forget(self, namespace: str, name: str) -> None:
        """Let go of a collection that was dropped."""
        with self._mutex:
            self._collections.pop((namespace, name), None)

    def job(self, job_id: str, caller: Caller) -> JobSummary:
        """Return a job by its whole id.

        Raises:
            Refusal: there is none that the caller may know of.
        """
        try:
            found = self.library.job_summary(job_id)
        except NotFoundError:
            found = None
        if found is None or not caller.sees(found.record.namespace):
            raise not_found(f"There is no job {job_id!r}")
        return found

    def warm_up(self) -> None:
        """Load the models of every collection, so that no search has to wait for them."""
        for _, target in self.library.every_collection():
            try:
                self.collection(target.namespace, target.name).load()
            except LatelightError:  # told to whoever searches there
                continue
        self.is_ready = True


def service_of(request: Request) -> Service:
    """Return the service of a request's server."""
    found = request.app.state.service
    assert isinstance(found, Service)
    return found


def caller_of(request: Request) -> Caller:
    """Return who makes a request, as admitted by its route."""
    found = request.state.caller
    assert isinstance(found, Caller)
    return found
