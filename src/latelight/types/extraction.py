"""What an extractor takes and gives."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from latelight.types.document import Metadata, Unit, UnitKind
from latelight.types.locator import CharSpan
from latelight.types.multivector import Int32Array


@dataclass(frozen=True)
class Source:
    """One file's bytes with the name that it came under."""

    name: str
    data: bytes = field(repr=False)

    @property
    def suffix(self) -> str:
        """The name's last suffix in lower case with its dot, or an empty string."""
        return Path(self.name).suffix.lower()


@dataclass(frozen=True)
class ExtractorInfo:
    """What an extractor declares of itself.

    Attributes:
        name: short and stable.
        version: changes whenever the same bytes could give other units.
        media_types: what it reads.
        unit_kinds: what it gives.
        licence: SPDX name of the code and models that it runs.
        parameters: fixed values that shape the units, by name; part of the pipeline's lock.
    """

    name: str
    version: str
    media_types: tuple[str, ...]
    unit_kinds: tuple[UnitKind, ...]
    licence: str
    parameters: Mapping[str, str | int | float] = field(default_factory=dict)

    @property
    def identity(self) -> str:
        """The version, with a digest of the parameters where there are any."""
        if not self.parameters:
            return self.version
        told = ";".join(f"{name}={self.parameters[name]}" for name in sorted(self.parameters))
        return f"{self.version}+{hashlib.sha256(told.encode()).hexdigest()[:8]}"


@dataclass(frozen=True, eq=False)
class OffsetMap:
    """Which characters of a file's decoded text a document's readable text was made of.

    Runs are ascending in the readable text; within a run both sides advance together.

    Attributes:
        runs: (n_runs, 3) int32, start in the readable text, start in the file's text, length.
    """

    runs: Int32Array  # (n_runs, 3)

    def to_source(self, span: CharSpan) -> CharSpan | None:
        """Return the smallest span of the file's text that covers `span`, None if nothing does."""
        starts = self.runs[:, 0]
        low = max(int(np.searchsorted(starts, span.start, "right")) - 1, 0)
        high = int(np.searchsorted(starts, span.end, "left")) - 1
        if low <= high and starts[low] + self.runs[low, 2] <= span.start:
            low += 1
        if low > high:
            return None
        first, last = self.runs[low], self.runs[high]
        begin = int(first[1]) + max(span.start - int(first[0]), 0)
        end = int(last[1]) + min(span.end - int(last[0]), int(last[2]))
        return CharSpan(begin, end)


@dataclass(frozen=True)
class Extraction:
    """One file, read.

    Attributes:
        media_type: as found in the content.
        text: the document's readable text; units' spans count its characters.
        units: in reading order, unit_ids unique.
        title: the document's own title, else empty.
        metadata: what the file says of itself (author, page count), under plain names.
        offsets: how `text` maps to the file's own text; None when they are the same or the file
            has no text of its own.
        warnings: what was left out and why, one sentence each.
    """

    media_type: str
    text: str
    units: tuple[Unit, ...]
    title: str = ""
    metadata: Metadata = field(default_factory=dict)
    offsets: OffsetMap | None = None
    warnings: tuple[str, ...] = ()
