"""The objects of a client that is awaited: as those of `waiting`, with `await` before each call."""

from collections.abc import AsyncIterator, Generator
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

from latelight.app.hits import ExplainedHit, Ranked
from latelight.app.view import Trial
from latelight.client import differences, drawing, evaluations, jobs, releases, server, talks, views
from latelight.client.address import Address, parse_address
from latelight.client.answers import Told
from latelight.client.bound import AsyncAttribute, Awaited, async_method, async_method_as
from latelight.client.calls import Place
from latelight.client.carriers import AsyncCarrier
from latelight.client.drawing import Asked
from latelight.client.jobs import Heard, Sent
from latelight.client.retries import Retries
from latelight.client.views import Viewed
from latelight.explain.heatmap import HeatMap
from latelight.explain.row_map import RowMap
from latelight.pipelines.progress import Event
from latelight.pipelines.spec import PipelineSpec
from latelight.settings import read_settings

if TYPE_CHECKING:
    import httpx2
    from PIL import Image


@dataclass(frozen=True)
class AsyncSearchHit(ExplainedHit):
    """A hit whose pictures are awaited; see `latelight.SearchHit`. `snippet()` is not."""

    asked: Asked | None = field(default=None, repr=False, compare=False)
    carrier: AsyncCarrier | None = field(default=None, repr=False, compare=False)

    async def heatmap(self, token: str | None = None) -> HeatMap:
        """As `SearchHit.heatmap`."""
        self.need_evidence()
        asked, carrier = self._bound
        return await carrier.run(drawing.heatmap(asked, self, token))

    async def row_maps(self) -> tuple[RowMap, ...]:
        """As `SearchHit.row_maps`."""
        asked, carrier = self._bound
        return await carrier.run(drawing.row_maps(asked, self))

    async def preview(self) -> "Image.Image":
        """As `SearchHit.preview`."""
        asked, carrier = self._bound
        return await carrier.run(drawing.page_image(asked, self))

    @property
    def _bound(self) -> tuple[Asked, AsyncCarrier]:
        assert self.asked is not None
        assert self.carrier is not None
        return self.asked, self.carrier


class AsyncHits(Ranked[AsyncSearchHit]):
    """The hits of one search, best first."""


class AsyncJob(Awaited[Sent]):
    """As `RemoteJob`; also what it tells as attributes is awaited: `await job.state`."""

    def __repr__(self) -> str:
        return f"<job {self.id} at {self._carrier.address.url}>"

    @property
    def id(self) -> str:
        """Its name; of several jobs the first one's."""
        return self._about.ids[0] if self._about.ids else ""

    @property
    def ids(self) -> tuple[str, ...]:
        """The names of all the jobs that it is on the server."""
        return self._about.ids

    state = AsyncAttribute(jobs.state)
    done = AsyncAttribute(jobs.done)
    progress = AsyncAttribute(jobs.progress)
    errors = AsyncAttribute(jobs.errors)
    failures = AsyncAttribute(jobs.failures)
    wait = async_method(jobs.wait)
    pause = async_method(jobs.pause)
    cancel = async_method(jobs.cancel)

    async def start(self) -> Self:
        """As `resume`."""
        return await self.resume()

    async def resume(self) -> Self:
        """As `RemoteJob.resume`."""
        await self._carrier.run(jobs.resume(self._about))
        return self

    async def retry_failed(self) -> Self:
        """As `RemoteJob.retry_failed`."""
        await self._carrier.run(jobs.retry_failed(self._about))
        return self

    async def events(self) -> AsyncIterator[Event]:
        """As `RemoteJob.events`, for `async for`."""
        heard = Heard()
        while not heard.ended:
            for event in await self._carrier.run(jobs.hear(self._about, heard)):
                yield event


class AsyncReleases(Awaited[Place]):
    """As `RemoteReleases`."""

    start = async_method(releases.start)
    step = async_method(releases.step)
    status = async_method(releases.status)
    promote = async_method(releases.promote)
    rollback = async_method(releases.rollback)
    abort = async_method(releases.abort)
    retire = async_method(releases.retire)


class AsyncEvaluations(Awaited[Place]):
    """As `RemoteEvaluations`."""

    start = async_method(evaluations.start)
    list = async_method(evaluations.listed)
    get = async_method(evaluations.get)
    wait = async_method(evaluations.wait)
    report = async_method(evaluations.report)


def _hits(collection: "AsyncCollection", told: Told) -> AsyncHits:
    return _drawn(Asked(collection._about, told.mode, told.by_text), collection._carrier, told)


def _drawn(asked: Asked, carrier: AsyncCarrier, told: Told) -> AsyncHits:
    own: dict[str, Any] = {"asked": asked, "carrier": carrier}
    hits = [AsyncSearchHit(**vars(hit), **own) for hit in told.hits]
    return AsyncHits(told.query, hits, told.stages, told.search_id)


def _every_hits(collection: "AsyncCollection", told: list[Told]) -> list[AsyncHits]:
    return [_hits(collection, one) for one in told]


