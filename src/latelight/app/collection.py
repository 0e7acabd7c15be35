"""A collection: add, search, explain, delete."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from latelight.app.adding import Runs, Workshop, make_job
from latelight.app.generations import backfill as backfill_runs
from latelight.app.generations import begin_candidate, compact_all, retire
from latelight.app.hits import Hits, SearchHit
from latelight.app.job import Job
from latelight.app.mirror import Mirror
from latelight.app.opened import CollectionHome, OpenGeneration, Versions
from latelight.app.plan import DEFAULT_GRID, Asked, Plan, make_plan
from latelight.app.release import Releases
from latelight.app.serving import Serving
from latelight.errors import InputError, NotFoundError
from latelight.evaluation import Qrels
from latelight.index import Problem
from latelight.index.candidates import RecallLevel
from latelight.pipelines.inputs import sort_given
from latelight.pipelines.items import Addable
from latelight.pipelines.lock import PipelineLock
from latelight.pipelines.planning import PlanGrid, Told, tell_nothing
from latelight.pipelines.progress import Watch, watch_nothing
from latelight.pipelines.query import explain_units
from latelight.pipelines.recall import RecallRow, measure_recall, sample_queries
from latelight.pipelines.records import check_metadata
from latelight.pipelines.request import GroupBy, SearchRequest
from latelight.pipelines.spec import PipelineSpec, SearchMode
from latelight.releases.catalog import Generation
from latelight.releases.jobs import Home, JobStore
from latelight.settings import Settings
from latelight.types import Document, Metadata, Unit


@dataclass(frozen=True)
class StoredDocument:
    """A document with its units, as stored."""

    document: Document
    units: tuple[Unit, ...]


@dataclass(frozen=True)
class Stats:
    """What a collection holds.

    Attributes:
        n_documents: live ones.
        n_units: live ones.
        n_rows: stored vectors of all spaces, deleted ones included until compaction.
        n_segments: immutable files.
        n_bytes: of the index on disk.
        n_original_bytes: of the kept files.
        pipeline: name of the pipeline's spec.
        digest: version of the pipeline.
        spaces: by name: encoder, dim, store, bits of codes; what the self-check has seen in this
            process: recall (None before the first check), n_checks, widening.
    """

    n_documents: int
    n_units: int
    n_rows: int
    n_segments: int
    n_bytes: int
    n_original_bytes: int
    pipeline: str
    digest: str
    spaces: Mapping[str, Mapping[str, Any]]

    def to_dict(self) -> dict[str, Any]:
        """Return the JSON form."""
        return asdict(self)


class Collection:
    """A named set of documents with one live pipeline. Get one from `Library.collection`."""

    def __init__(
        self, home: CollectionHome, catalog: Path, jobs: JobStore, settings: Settings
    ) -> None:
        """Open the collection of a library; models are loaded when first needed.

        Raises:
            NotFoundError: there is no such collection.
        """
        self.namespace, self.name = home.place
        self._home = home
        self._jobs = jobs
        self._settings = settings
        self._versions = Versions(home, catalog, settings)
        self._mirror = Mirror(self._versions)
        self._serving = Serving(self._versions)
        self._versions.live()

    def __repr__(self) -> str:
        return f"<collection {self.name!r}, pipeline {self.spec.name} {self.digest}>"

    @property
    def spec(self) -> PipelineSpec:
        """The live pipeline."""
        return self._versions.live().spec

    @property
    def lock(self) -> PipelineLock:
        """What the live generation's vectors depend on."""
        return self._versions.live().lock

    @property
    def digest(self) -> str:
        """The live version's."""
        return self._versions.standing().live.digest

    # -- writing ---------------------------------------------------------------------------

    def add(
        self,
        what: Addable,
        *,
        metadata: Metadata | None = None,
        doc_id: str = "",
        name: str = "",
        progress: Watch = watch_nothing,
        wait: bool = True,
    ) -> Job:
        """Add files, folders, globs, bytes or records; return the job, finished or running.

        What is there already, unchanged, is skipped; a file that cannot be read fails alone and
        is named in the job's report. Stopped at any moment, the same call goes on where it was.

        Args:
            what: a path, folder or glob; bytes (with `name`); a record `{"id", "title", "text",
                ...}`, or with `path`, `bytes` or `vectors`; or several of these, also from a
                generator. A `.jsonl` file holds records.
            metadata: filterable values for every document of this call.
            doc_id: the id of a single document; new content under it replaces the old.
            name: what bytes are called.
            progress: is called with each event, from the job's threads.
            wait: False returns at once, with the job running in a thread.

        Raises:
            NotFoundError: a path names nothing.
            InputError: metadata or records are malformed.
            JobRunningError: another process is adding just this.
            WriterLockedError: another process kept the collection locked for minutes.
        """
        given = sort_given(what, check_metadata(metadata or {}), name=name, doc_id=doc_id)
        job = Job(make_job(self._workshop(), given), progress).start()
        if wait:
            _wait_or_pause(job)
        return job

    def job(self, job_id: str, *, progress: Watch = watch_nothing) -> Job:
        """Return a job of this collection, to look at or to take up again.

        Raises:
            NotFoundError: it has no such job.
        """
        record = self._jobs.get(job_id)
        if (record.namespace, record.collection) != (self.namespace, self.name):
            raise NotFoundError(f"Job {job_id!r} is of collection {record.collection!r}.")
        return Job(Runs(self._workshop(), record.job_id), progress)

    def delete(self, doc_ids: Iterable[str]) -> int:
        """Delete documents by id and return how many were there.

        Raises:
            WriterLockedError: another process is writing.
        """
        if isinstance(doc_ids, str):
            raise InputError(f"delete takes a list of ids; write delete([{doc_ids!r}]).")
        return self._mirror.delete(doc_ids)

    def compact(self) -> None:
        """Rewrite each generation without what was deleted; drop files that no one of them names.

        Readers go on with what they had opened.
        """
        compact_all(self._versions)

    # -- generations -----------------------------------------------------------------------

    def versions(self) -> dict[str, Generation]:
        """Return the collection's versions by their digest, oldest first."""
        return dict(self._versions.standing().versions)

    def begin_candidate(self, pipeline: str | Path | PipelineSpec) -> Generation:
        """Make a second version, under another pipeline, for `backfill` to fill.

        From now on everything that is written goes to both. Where only searches differ it shares
        the live version's index, and nothing has to be filled.

        Raises:
            NotFoundError, SettingError: there is no such pipeline, or it is not valid.
            ReleaseStateError: it is the live one, or there is another candidate.
        """
        return begin_candidate(self._versions, pipeline, self._settings)

    def backfill(self, *, progress: Watch = watch_nothing, wait: bool = True) -> Job:
        """Fill the candidate from the originals, texts and rows that are kept; return the job.

        Stopped at any moment, the same call (or the job's `resume`) goes on where it was.

        Raises:
            NotFoundError: there is no candidate.
            JobRunningError: another process is at it.
        """
        job = Job(backfill_runs(self._workshop(), self._versions), progress).start()
        if wait:
            _wait_or_pause(job)
        return job

    def retire(self, digest: str) -> None:
        """Remove a version that is not live, with its index.

        Raises:
            ReleaseStateError: it is the live one.
        """
        retire(self._versions, self._mirror, digest)

    @property
    def release(self) -> Releases:
        """Releases of another pipeline: start, step, status, promote, rollback, abort, retire."""
        parts = (self._versions, self._mirror, self._serving, self._workshop)
        return Releases(*parts, self._settings)

    # -- searching -------------------------------------------------------------------------

    def search(  # noqa: PLR0913  the public call; each is what users name
        self,
        text: str | None = None,
        *,
        image: str | Path | bytes | None = None,
        k: int | None = None,
        filter: Mapping[str, Any] | None = None,
        group_by: GroupBy | None = None,
        explain: bool = False,
        exact: bool = False,
        mode: SearchMode = "auto",
        recall: RecallLevel = "balanced",
        key: str | None = None,
    ) -> Hits:
        """Return the best units for a query, best first.

        Args:
            text: the query.
            image: a picture (path or bytes) to search with instead: by what it looks like in spaces
                that see, and by the words on it.
            k: how many hits at most; the pipeline's default is 10.
            filter: metadata filter, such as `{"year": {"$gte": 2023}}`.
            group_by: `"document"` keeps the best unit of each document.
            explain: give hits their evidence, so that `snippet()` and `heatmap()` work.
            exact: score every allowed unit. Small collections and tight filters always do.
            mode: `"maxsim"`, `"bm25"`, `"hybrid"`, or `"auto"` for the pipeline's choice.
            recall: `"fast"`, `"balanced"` or `"best"`: how hard a large collection is searched for
                candidates; whatever is found has its exact score.
            key: names the caller, who is answered by the same version while a release goes on; each
                search for itself when None.

        Raises:
            QueryError: there is nothing to search for.
            FilterError: the filter cannot be understood.
        """

        def ask(version: OpenGeneration) -> Hits:
            query, picture = version.query(text, image)
            depth = version.spec.search.k if k is None else k
            options = (depth, filter, group_by, explain, mode, exact, recall)
            return version.search([SearchRequest(query, *options, image=picture)])[0]

        return self._serving.search(ask, key)

    def interact(self, search_id: str, doc_id: str) -> None:
        """Count that somebody used a document of a search, where a release wants to know.

        Args:
            search_id: of the hits.
            doc_id: what was used.

        Raises:
            NotFoundError: the search takes part in no release of this collection.
        """
        self._serving.interact(search_id, doc_id)

    def search_batch(  # noqa: PLR0913  as `search`
        self,
        texts: Iterable[str],
        *,
        k: int | None = None,
        filter: Mapping[str, Any] | None = None,
        group_by: GroupBy | None = None,
        explain: bool = False,
        exact: bool = False,
        mode: SearchMode = "auto",
        recall: RecallLevel = "balanced",
    ) -> list[Hits]:
        """Return the hits of several queries, in order, all from one state of the collection.

        The hits are those of `search`; queries share the threads and what they have in common.
        Times of stages that were done for several together are equal shares.

        Args:
            texts: the queries.
            k, filter, group_by, explain, exact, mode, recall: as for `search`.

        Raises:
            QueryError: in one of them there is nothing to search for.
            FilterError: the filter cannot be understood.
        """
        if isinstance(texts, str):
            raise InputError(f"search_batch takes a list of texts; write [{texts!r}].")
        live = self._versions.live()
        depth = live.spec.search.k if k is None else k
        options = (depth, filter, group_by, explain, mode, exact, recall)
        return live.search([SearchRequest(text, *options) for text in texts])

    def explain(
        self, text: str, doc_id: str, *, unit_id: str = "", mode: SearchMode = "auto"
    ) -> Hits:
        """Return a document's units with evidence for a query, best first, however they rank.

        Args:
            text: the query.
            doc_id: the document.
            unit_id: one unit of it; all when empty.
            mode: as for `search`.

        Raises:
            NotFoundError: there is no such document or unit.
        """
        live = self._versions.live()
        reader = live.reader()
        ordinals = reader.snapshot.find(doc_id)
        if unit_id:
            ordinals = [i for i in ordinals if reader.snapshot.unit(i).unit_id == unit_id]
            if not ordinals:
                raise NotFoundError(f"Document {doc_id!r} has no unit {unit_id!r}.")
        return live.hits(reader, explain_units(reader, text, ordinals, mode))

    def measure_recall(
        self, queries: Sequence[str] | None = None, *, n: int = 100, k: int = 10
    ) -> list[RecallRow]:
        """Return how much of an exact search each recall level finds, and how fast, by space.

        Args:
            queries: texts; None draws `n` from the documents themselves.
            n: how many to draw.
            k: depth of recall.
        """
        reader = self._versions.live().reader()
        return list(measure_recall(reader, queries or sample_queries(reader, n), k))

    def plan(  # noqa: PLR0913  the public call; each is what users name
        self,
        queries: Sequence[str] | Mapping[str, str] | None = None,
        *,
        qrels: Qrels | None = None,
        measure: str = "nDCG@10",
        space: str = "",
        grid: PlanGrid = DEFAULT_GRID,
        n: int = 100,
        told: Told = tell_nothing,
    ) -> Plan:
        """Return what pooling, coding and search depth cost on these very documents.

        Nothing is changed; rows are compressed anew in a scratch directory.

        Args:
            queries: texts, or texts by topic where there are judgements; None draws `n` from the
                documents themselves.
            qrels: judgements by topic and doc_id, or unit (`report#p3`). Without them quality is
                agreement: how much of the best of an exact search over all rows comes back.
            measure: of quality, where there are judgements.
            space: whose rows are tried; the first one when empty.
            grid: what is tried.
            n: how many queries to draw.
            told: is called with (points done, all points).

        Raises:
            InputError: there are judgements without topics, or nothing to search.
        """
        reader = self._versions.live().reader()
        return make_plan(reader, queries, Asked(qrels, measure, space, grid, n), told)

    # -- looking ---------------------------------------------------------------------------

    def get(self, doc_id: str) -> StoredDocument:
        """Return a document with its units.

        Raises:
            NotFoundError: there is no such document.
        """
        snapshot = self._versions.live().store.snapshot()
        units = tuple(snapshot.unit(i) for i in snapshot.find(doc_id))
        return StoredDocument(snapshot.document(doc_id), units)

    def documents(self) -> list[Document]:
        """Return every document, in the order in which they were written."""
        return list(self._versions.live().store.snapshot().documents())

    def stats(self) -> Stats:
        """Return what the collection holds."""
        live = self._versions.live()
        snapshot = live.store.snapshot()
        return Stats(
            n_documents=snapshot.n_documents,
            n_units=snapshot.n_live_units,
            n_rows=snapshot.n_rows,
            n_segments=len(snapshot.manifest.segments),
            n_bytes=_bytes_below(live.store.path),
            n_original_bytes=_bytes_below(self._home.originals),
            pipeline=live.spec.name,
            digest=live.version.digest,
            spaces={
                space: {
                    "encoder": given.encoder,
                    "dim": live.lock.encoders[space].dim,
                    "store": given.store,
                    "bits": snapshot.spaces[space].bits,
                    **asdict(live.self_check.observed(space)),
                }
                for space, given in live.spec.spaces.items()
            },
        )

    def verify(self) -> list[Problem]:
        """Check every byte of every generation; return what is wrong, nothing when all is well."""
        stores = {one.store: one for one in self._versions.standing().versions.values()}
        found = (self._versions.open(one).store.verify() for one in stores.values())
        return [problem for problems in found for problem in problems]

    def _workshop(self) -> Workshop:
        return Workshop(
            jobs=self._jobs,
            home=Home(self.namespace, self.name, self.digest),
            directory=self._home.jobs,
            mirror=self._mirror,
        )


def _wait_or_pause(job: Job) -> None:
    """Wait for the end; Ctrl-C lets the batch in flight be published first."""
    try:
        job.wait()
    except KeyboardInterrupt:
        job.pause()
        job.wait()
        raise


def _bytes_below(directory: Path) -> int:
    return sum(path.stat().st_size for path in directory.rglob("*") if path.is_file())


__all__ = ["Collection", "SearchHit", "Stats", "StoredDocument"]
