"""A library: one directory with everything in it."""

import json
import shutil
from collections.abc import Iterator
from pathlib import Path

from latelight.app.adding import JobSummary, state_of, sweep
from latelight.app.backup import NO_PROGRESS, back_up
from latelight.app.backup import Progress as BackupProgress
from latelight.app.backup import restore as restore_files
from latelight.app.checksums import LIST_NAME, Contents
from latelight.app.collection import Collection
from latelight.app.generations import as_spec, make_store, new_version
from latelight.app.job import Job
from latelight.app.opened import JOBS_NAME, CollectionHome
from latelight.app.workplace import is_unfinished
from latelight.errors import CorruptFileError, FormatVersionError, InputError, NotFoundError
from latelight.pipelines.items import LIBRARY_MARK
from latelight.pipelines.progress import Watch, watch_nothing
from latelight.pipelines.spec import PipelineSpec
from latelight.releases.catalog import CATALOG, Catalog, Generation, check_name
from latelight.releases.evaluations import EvaluationStore
from latelight.releases.experiments import ExperimentStore
from latelight.releases.generations import GenerationStore
from latelight.releases.interactions import InteractionStore
from latelight.releases.jobs import JobRecord, JobStore
from latelight.releases.judgements import JudgementStore
from latelight.releases.store import ReleaseStore
from latelight.settings import Settings, read_settings

FORMAT_VERSION = 1
_STORES = (GenerationStore, ReleaseStore, JudgementStore, ExperimentStore, InteractionStore)
"""What is written down of a collection, to be forgotten with it."""


def open(root: str | Path, *, settings: Settings | None = None) -> "Library":  # noqa: A001
    """Return the library in a directory, made when there is none yet.

    Raises:
        InputError: `root` is a URL, or a directory with other things in it.
        FormatVersionError: a newer Latelight wrote it.
    """
    if "://" in str(root):
        raise InputError(
            f"{str(root)!r} is a URL; a library is a directory, such as './library'. "
            "`latelight.open` opens servers, by http or https."
        )
    return Library(Path(root).expanduser(), settings or read_settings())


def restore(
    backup: str | Path,
    root: str | Path,
    *,
    settings: Settings | None = None,
    progress: BackupProgress = NO_PROGRESS,
) -> "Library":
    """Return a library in a new or empty directory with what a backup holds.

    The backup stays as it is. Every file is checked as it is copied; stopped at any moment,
    the directory is no library, and the same call starts again.

    Raises:
        NotFoundError: there is no finished backup.
        AlreadyExistsError: there is something in `root`.
        CorruptFileError, FormatVersionError: the backup is damaged, and the message names the file,
            or of another version; nothing was restored.
    """
    target = Path(root).expanduser()
    restore_files(Path(backup).expanduser(), target, progress)
    return Library(target, settings or read_settings())


