"""The objects of a client that waits: those of an embedded library, behind a server."""

from collections.abc import Iterator
from types import TracebackType
from typing import TYPE_CHECKING, Self

from latelight.app.hits import ExplainedHit, Hits, SearchHit
from latelight.app.view import Trial
from latelight.client import differences, drawing, evaluations, jobs, releases, server, talks, views
from latelight.client.address import Address, parse_address
from latelight.client.answers import Told
from latelight.client.bound import Attribute, Waiting, method, method_as
from latelight.client.calls import Place
from latelight.client.carriers import Carrier
from latelight.client.drawing import Asked
from latelight.client.jobs import Heard, Sent
from latelight.client.retries import Retries
from latelight.client.views import Viewed
from latelight.explain.heatmap import HeatMap
from latelight.explain.row_map import RowMap
from latelight.pipelines.progress import Event
from latelight.settings import read_settings

if TYPE_CHECKING:
    import httpx2
    from PIL import Image


class RemoteJob(Waiting[Sent]):
    """A job of a server; see `latelight.Job`. What was too much for one request is several there.

    `progress` of `add` hears of events while somebody waits. A job whose server was stopped is
    taken up by the next one.
    """

    def __repr__(self) -> str:
        return f"<job {self.id} at {self._carrier.address.url}>"

    @property
    def id(self) -> str:
        """Its name, for `Client.job` and `latelight jobs`; of several jobs the first one's."""
        return self._about.ids[0] if self._about.ids else ""

    @property
    def ids(self) -> tuple[str, ...]:
        """The names of all the jobs that it is on the server."""
        return self._about.ids

    state = Attribute(jobs.state)
    done = Attribute(jobs.done)
    progress = Attribute(jobs.progress)
    errors = Attribute(jobs.errors)
    failures = Attribute(jobs.failures)
    wait = method(jobs.wait)
    pause = method(jobs.pause)
    cancel = method(jobs.cancel)

    def start(self) -> Self:
        """As `resume`."""
        return self.resume()

    def resume(self) -> Self:
        """Go on after a pause, an interruption or a failure; return at once.

        Raises:
            JobRunningError: a run goes on.
        """
        self._carrier.run(jobs.resume(self._about))
        return self

    def retry_failed(self) -> Self:
        """Try the items again that have failed, and no others; return at once.

        Raises:
            JobRunningError: a run goes on.
        """
        self._carrier.run(jobs.retry_failed(self._about))
        return self

    def events(self) -> Iterator[Event]:
        """Return what happens, one event at a time; the last is `Ended`.

        A server tells numbers and failures: documents are not told one by one.
        """
        heard = Heard()
        while not heard.ended:
            yield from self._carrier.run(jobs.hear(self._about, heard))


class RemoteReleases(Waiting[Place]):
    """The releases of a server's collection; see `latelight.app.release.Releases`."""

    start = method(releases.start)
    step = method(releases.step)
    status = method(releases.status)
    promote = method(releases.promote)
    rollback = method(releases.rollback)
    abort = method(releases.abort)
    retire = method(releases.retire)


class RemoteEvaluations(Waiting[Place]):
    """Evaluations by a server: judged topics, searched in versions of a collection, compared.

    Here, `latelight.evaluation` and `latelight eval` do the same with a library's own files.
    """

    start = method(evaluations.start)
    list = method(evaluations.listed)
    get = method(evaluations.get)
    wait = method(evaluations.wait)
    report = method(evaluations.report)


class RemoteDrawer(Waiting[Asked]):
    """Draws the hits of one search."""

    def heatmap(self, hit: ExplainedHit, word: str | None) -> HeatMap:
        """As `SearchHit.heatmap`."""
        return self._carrier.run(drawing.heatmap(self._about, hit, word))

    def row_maps(self, hit: ExplainedHit) -> tuple[RowMap, ...]:
        """As `SearchHit.row_maps`."""
        return self._carrier.run(drawing.row_maps(self._about, hit))

    def page_image(self, hit: ExplainedHit) -> "Image.Image":
        """As `SearchHit.preview`."""
        return self._carrier.run(drawing.page_image(self._about, hit))


def _hits(collection: "RemoteCollection", told: Told) -> Hits:
    return _drawn(Asked(collection._about, told.mode, told.by_text), collection._carrier, told)


def _drawn(asked: Asked, carrier: Carrier, told: Told) -> Hits:
    drawer = RemoteDrawer(asked, carrier)
    hits = [SearchHit(**vars(hit), pictures=drawer) for hit in told.hits]
    return Hits(told.query, hits, told.stages, told.search_id)


