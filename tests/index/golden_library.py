"""The small library that every format version and feature keeps a golden copy of, in `golden/`.

Run once when one is born, from the repository's root, and never again for it:
`python -m tests.index.golden_library tests/index/golden/v1-log logged`, or with `codes`,
`codes only`, or `codes one-bit`, for `golden_codes/`. Tests read all copies for ever. `v1` was
written before there were logs; in `v1-log` the second commit is in the log; `v1-sources` is the
first with an index of sources; in `v1-sealed` a part of the second commit is in a sealed log, the
rest in the one after.
"""

import sys
from pathlib import Path

import numpy as np

from latelight.index import RowStore, SpaceSpec, Store, Writer, WriterOptions
from latelight.types import (
    Box,
    CharSpan,
    Document,
    Locator,
    MultiVector,
    OffsetMap,
    RowLocators,
    TimeRange,
    Unit,
)
from tests.index.making import axis_rows

SPACES = {"text": SpaceSpec(16), "page": SpaceSpec(8, "float16")}
METADATA = {
    "whole": 2**63 - 1,
    "real": 0.1,
    "flag": True,
    "nothing": None,
    "tags": ["blue", "red"],
    "empty": [],
    "größe": "XL",
}
NOTE_TEXT = "Grüße aus Köln. Zweiter Satz."
NOTE = Document("nöte", "notes/a.html", "text/html", "a" * 64, METADATA, 1.75e9, "Grüße", 42)
NOTE_UNITS = [
    Unit("c0", "passage", Locator(CharSpan(0, 16), source_span=CharSpan(3, 19)), NOTE_TEXT[:16]),
    Unit("c1", "passage", Locator(CharSpan(16, 29)), NOTE_TEXT[16:], heading=("Teil", "Kapitel")),
]
SCAN = Document("scan", "scan.pdf", "application/pdf", "b" * 64, {"real": 2}, 1.5, "Scan", 7)
PAGE = Unit("p1", "page", Locator(page=1, box=Box(0.0, 0.25, 0.5, 1.0)), "words")
TALK = Unit("t0", "audio", Locator(time=TimeRange(0.5, 9.25)))


def note_rows() -> list[MultiVector]:
    """Rows on the axes 0 and 1 with spans, and on 2 pooled from two places."""
    spans = np.array([[0, 5], [-1, -1]], np.int32)
    pooled = RowLocators(np.array([[0, 7], [8, 12]], np.int32), offsets=np.array([0, 2]))
    return [
        MultiVector(axis_rows(0, 1, dim=16).vectors, RowLocators(spans)),
        MultiVector(axis_rows(2, dim=16).vectors, pooled),
    ]


def scan_rows() -> list[MultiVector]:
    """A page's row with a box, a recording's row with a time."""
    boxes = np.array([[0.0, 0.5, 0.25, 1.0]], np.float32)
    times = np.array([[0.5, 0.75]], np.float32)
    return [
        MultiVector(axis_rows(3).vectors, RowLocators(boxes=boxes)),
        MultiVector(axis_rows(4).vectors, RowLocators(times=times)),
    ]


def write_golden(path: Path, *, logged: bool = False, sealed: bool = False) -> Store:
    """Write the library: two commits, or three, one document replaced, one deleted."""
    store = Store.create(path, SPACES, pipeline_digest="golden")
    options = WriterOptions(log_documents=1 if sealed else 256)
    with Writer(store._live, options) as writer:  # what it seals, nobody makes a segment of
        _plain(writer, "scan", 9)
        _plain(writer, "gone", 9)
        _plain(writer, "kept", 5)
        writer.flush()
        offsets = OffsetMap(np.array([[0, 3, 16], [16, 30, 13]], np.int32))
        terms = [["gruß", "aus", "koln"], ["zweit", "satz", "satz"]]
        writer.add(NOTE, NOTE_UNITS, {"text": note_rows()}, terms, offsets, NOTE_TEXT)
        if sealed:
            writer.commit()
        writer.add(SCAN, [PAGE, TALK], {"page": scan_rows()}, [["word"], []])
        if sealed:
            writer.commit()
        writer.delete(["gone"])
        writer.commit() if logged or sealed else writer.flush()
    return store


def _plain(writer: Writer, doc_id: str, axis: int) -> None:
    document = Document(doc_id, doc_id, "text/plain", "", {"whole": axis})
    unit = Unit("c0", "passage", Locator(CharSpan(0, 4)), doc_id)
    writer.add(document, [unit], {"text": [axis_rows(axis, dim=16)]}, [["plain", doc_id]])


def golden_rows() -> np.ndarray:
    """Return the rows of `write_golden_codes`, (200, 16) float32."""
    parts = []
    for i in range(40):
        axes = np.eye(16, dtype=np.float32)[[i % 16, (i + 1) % 16, (i * 7) % 16] * 2][:5]
        mixed = axes + 0.25 * np.roll(axes, i // 16 + 1, axis=1)
        parts.append(mixed / np.linalg.norm(mixed, axis=1, keepdims=True))
    return np.concatenate(parts)


def write_golden_codes(path: Path, store: RowStore = "int8", bits: int = 3) -> Store:
    """Write an index of 40 units of 5 rows on one axis or between two, with codes."""
    options = WriterOptions(min_coded_rows=1, n_threads=1, log_documents=0)
    made = Store.create(path, {"text": SpaceSpec(16, store, bits)}, options=options)
    with made.writer() as writer:
        for i, own in enumerate(golden_rows().reshape(40, 5, 16)):
            document = Document(f"d{i}", "", "text/plain", "")
            unit = Unit("v", "passage", Locator())
            writer.add(document, [unit], {"text": [MultiVector(own)]})
        writer.commit()
    return made


if __name__ == "__main__":
    target, options = Path(sys.argv[1]), sys.argv[2:]
    made = (
        write_golden_codes(
            target,
            "int8" if options == ["codes"] else "codes",
            bits=1 if "one-bit" in options else 3,
        )
        if "codes" in options
        else write_golden(target, logged=options == ["logged"], sealed=options == ["sealed"])
    )
    Store.open(made.path, options=WriterOptions(background=False)).collect_garbage()
    for lock in ("LOCK", "MERGE", "FLUSH"):
        (made.path / lock).unlink(missing_ok=True)
