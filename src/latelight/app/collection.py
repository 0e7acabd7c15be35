"""A collection: add, search, explain, delete."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, Unpack

from latelight.app.adding import Runs, Workshop, make_job
from latelight.app.contents import Contents, ListedDocument
from latelight.app.counting import Keeping
from latelight.app.differences import (
    Difference,
    Side,
    asked,
    explain_difference,
    named,
    version_named,
)
from latelight.app.generations import backfill as backfill_runs
from latelight.app.generations import begin_candidate, compact_all, retire
from latelight.app.hits import Hits, SearchHit
from latelight.app.job import Job
from latelight.app.mirror import Mirror
from latelight.app.opened import CollectionHome, OpenGeneration, Versions
from latelight.app.plan import DEFAULT_GRID, Asked, Plan, make_plan
from latelight.app.release import Releases
from latelight.app.serving import Serving, keys_of
from latelight.app.similar import SearchOptions
from latelight.app.stats import Stats, StoredDocument
from latelight.app.studies import Studies
from latelight.app.view import Trial, View
from latelight.errors import InputError, NotFoundError
from latelight.evaluation import Qrels
from latelight.index.candidates import RecallLevel
from latelight.pipelines.inputs import sort_given
from latelight.pipelines.items import Addable
from latelight.pipelines.lock import PipelineLock
from latelight.pipelines.planning import PlanGrid, Told, tell_nothing
from latelight.pipelines.progress import Watch, watch_nothing
from latelight.pipelines.recall import RecallRow, measure_recall, sample_queries
from latelight.pipelines.records import check_metadata
from latelight.pipelines.request import GroupBy, SearchRequest
from latelight.pipelines.spec import PipelineSpec, SearchMode
from latelight.releases.catalog import Generation
from latelight.releases.jobs import Home, JobStore
from latelight.settings import Settings
from latelight.types import Document, Metadata


class Collection(Studies, Contents):
    """A named set of documents with one live pipeline. Get one from `Library.collection`."""

    def __init__(
        self, home: CollectionHome, catalog: Path, jobs: JobStore, settings: Settings
    ) -> None:
        """Open the collection of a library; models are loaded when first needed.

        Raises:
            NotFoundError: there is no such collection.
        """
        self.namespace, self.name = home.place
        super().__init__(Versions(home, catalog, settings))
        self._home = home
        self._jobs = jobs
        self._settings = settings
        self._mirror = Mirror(self._versions)
        keeping = Keeping(settings.shown_days, settings.shown_searches)
        self._serving = Serving(self._versions, keeping)
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
        job = self.prepare(what, metadata=metadata, doc_id=doc_id, name=name, progress=progress)
        job.start()
        if wait:
            job.wait_or_pause()
        return job

    def prepare(
        self,
        what: Addable,
        *,
        metadata: Metadata | None = None,
        doc_id: str = "",
        name: str = "",
        progress: Watch = watch_nothing,
    ) -> Job:
        """Return the job of `add`, written down but not begun; arguments and errors as there.

        What was given in memory is on the disk by now, and uploads have been moved to it, so that
        the job can be begun by any later process.
        """
        given = sort_given(what, check_metadata(metadata or {}), name=name, doc_id=doc_id)
        return Job(make_job(self._workshop(), given), progress)

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

    def delete_checked(self, doc_id: str, check: Callable[[Document], None]) -> None:
        """Delete a document unless `check`, which is shown it while nobody can change it, raises.

        Raises:
            NotFoundError: it is not there.
            WriterLockedError: another process is writing.
        """
        self._mirror.delete([doc_id], check)

    def compact(self) -> None:
        """Rewrite each generation without what was deleted; drop files that no one of them names.

        Readers go on with what they had opened.
        """
        compact_all(self._versions)

    # -- generations -----------------------------------------------------------------------

    def versions(self) -> dict[str, Generation]:
        """Return the collection's versions by their digest, oldest first."""
        return dict(self._versions.standing().versions)

    def aliases(self) -> dict[str, str]:
        """Return the digests of versions by the aliases that point at them."""
        return dict(self._versions.standing().aliases)

    def version(self, which: str) -> Generation:
        """Return a version by an alias, its digest, or the digest's beginning.

        Raises:
            NotFoundError: there is not exactly one such version.
        """
        return named(self._versions.standing(), which, self.name)

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
            job.wait_or_pause()
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

    def similar(
        self,
        doc_id: str,
        unit_id: str,
        *,
        box: Sequence[float] | None = None,
        span: Sequence[int] | None = None,
        time: Sequence[float] | None = None,
        **options: Unpack[SearchOptions],
    ) -> Hits:
        """Return the units that are most like a stored one, or like a region of it, best first.

        The region's own stored rows are the query, with the words there; nothing is encoded. The
        unit itself is not among the hits.

        Args:
            doc_id, unit_id: which unit.
            box: left, top, right, bottom of a region of its page or picture, in 0–1.
            span: start and end of characters of the document's text.
            time: start and end in seconds of its sound.
            options: k, filter, group_by, explain, exact, mode and recall, as for `search`.

        Raises:
            NotFoundError: there is no such document or unit.
            InputError: nothing stored lies in the region, or it is none.
        """
        return self.view().similar(doc_id, unit_id, box=box, span=span, time=time, **options)

    def interact(self, search_id: str, doc_id: str) -> None:
        """Note that somebody used a document of a search: for a release, an experiment, the log.

        Args:
            search_id: of the hits.
            doc_id: what was used.

        Raises:
            NotFoundError: no release, experiment or log of this collection knows the search.
            InputError: it did not show the document.
        """
        self._serving.interact(search_id, doc_id)

    @property
    def is_releasing(self) -> bool:
        """Whether a release or experiment takes part, and measures how long each search takes."""
        return self._serving.is_releasing

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
        key: str | Sequence[str | None] | None = None,
    ) -> list[Hits]:
        """Return the hits of several queries, in order, all from one state of the collection.

        The hits are those of `search`; queries share the threads and what they have in common.
        Times of stages that were done for several together are equal shares. A release routes each
        query by itself.

        Args:
            texts: the queries.
            k, filter, group_by, explain, exact, mode, recall: as for `search`.
            key: of one caller for all, or as many as there are queries.

        Raises:
            InputError: there are not as many keys as queries.
            QueryError: in one of them there is nothing to search for.
            FilterError: the filter cannot be understood.
        """
        if isinstance(texts, str):
            raise InputError(f"search_batch takes a list of texts; write [{texts!r}].")
        queries = list(texts)
        keys = keys_of(key, len(queries))

        def ask(version: OpenGeneration, numbers: Sequence[int]) -> list[Hits]:
            depth = version.spec.search.k if k is None else k
            options = (depth, filter, group_by, explain, mode, exact, recall)
            return version.search([SearchRequest(queries[n], *options) for n in numbers])

        return self._serving.search_batch(ask, keys)

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
        return self.view().explain(text, doc_id, unit_id=unit_id, mode=mode)

    def view(self, version: str = "live", *, pipeline: Trial | None = None) -> View:
        """Return one version to ask, beside any release; nothing that it answers is counted.

        Args:
            version: an alias, a digest, or the beginning of one.
            pipeline: to try in its place, saved nowhere: a name, path or spec, or sections with
                the fields that differ, such as `{"search": {"mode": "bm25"}}`.

        Raises:
            NotFoundError: there is not exactly one such version, or no such pipeline.
            ReleaseStateError: the version is not filled yet.
            SettingError: the pipeline is not valid.
            InputError: it differs in more than searches.
        """
        return View(version_named(self._versions, version), pipeline, self._settings)

    def explain_difference(  # noqa: PLR0913  the public call; each is what users name
        self,
        text: str,
        a: "str | Collection" = "live",
        b: "str | Collection" = "candidate",
        *,
        doc_ids: Sequence[str] = (),
        k: int = 10,
        depth: int = 100,
        filter: Mapping[str, Any] | None = None,
        mode: SearchMode = "auto",
        most: int = 3,
    ) -> Difference:
        """Return why version `b` answers a query differently from version `a`.

        Args:
            text: the query.
            a, b: versions of this collection (an alias, a digest, the beginning of one), or
                another collection, whose live version is meant.
            doc_ids: documents to look into; those that moved most when empty.
            k: how many hits a user sees; whoever enters or leaves these has moved.
            depth: how deep ranks are known.
            filter, mode: as for `search`.
            most: how many documents are looked into when none are named.

        Raises:
            NotFoundError: a version or document is not there.
            ReleaseStateError: a version is not filled yet.
            QueryError: there is nothing to search for.
        """
        sides = (self._side(a), self._side(b))
        request = asked(text, depth, k, filter=filter, mode=mode)
        return explain_difference(request, sides, k, doc_ids, most)

    def _side(self, which: "str | Collection") -> Side:
        if isinstance(which, Collection):
            return Side(which.name, which._versions.live())
        return Side(which, version_named(self._versions, which))

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

    def _workshop(self) -> Workshop:
        return Workshop(
            jobs=self._jobs,
            home=Home(self.namespace, self.name, self.digest),
            directory=self._home.jobs,
            mirror=self._mirror,
            backfill_niceness=self._settings.backfill_niceness,
        )


__all__ = ["Collection", "ListedDocument", "SearchHit", "Stats", "StoredDocument"]