class Library:
    """Collections in namespaces, under one directory."""

    def __init__(self, root: Path, settings: Settings) -> None:
        """Open `root`; see `latelight.open`."""
        self.root = root
        self.settings = settings
        _prepare(root)
        self._catalog = Catalog(root / CATALOG)
        self._jobs = JobStore(root / CATALOG)

    def __repr__(self) -> str:
        return f"latelight.open({str(self.root)!r})"

    def namespaces(self) -> list[str]:
        """Return the namespaces that hold a collection, sorted."""
        return self._catalog.namespaces()

    def collections(self, *, namespace: str = "default") -> list[str]:
        """Return the names of the collections, sorted."""
        return self._catalog.collections(namespace)

    def collection(
        self,
        name: str,
        *,
        create: bool = False,
        pipeline: str | Path | PipelineSpec = "default",
        namespace: str = "default",
    ) -> Collection:
        """Return a collection; with `create`, make it under `pipeline` when it is not there.

        Raises:
            NotFoundError: it is not there and `create` is false, or there is no such pipeline.
            SettingError: the pipeline is not valid.
            InputError: the name cannot be a collection's.
        """
        check_name("collection", name)
        check_name("namespace", namespace)
        if create and name not in self.collections(namespace=namespace):
            self._create(namespace, name, as_spec(pipeline))
        self._catalog.live(namespace, name)
        home = self._home(namespace, name)
        return Collection(home, self.root / CATALOG, self._jobs, self.settings)

    def generation(self, name: str, which: str, *, namespace: str = "default") -> Generation:
        """Return a collection's version by an alias, its digest, or the digest's beginning.

        Raises:
            NotFoundError: there is no such collection, or not one such version.
        """
        self._catalog.live(namespace, name)
        aliases = self._catalog.aliases(namespace, name)
        digest = aliases.get(which, which)
        found = [
            one
            for one in self._catalog.generations(namespace, name)
            if digest and one.digest.startswith(digest)
        ]
        exact = [one for one in found if one.digest == digest] or found
        if len(exact) != 1:
            digests = (one.digest for one in self._catalog.generations(namespace, name))
            raise NotFoundError(
                f"{which!r} names {len(exact)} versions of collection {name!r}; give an alias "
                f"({', '.join(aliases)}) or a digest ({', '.join(digests)})."
            )
        return exact[0]

    def drop_collection(self, name: str, *, namespace: str = "default") -> None:
        """Remove a collection with all that it holds; there is no way back.

        Raises:
            NotFoundError: there is no such collection.
        """
        home = self._home(namespace, name)
        self._catalog.drop(namespace, name)
        self._jobs.forget_collection(namespace, name)
        EvaluationStore(self.root / CATALOG).forget_collection(home.place)
        for store in _STORES:
            store(self.root / CATALOG, home.place).forget_all()
        shutil.rmtree(home.directory, ignore_errors=True)

    def every_collection(self) -> Iterator[tuple[str, Collection]]:
        """Yield each collection of each namespace with the namespace's name."""
        for directory in sorted((self.root / "ns").glob("*")):
            for name in self.collections(namespace=directory.name):
                yield directory.name, self.collection(name, namespace=directory.name)

    def jobs(
        self, *, namespace: str | None = None, collection: str | None = None
    ) -> list[JobSummary]:
        """Return the jobs, newest first, of one namespace or collection or of all."""
        return [
            JobSummary(record, state_of(record, self._home(*_place(record)).jobs))
            for record in self._jobs.all(namespace, collection)
        ]

    def job_summary(self, job_id: str) -> JobSummary:
        """Return how a job stands, by its whole id.

        Raises:
            NotFoundError: there is no such job.
        """
        record = self._jobs.get(job_id)
        if record.job_id != job_id:
            raise NotFoundError(f"No job {job_id!r}. `latelight jobs list` shows them all.")
        return JobSummary(record, state_of(record, self._home(*_place(record)).jobs))

    def count_failures(self, job_id: str) -> int:
        """Return how many items of a job could not be added so far."""
        return self._jobs.count_failures(job_id)

    def sweep_jobs(self) -> None:
        """Remove what jobs kept that are over: their process was killed before it could."""
        for kept in (self.root / "ns").glob(f"*/*/{JOBS_NAME}"):
            sweep(self._jobs, kept)

    def job(self, job_id: str, *, progress: Watch = watch_nothing) -> Job:
        """Return a job by its id, or by the beginning of it, to look at or to take up again.

        Raises:
            NotFoundError: there is no such job, or several.
        """
        namespace, name = _place(self._jobs.get(job_id))
        return self.collection(name, namespace=namespace).job(job_id, progress=progress)

    def backup(self, target: str | Path, *, progress: BackupProgress = NO_PROGRESS) -> Contents:
        """Copy everything to a new or empty directory while others read and write; say what.

        Each collection is in a state that was committed, verified, and with the originals of its
        documents. On one file system, files that never change are shared with the copy (hard
        links): to be safe from a broken disk, copy to another one.

        Raises:
            AlreadyExistsError: there is something in `target`.
            CorruptFileError: the library is damaged; the message names the file.
        """
        return back_up(self.root, Path(target).expanduser(), progress)

    def _create(self, namespace: str, name: str, spec: PipelineSpec) -> None:
        version = new_version(spec, self.settings)
        make_store(self._home(namespace, name), version)
        self._catalog.create(namespace, name, version)

    def _home(self, namespace: str, name: str) -> CollectionHome:
        return CollectionHome(namespace, name, self.root / "ns" / namespace / name)


def _place(record: JobRecord) -> tuple[str, str]:
    return record.namespace, record.collection


def _prepare(root: Path) -> None:
    _check_in_use(root)
    mark = root / LIBRARY_MARK
    if mark.is_file():
        _check_mark(mark)
        return
    if root.exists() and (not root.is_dir() or any(root.iterdir())):
        raise InputError(
            f"{root} is not a Latelight library and is not empty. Give another directory, or an "
            "empty one."
        )
    root.mkdir(parents=True, exist_ok=True)
    temporary = root / f"{LIBRARY_MARK}.new"
    temporary.write_text(json.dumps({"format": FORMAT_VERSION}) + "\n", encoding="utf-8")
    temporary.replace(mark)


def _check_in_use(root: Path) -> None:
    """Refuse what looks like a library but is a copy of one."""
    if is_unfinished(root):
        raise NotFoundError(
            f"{root} holds a copy of a library that was not finished. Repeat the command that made "
            "it, or remove the directory."
        )
    if (root / LIST_NAME).exists():
        raise InputError(
            f"{root} is a backup, which stays as it is. Make a library of it with "
            f"`latelight snapshot restore {root} DIRECTORY`."
        )


def _check_mark(mark: Path) -> None:
    try:
        version = json.loads(mark.read_text(encoding="utf-8"))["format"]
    except (ValueError, KeyError, TypeError) as error:
        raise CorruptFileError(f"{mark} cannot be read ({error}). Restore it.") from error
    if version != FORMAT_VERSION:
        raise FormatVersionError(
            f"{mark} says format {version}; this Latelight reads {FORMAT_VERSION}. "
            "Upgrade Latelight, or open the library with the version that wrote it."
        )


def existing(root: Path, settings: Settings) -> Library:
    """Return the library in `root` without making one.

    Raises:
        NotFoundError: there is no library.
    """
    if not (root / LIBRARY_MARK).is_file() and not is_unfinished(root):
        raise NotFoundError(
            f"No library in {root}. Make one with `latelight add --library {root} FILES`."
        )
    return Library(root, settings)
