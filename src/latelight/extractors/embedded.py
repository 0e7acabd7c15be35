"""Pictures within other files -> image units, read as picture files are."""

import hashlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace

from latelight.errors import ExtractionError
from latelight.extractors.composition import BREAK, Composition, moved_unit
from latelight.extractors.detect import detect_media_type
from latelight.extractors.image import ImageExtractor
from latelight.extractors.pictures import FORMATS, open_picture
from latelight.extractors.progress import Progress
from latelight.extractors.protocol import ExtractionOptions
from latelight.types import Extraction, Source

MIN_SIDE = 48
"""Pixels; smaller pictures are bullets, icons and counters."""


@dataclass
class Pictures:
    """Embedded pictures as they are read: each one once, at most `max_frames`.

    A picture that cannot be read is a warning, never the end of the file around it.
    """

    into: Composition
    progress: Progress
    _seen: set[str] = field(default_factory=set)
    _n_read: int = 0
    _n_left_out: int = 0
    _n_unreadable: int = 0

    def add(self, pictures: Iterable[tuple[str, bytes]]) -> None:
        """Read pictures, each with the name of the part that holds it."""
        for part, data in pictures:
            digest = hashlib.sha256(data).hexdigest()
            if digest not in self._seen:
                self._seen.add(digest)
                self._add(part, data)

    def warnings(self) -> tuple[str, ...]:
        """Return what was left out."""
        return tuple(self._warnings())

    def _add(self, part: str, data: bytes) -> None:
        options = self.into.options
        source = Source(part, data)
        media_type = detect_media_type(source)
        try:
            if media_type not in FORMATS:
                self._n_unreadable += 1
                return
            if min(open_picture(data, media_type, part, options).size) < MIN_SIDE:
                return
            if self._n_read >= options.max_frames:
                self._n_left_out += 1
                return
            self._n_read += 1
            found = ImageExtractor().extract(source, replace(options, max_frames=1))
        except ExtractionError:
            self._n_unreadable += 1
            return
        self.into.include(_first(found), f"i{self._n_read}.", part, "")
        self.progress(self._n_read, self._n_read)

    def _warnings(self) -> Iterator[str]:
        if self._n_unreadable:
            yield (
                f"{self._n_unreadable:,} embedded pictures could not be read "
                "(damaged, or a drawing such as EMF or SVG)."
            )
        if self._n_left_out:
            yield (
                f"{self._n_left_out:,} embedded pictures were left out, "
                f"at most {self.into.options.max_frames:,} are read; raise max_frames."
            )


def _first(found: Extraction) -> Extraction:
    """Return a picture's extraction without units that say nothing and show nothing."""
    units = tuple(unit for unit in found.units if unit.text or unit.image is not None)
    return replace(found, units=units) if units else replace(found, units=(), text="")


def with_pictures(
    found: Extraction,
    pictures: Iterable[tuple[str, bytes]],
    options: ExtractionOptions,
    progress: Progress,
) -> Extraction:
    """Return an extraction with the pictures that its file carries behind its text."""
    composition = Composition(found.title or "pictures", options)
    reader = Pictures(composition, progress)
    reader.add(pictures)
    warnings = (*found.warnings, *reader.warnings())
    if not composition.units:
        return replace(found, warnings=warnings)
    gap = BREAK if found.text.strip() else ""
    start = len(found.text) + len(gap)
    moved = tuple(moved_unit(unit, start) for unit in composition.units)
    text = found.text + gap + composition.text
    return replace(found, text=text, units=(*found.units, *moved), warnings=warnings)
