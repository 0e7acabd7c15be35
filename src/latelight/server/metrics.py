"""Numbers for Prometheus: requests, searches by stage, jobs, recall, bytes for each row."""

from collections.abc import Callable, Iterable, Mapping

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest
from prometheus_client.exposition import CONTENT_TYPE_LATEST

from latelight.app import Collection
from latelight.app.hits import Hits
from latelight.errors import LatelightError

MEDIA_TYPE = CONTENT_TYPE_LATEST
_SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30)


class Metrics:
    """One server's numbers, in a registry of its own."""

    def __init__(self, jobs: Callable[[], Mapping[str, int]]) -> None:
        """Begin at zero; `jobs` says how many run and wait."""
        self.registry = CollectorRegistry()
        self._jobs = jobs
        self._requests = Counter(
            "latelight_requests",
            "Requests answered.",
            ("method", "route", "status"),
            registry=self.registry,
        )
        self._seconds = Histogram(
            "latelight_request_seconds",
            "From the first byte of a request to the last of its answer.",
            ("method", "route"),
            buckets=_SECONDS,
            registry=self.registry,
        )
        self._stages = Histogram(
            "latelight_search_stage_seconds",
            "Time of each stage of searches.",
            ("stage",),
            buckets=_SECONDS,
            registry=self.registry,
        )
        self._searches = Counter(
            "latelight_searches", "Searches answered, each of a batch.", registry=self.registry
        )
        self._job_count = Gauge(
            "latelight_jobs", "Jobs of this server.", ("state",), registry=self.registry
        )
        place = ("namespace", "collection")
        self._documents = Gauge("latelight_documents", "Documents.", place, registry=self.registry)
        self._rows = Gauge(
            "latelight_rows", "Stored vectors of all spaces.", place, registry=self.registry
        )
        self._row_bytes = Gauge(
            "latelight_bytes_per_row", "Of the index on disk.", place, registry=self.registry
        )
        self._recall = Gauge(
            "latelight_observed_recall",
            "Mean recall of the ten best that checks of live searches have seen.",
            (*place, "space"),
            registry=self.registry,
        )

    def answered(self, method: str, route: str, status: int, seconds: float) -> None:
        """Count a request."""
        self._requests.labels(method, route, str(status)).inc()
        self._seconds.labels(method, route).observe(seconds)

    def searched(self, hits: Hits) -> None:
        """Count a search, with its stages."""
        self._searches.inc()
        for stage in hits.stages:
            self._stages.labels(stage.name).observe(stage.milliseconds / 1000)

    def exposed(self, opened: Iterable[Collection]) -> bytes:
        """Return all numbers as text, those of opened collections as they are now."""
        for state, n_jobs in self._jobs().items():
            self._job_count.labels(state).set(n_jobs)
        for gauge in (self._documents, self._rows, self._row_bytes, self._recall):
            gauge.clear()  # a collection may be gone
        for target in opened:
            try:
                self._look(target)
            except LatelightError:
                continue
        return generate_latest(self.registry)

    def _look(self, target: Collection) -> None:
        stats, place = target.stats(), (target.namespace, target.name)
        self._documents.labels(*place).set(stats.n_documents)
        self._rows.labels(*place).set(stats.n_rows)
        if stats.n_rows:
            self._row_bytes.labels(*place).set(stats.n_bytes / stats.n_rows)
        for space, seen in stats.spaces.items():
            if seen["recall"] is not None:
                self._recall.labels(*place, space).set(seen["recall"])
