"""A whole library copied while it is used, and put back.

A backup is a directory laid out as a library, with a list of its files' checksums. Each generation
is in a state that was committed, and the originals are those of its documents.
"""

import shutil
import time
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from pathlib import Path

from latelight import __version__
from latelight.app.checksums import LIST_NAME, Contents, Listing, digest_of, read_listing
from latelight.app.workplace import Workplace, is_unfinished
from latelight.errors import CorruptFileError, LatelightError, NotFoundError, StorageError
from latelight.index import Store, WriterOptions
from latelight.index.files import LOCAL_FILES, Files, write_file
from latelight.index.lock import LOCK_NAME
from latelight.pipelines.extracted import has_original
from latelight.pipelines.items import LIBRARY_MARK, UNFINISHED_MARK
from latelight.pipelines.originals import Originals
from latelight.releases.catalog import CATALOG, Catalog, Place, store_of
from latelight.releases.generations import mark_unfinished
from latelight.types import Document

ORIGINALS = "originals"
_ATTEMPTS = 10  # each further one means that what was being copied was removed meanwhile
_PAUSE_SECONDS = 0.05

Progress = Callable[[str, int, int], None]
"""Called with what is being done, and how many bytes of how many of it are done."""


def NO_PROGRESS(what: str, done: int, total: int) -> None:  # noqa: N802
    """Report nothing."""


# Making one


def back_up(
    root: Path, target: Path, progress: Progress = NO_PROGRESS, files: Files = LOCAL_FILES
) -> Contents:
    """Copy the library in `root` to a new or empty directory and return what was copied.

    Raises:
        AlreadyExistsError: there is something in `target`.
        CorruptFileError: the library is damaged; the message names the file.
        WriterLockedError: another process is filling `target`.
    """
    began = datetime.now(UTC).isoformat(timespec="seconds")
    with Workplace(target, files) as work:
        places, n_documents = _copied(root, work, progress, files)
        digests = _checked_digests(root, target, progress)
        contents = Contents(
            created_at=began,
            latelight=__version__,
            n_collections=len({(place.namespace, place.collection) for place in places}),
            n_generations=len(places),
            n_documents=n_documents,
            n_files=len(digests),
            n_bytes=sum((target / path).stat().st_size for path in digests),
        )
        write_file(target / LIST_NAME, Listing(contents, digests).to_bytes(), files)
    return contents


def _copied(
    root: Path, work: Workplace, progress: Progress, files: Files
) -> tuple[list[Place], int]:
    """Copy all files; return the generations and how many documents they hold.

    It begins again when a collection was dropped while it was copied.
    """
    catalog = Catalog(root / CATALOG)
    for attempt in range(_ATTEMPTS):
        work.clear()
        write_file(work.path / LIBRARY_MARK, (root / LIBRARY_MARK).read_bytes(), files)
        catalog.copy_to(work.path / CATALOG)
        mark_unfinished(work.path / CATALOG)
        places = Catalog(work.path / CATALOG).every_generation()
        try:
            n_documents = _copy_collections(root, work.path, places, progress, files)
        except (LatelightError, OSError):
            was_dropped = set(places) - set(catalog.every_generation())
            if attempt == _ATTEMPTS - 1 or not was_dropped:
                raise
        else:
            break
    return places, n_documents


def _copy_collections(
    root: Path, target: Path, places: Sequence[Place], progress: Progress, files: Files
) -> int:
    by_collection: dict[Path, list[str]] = {}
    for place in places:
        directory = Path("ns") / place.namespace / place.collection
        stores = by_collection.setdefault(directory, [])
        if store_of(place.digest) not in stores:
            stores.append(store_of(place.digest))
    return sum(
        _Collection(root / below, target / below, digests, progress, files).copy()
        for below, digests in by_collection.items()
    )


