"""Frozen values that every layer speaks in; no I/O."""

from latelight.types.cells import CellRange
from latelight.types.document import (
    SOUND_RATE,
    UNIT_KINDS,
    Document,
    Metadata,
    MetadataValue,
    Unit,
    UnitKind,
    WordBoxes,
    WordTimes,
)
from latelight.types.encoder import EncoderInfo, Similarity
from latelight.types.evidence import Hit, Signal, TokenEvidence
from latelight.types.extraction import Extraction, ExtractorInfo, OffsetMap, Source
from latelight.types.locator import Box, CharSpan, Locator, TimeRange
from latelight.types.multivector import (
    Float32Array,
    Int16Array,
    Int32Array,
    Int64Array,
    MultiVector,
    RowLocators,
)
from latelight.types.query import QueryToken, QueryTokenKind, QueryVectors

__all__ = [
    "SOUND_RATE",
    "UNIT_KINDS",
    "Box",
    "CellRange",
    "CharSpan",
    "Document",
    "EncoderInfo",
    "Extraction",
    "ExtractorInfo",
    "Float32Array",
    "Hit",
    "Int16Array",
    "Int32Array",
    "Int64Array",
    "Locator",
    "Metadata",
    "MetadataValue",
    "MultiVector",
    "OffsetMap",
    "QueryToken",
    "QueryTokenKind",
    "QueryVectors",
    "RowLocators",
    "Signal",
    "Similarity",
    "Source",
    "TimeRange",
    "TokenEvidence",
    "Unit",
    "UnitKind",
    "WordBoxes",
    "WordTimes",
]
