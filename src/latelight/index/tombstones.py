"""Marks of deletion: one small file per segment and change, a bit per document."""

import secrets
from dataclasses import replace
from pathlib import Path

import numpy as np

from latelight.errors import CorruptFileError
from latelight.index.files import LOCAL_FILES, Files
from latelight.index.manifest import SegmentEntry
from latelight.index.metadata import BoolArray
from latelight.index.sections import SectionFile, SectionWriter
from latelight.index.segment import segment_directory

KIND = "tombstones"


def write_tombstones(path: Path, dead: BoolArray, files: Files = LOCAL_FILES) -> None:
    """Write which documents (n_documents,) of a segment are deleted."""
    with SectionWriter(path, files) as writer:
        writer.add("document.dead", np.packbits(dead, bitorder="little"))
        writer.finish(KIND, {"n_documents": len(dead), "n_dead": int(dead.sum())})


def read_tombstones(path: Path) -> BoolArray:
    """Return (n_documents,) bool, True where the document is deleted.

    The bits are few and decide what users see, so their checksum is verified here.

    Raises:
        CorruptFileError: a checksum, a length or the count does not fit.
    """
    file = SectionFile.open(path, KIND)
    attributes, problems = file.header.attributes, file.problems()
    bits = file.array("document.dead")
    dead = np.unpackbits(bits, count=int(attributes["n_documents"]), bitorder="little")
    if problems or int(dead.sum()) != attributes["n_dead"]:
        raise CorruptFileError(
            f"{file.name}: the marks of deleted documents are damaged. Restore the file from a "
            "copy, or add the documents again; `latelight verify` lists all damage."
        )
    return dead.astype(np.bool_)


def mark_dead(
    root: Path, entry: SegmentEntry, dead: BoolArray, number: int, files: Files
) -> SegmentEntry:
    """Return a segment's entry for manifest `number`, with what is dead on the disk.

    A file is written unless the entry says as many already, or nothing of the segment lives.

    Args:
        root: the generation's directory.
        entry: as it was.
        dead: (n_documents,) bool, which of its documents are deleted.
        number: of the manifest that will say so.
        files: the disk operations.
    """
    n_dead = int(np.count_nonzero(dead))
    if n_dead in (entry.n_dead, entry.n_documents):
        return replace(entry, n_dead=n_dead)
    name = f"tombstones-{number:08d}-{secrets.token_hex(4)}.ll"
    directory = segment_directory(root, entry.segment_id)
    write_tombstones(directory / name, dead, files)
    files.fsync_directory(directory)
    return replace(entry, tombstones=name, n_dead=n_dead)