def _seen(view: "AsyncView", told: Told) -> AsyncHits:
    own = view._about
    return _drawn(Asked(own.place, told.mode, told.by_text, own.own), view._carrier, told)


def _all_seen(view: "AsyncView", told: list[Told]) -> list[AsyncHits]:
    return [_seen(view, one) for one in told]


class AsyncView(Awaited[Viewed]):
    """As `RemoteView`."""

    spec = AsyncAttribute(views.spec)
    search = async_method_as(views.search, _seen)
    search_batch = async_method_as(views.search_batch, _all_seen)
    similar = async_method_as(views.similar, _seen)
    explain = async_method_as(views.explain, _seen)


def _job(source: "AsyncCollection | AsyncClient", sent: Sent) -> AsyncJob:
    return AsyncJob(sent, source._carrier)


class AsyncCollection(Awaited[Place]):
    """As `RemoteCollection`. Awaited itself, it looks whether it is there, or is made."""

    def __init__(
        self, about: Place, carrier: AsyncCarrier, *, pipeline: str | Path | PipelineSpec | None
    ) -> None:
        """Name a collection; `pipeline` makes it when it is awaited and not there."""
        super().__init__(about, carrier)
        self._pipeline = pipeline

    def __repr__(self) -> str:
        return f"<collection {self.name!r} at {self._carrier.address.url}>"

    def __await__(self) -> Generator[Any, None, Self]:
        return self._opened().__await__()

    async def _opened(self) -> Self:
        talk = server.opened(
            self._carrier.address,
            self.name,
            create=self._pipeline is not None,
            pipeline=self._pipeline or "default",
            namespace=self.namespace,
        )
        await self._carrier.run(talk)
        return self

    @property
    def namespace(self) -> str:
        """Where it is."""
        return self._about.namespace

    @property
    def name(self) -> str:
        """What it is called."""
        return self._about.name

    spec = AsyncAttribute(talks.spec)
    digest = AsyncAttribute(talks.digest)
    add = async_method_as(talks.add, _job)
    job = async_method_as(talks.job, _job)
    delete = async_method(talks.delete)
    versions = async_method(talks.versions)
    search = async_method_as(talks.search, _hits)
    similar = async_method_as(talks.similar, _hits)
    interact = async_method(talks.interact)
    search_batch = async_method_as(talks.search_batch, _every_hits)
    explain = async_method_as(talks.explain, _hits)
    explain_difference = async_method(differences.explain_difference)
    get = async_method(talks.get)
    documents = async_method(talks.documents)
    stats = async_method(talks.stats)

    def view(self, version: str = "live", *, pipeline: Trial | None = None) -> AsyncView:
        """As `RemoteCollection.view`; nothing is asked before it is used."""
        return AsyncView(views.viewed(self._about, version, pipeline=pipeline), self._carrier)

    @property
    def release(self) -> AsyncReleases:
        """Releases of another pipeline: start, step, status, promote, rollback, abort, retire."""
        return AsyncReleases(self._about, self._carrier)

    @property
    def evaluations(self) -> AsyncEvaluations:
        """Judged topics, searched in versions and compared: start, list, get, wait, report."""
        return AsyncEvaluations(self._about, self._carrier)


class AsyncClient(Awaited[Address]):
    """As `Client`, awaited; for asyncio and trio.

    ```python
    async with latelight.AsyncClient("http://localhost:8080") as db:
        hits = await db.collection("reports").search("what drove the cost of sales?")
    ```
    """

    def __init__(
        self,
        url: str,
        *,
        api_key: str | None = None,
        retries: Retries | None = None,
        transport: "httpx2.AsyncBaseTransport | None" = None,
    ) -> None:
        """Talk with a server; nothing is sent yet. Arguments and errors as `Client`."""
        address = parse_address(url, read_settings().api_key if api_key is None else api_key)
        super().__init__(address, AsyncCarrier(address, retries or Retries(), transport))

    def __repr__(self) -> str:
        return f"latelight.AsyncClient({self._about.url!r})"

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self.close()

    async def close(self) -> None:
        """Close the connections."""
        await self._carrier.close()

    def collection(
        self,
        name: str,
        *,
        create: bool = False,
        pipeline: str | Path | PipelineSpec = "default",
        namespace: str = "default",
    ) -> AsyncCollection:
        """Return a collection; nothing is asked before it is used, or awaited itself.

        `await client.collection("reports", create=True)` makes it when it is not there.

        Raises:
            InputError: the name cannot be a collection's.
        """
        place = server.checked(name, namespace)
        return AsyncCollection(place, self._carrier, pipeline=pipeline if create else None)

    whoami = async_method(server.whoami)
    namespaces = async_method(server.namespaces)
    collections = async_method(server.collections)
    drop_collection = async_method(server.drop_collection)
    jobs = async_method(server.list_jobs)
    job = async_method_as(server.job, _job)

    async def every_collection(self) -> AsyncIterator[tuple[str, AsyncCollection]]:
        """Yield each collection of each namespace that the key opens, with the namespace's name."""
        for namespace, place in await self._carrier.run(server.every_collection(self._about)):
            yield namespace, AsyncCollection(place, self._carrier, pipeline=None)
