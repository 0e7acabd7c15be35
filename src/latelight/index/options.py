"""How a writer works."""

import os
from dataclasses import dataclass, field

from latelight.errors import InputError
from latelight.index.files import LOCAL_FILES, Files


@dataclass(frozen=True)
class WriterOptions:
    """How a writer works; none of it changes what is stored.

    Attributes:
        flush_bytes: pending documents beyond this are written to a segment of their own, which
            nothing names before the commit; bounds memory and the size of segments.
        merge_factor: a commit that finds so many neighbours of like size merges them.
        min_coded_rows: segments with fewer rows of a space get no codes of it; scoring them all
            is as fast.
        min_shared_rows: the same, in the background, for those that can share the codes' book with
            a larger one.
        n_threads: for making codes; in the background one does.
        files: the disk operations.
        log_documents: a commit is logged while the log has no more documents and commits than
            these; a larger one writes a segment. 0: each does. The one that finds the log full
            leaves it to the background and begins another, which may become twice as long
            meanwhile; without a background it writes a segment.
        log_rows, log_bytes: the same by rows, all spaces, and by the log's length.
        lock_seconds: how long to wait for another writer.
        background: merge crowds, and make a segment of a full log, in a thread once the writer
            has left; else the commit does it.
    """

    flush_bytes: int = 256 << 20
    merge_factor: int = 10
    min_coded_rows: int = 50_000
    min_shared_rows: int = 6_000
    n_threads: int = field(default_factory=lambda: os.cpu_count() or 1)
    files: Files = LOCAL_FILES
    log_documents: int = 255  # one more would be merged in memory just before it goes to the disk
    log_rows: int = 65_536
    log_bytes: int = 16 << 20
    lock_seconds: float = 0.5
    background: bool = True

    def __post_init__(self) -> None:
        if self.merge_factor < 2:
            raise InputError(f"merge_factor is 2 or more segments; got {self.merge_factor}.")
        caps = (self.log_documents, self.log_rows, self.log_bytes, self.lock_seconds)
        if min(caps) < 0:
            raise InputError(
                "log_documents, log_rows, log_bytes and lock_seconds are 0 or more; got "
                f"{', '.join(map(str, caps))}. 0 documents: no log."
            )


DEFAULT_OPTIONS = WriterOptions()
