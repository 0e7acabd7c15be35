"""Segments, manifests and snapshots: what a library keeps and how it is searched."""

from latelight.index.filters import parse_filter
from latelight.index.multivector_index import (
    IndexStats,
    MultiVectorIndex,
    RowEvidence,
    VectorHit,
)
from latelight.index.options import WriterOptions
from latelight.index.rows import RowStore, SpaceSpec
from latelight.index.snapshot import Snapshot
from latelight.index.store import Compaction, Store
from latelight.index.verify import Problem, verify_directory
from latelight.index.writer import Writer

__all__ = [
    "Compaction",
    "IndexStats",
    "MultiVectorIndex",
    "Problem",
    "RowEvidence",
    "RowStore",
    "Snapshot",
    "SpaceSpec",
    "Store",
    "VectorHit",
    "Writer",
    "WriterOptions",
    "parse_filter",
    "verify_directory",
]