class _Collection:
    """One collection on its way into a backup."""

    def __init__(
        self,
        source: Path,
        target: Path,
        digests: Sequence[str],
        progress: Progress,
        files: Files,
    ) -> None:
        self._source = source
        self._target = target
        self._progress = progress
        self._files = files
        self._name = f"{source.parent.name}/{source.name}"
        options = WriterOptions(files=files)
        self._stores = {
            digest: Store.open(source / "generations" / digest, options=options)
            for digest in digests
        }
        self._originals = Originals(source / ORIGINALS)

    def copy(self) -> int:
        """Copy the newest states and their originals; return how many documents they hold."""
        for _ in range(_ATTEMPTS):
            n_documents, named = self._copy_states()
            missing = self._copy_originals(named)
            if missing is None:
                return n_documents
            if self._is_lost(missing):
                raise CorruptFileError(
                    f"{self._originals.path(missing.sha256)}, the original of document "
                    f"{missing.doc_id!r} ({missing.source}), is missing. Add the file again, or "
                    "delete the document; then repeat the backup."
                )
            time.sleep(_PAUSE_SECONDS)
        raise StorageError(f"{self._source} changed {_ATTEMPTS} times while copied. Try again.")

    def _copy_states(self) -> tuple[int, dict[str, Document]]:
        """Copy each generation; return the number of documents, and by digest those of files."""
        n_documents = 0
        named: dict[str, Document] = {}
        for digest, store in self._stores.items():
            target = self._target / "generations" / digest
            if target.exists():  # of an attempt before
                shutil.rmtree(target)
            store.backup(target, self._told("index"))
            copy = Store.open(target)
            documents = list(copy.snapshot().documents())
            copy.release()
            n_documents += len(documents)
            named |= {one.sha256: one for one in documents if has_original(one)}
        return n_documents, named

    def _copy_originals(self, named: dict[str, Document]) -> Document | None:
        """Copy the files of documents and no others; return one whose file is not there."""
        (self._target / ORIGINALS).mkdir(parents=True, exist_ok=True)
        copies, tell = Originals(self._target / ORIGINALS), self._told(ORIGINALS)
        done, total = 0, sum(document.n_bytes for document in named.values())
        for sha256, document in named.items():
            if not copies.path(sha256).exists():
                try:
                    self._files.copy(self._originals.path(sha256), copies.path(sha256))
                except FileNotFoundError:
                    return document
            done += document.n_bytes
            tell(done, total)
        copies.keep_only(frozenset(named))
        return None

    def _is_lost(self, document: Document) -> bool:
        """Return whether a file is missing and its document is not.

        When both are, the document was deleted and its file cleaned up while it was copied.
        """
        before = self._versions()
        is_missing = not self._originals.path(document.sha256).exists()
        snapshots = [store.snapshot() for store in self._stores.values()]
        is_named = any(document.sha256 == d.sha256 for s in snapshots for d in s.documents())
        return is_missing and is_named and before == self._versions()

    def _versions(self) -> list[int]:
        return [store.snapshot().version for store in self._stores.values()]

    def _told(self, what: str) -> Callable[[int, int], None]:
        return lambda done, total: self._progress(f"{self._name} {what}", done, total)


def _checked_digests(root: Path, target: Path, progress: Progress) -> dict[str, str]:
    """Return the sha256 of every file of a copy, by its path.

    Raises:
        CorruptFileError: an original is not the file that was added.
    """
    paths = sorted(
        path for path in target.rglob("*") if path.is_file() and not _is_own(path, target)
    )
    digests: dict[str, str] = {}
    done, total = 0, sum(path.stat().st_size for path in paths)
    for path in paths:
        below, digest = path.relative_to(target), digest_of(path)
        if path.parent.name == ORIGINALS and path.name != digest:
            raise CorruptFileError(
                f"{root / below} is damaged: it is not the file that was added (sha256 {digest}). "
                "Delete its document, or remove it and add the file again; then repeat the backup."
            )
        digests[below.as_posix()] = digest
        done += path.stat().st_size
        progress("checksums", done, total)
    return digests


def _is_own(path: Path, target: Path) -> bool:
    return path.parent == target and path.name in (LOCK_NAME, UNFINISHED_MARK)


# Putting one back


def restore(
    backup: Path, target: Path, progress: Progress = NO_PROGRESS, files: Files = LOCAL_FILES
) -> Contents:
    """Copy a backup to a new or empty directory, checked file by file; return what it holds.

    Raises:
        NotFoundError: there is no finished backup.
        AlreadyExistsError: there is something in `target`.
        CorruptFileError, FormatVersionError: the backup is damaged, and the message names the file,
            or of another version; nothing was restored.
        WriterLockedError: another process is filling `target`.
    """
    if is_unfinished(backup):
        raise NotFoundError(
            f"The backup in {backup} was not finished. Repeat `latelight snapshot create`, or use "
            "another backup."
        )
    listing = read_listing(backup)
    with Workplace(target, files):
        done = 0
        for path, digest in listing.digests.items():
            done += _restore_file(backup / path, target / path, digest, files)
            progress("restoring", done, listing.contents.n_bytes)
    return listing.contents


def _restore_file(source: Path, target: Path, digest: str, files: Files) -> int:
    """Copy one file, check the copy, and return its length."""
    if not source.is_file():
        raise CorruptFileError(f"{source} is missing. Nothing was restored; use another backup.")
    target.parent.mkdir(parents=True, exist_ok=True)
    if _never_changes(target):
        files.copy(source, target)
    else:
        write_file(target, source.read_bytes(), files)
    if digest_of(target) != digest:
        raise CorruptFileError(
            f"{source} is damaged: its sha256 is not {digest}, which {LIST_NAME} gives. Nothing "
            "was restored; use another backup."
        )
    return target.stat().st_size


def _never_changes(path: Path) -> bool:
    """Return whether a file may be shared between libraries: it is replaced, never written to."""
    return path.suffix == ".ll" or path.parent.name == ORIGINALS