def _every_hits(collection: "RemoteCollection", told: list[Told]) -> list[Hits]:
    return [_hits(collection, one) for one in told]


def _seen(view: "RemoteView", told: Told) -> Hits:
    own = view._about
    return _drawn(Asked(own.place, told.mode, told.by_text, own.own), view._carrier, told)


def _all_seen(view: "RemoteView", told: list[Told]) -> list[Hits]:
    return [_seen(view, one) for one in told]


class RemoteView(Waiting[Viewed]):
    """One version's answers; see `latelight.app.view.View`."""

    spec = Attribute(views.spec)
    search = method_as(views.search, _seen)
    search_batch = method_as(views.search_batch, _all_seen)
    similar = method_as(views.similar, _seen)
    explain = method_as(views.explain, _seen)


def _job(source: "RemoteCollection | Client", sent: Sent) -> RemoteJob:
    return RemoteJob(sent, source._carrier)


class RemoteCollection(Waiting[Place]):
    """A collection of a server; see `latelight.Collection`. Get one from `Client.collection`."""

    def __repr__(self) -> str:
        return f"<collection {self.name!r} at {self._carrier.address.url}>"

    @property
    def namespace(self) -> str:
        """Where it is."""
        return self._about.namespace

    @property
    def name(self) -> str:
        """What it is called."""
        return self._about.name

    spec = Attribute(talks.spec)
    digest = Attribute(talks.digest)
    add = method_as(talks.add, _job)
    job = method_as(talks.job, _job)
    delete = method(talks.delete)
    versions = method(talks.versions)
    search = method_as(talks.search, _hits)
    similar = method_as(talks.similar, _hits)
    interact = method(talks.interact)
    search_batch = method_as(talks.search_batch, _every_hits)
    explain = method_as(talks.explain, _hits)
    explain_difference = method(differences.explain_difference)
    get = method(talks.get)
    documents = method(talks.documents)
    stats = method(talks.stats)

    def view(self, version: str = "live", *, pipeline: Trial | None = None) -> RemoteView:
        """Return one version to ask, beside any release; nothing that it answers is counted.

        The server looks for it when it is asked; then it raises what `Collection.view` does.

        Args:
            version: an alias, a digest, or the beginning of one.
            pipeline: to try in its place, saved nowhere: a preset, the path of a YAML file here,
                a spec, or sections with the fields that differ.

        Raises:
            NotFoundError, SettingError: there is no such file, or it is no pipeline.
        """
        return RemoteView(views.viewed(self._about, version, pipeline=pipeline), self._carrier)

    @property
    def release(self) -> RemoteReleases:
        """Releases of another pipeline: start, step, status, promote, rollback, abort, retire."""
        return RemoteReleases(self._about, self._carrier)

    @property
    def evaluations(self) -> RemoteEvaluations:
        """Judged topics, searched in versions and compared: start, list, get, wait, report."""
        return RemoteEvaluations(self._about, self._carrier)


def _collection(client: "Client", place: Place) -> RemoteCollection:
    return RemoteCollection(place, client._carrier)


class Client(Waiting[Address]):
    """A library behind a server; see `latelight.Library`. Safe to use from several threads."""

    def __init__(
        self,
        url: str,
        *,
        api_key: str | None = None,
        retries: Retries | None = None,
        transport: "httpx2.BaseTransport | None" = None,
    ) -> None:
        """Talk with a server; nothing is sent yet.

        Args:
            url: such as `http://localhost:8080`.
            api_key: `LATELIGHT_API_KEY` when None.
            retries: how often and how long a request is tried.
            transport: of httpx2, where the network asks for something special.

        Raises:
            InputError: the URL is none, or holds a user, a password, a query or a fragment.
        """
        address = parse_address(url, read_settings().api_key if api_key is None else api_key)
        super().__init__(address, Carrier(address, retries or Retries(), transport))

    def __repr__(self) -> str:
        return f"latelight.open({self._about.url!r})"

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close the connections."""
        self._carrier.close()

    whoami = method(server.whoami)
    namespaces = method(server.namespaces)
    collections = method(server.collections)
    collection = method_as(server.opened, _collection)
    drop_collection = method(server.drop_collection)
    jobs = method(server.list_jobs)
    job = method_as(server.job, _job)

    def every_collection(self) -> Iterator[tuple[str, RemoteCollection]]:
        """Yield each collection of each namespace that the key opens, with the namespace's name."""
        for namespace, place in self._carrier.run(server.every_collection(self._about)):
            yield namespace, RemoteCollection(place, self._carrier)
