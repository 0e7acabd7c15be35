"""Heat maps of hits: the page as it was added, lit by the stored rows that ranked it."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from PIL import Image

from latelight.explain.caption import Legend
from latelight.explain.heatmap import HeatMap, check_drawable, page_heatmap
from latelight.explain.lighting import RowSimilarities, by_evidence
from latelight.explain.row_map import RowMap
from latelight.explain.sound_map import evidence_on_sound, rows_on_sound
from latelight.extractors.detect import detect_media_type
from latelight.extractors.pages import render_page
from latelight.extractors.parts import open_part
from latelight.extractors.previews import draw_frame, draw_sound
from latelight.extractors.protocol import ExtractionOptions
from latelight.pipelines.originals import Originals
from latelight.pipelines.reader import EncodedQuery, Reader
from latelight.pipelines.spec import ExtractSpec
from latelight.types import Document, Source, TokenEvidence, Unit

if TYPE_CHECKING:
    from latelight.app.hits import SearchHit


@dataclass(frozen=True, eq=False)
class Pictures:
    """Draws the hits of one search; holds its view of the index, so later writes change nothing.

    Attributes:
        reader: what was searched.
        query: as encoded.
        spaces: that ranked.
        originals: the files as they came.
    """

    reader: Reader
    query: EncodedQuery
    spaces: tuple[str, ...]
    originals: Originals

    def heatmap(self, hit: "SearchHit", word: str | None) -> HeatMap:
        """Return a hit's page with the regions lit that answered the query, or one word of it.

        Sound is lit on its spectrogram, where the words are said.

        Raises:
            InputError: the unit has no picture, or `word` is not a word of the query.
            NotFoundError: the original is no longer kept.
        """
        check_drawable(hit.unit)
        legend = Legend(
            query=hit.query,
            title=hit.document.title or hit.document.source.rsplit("/", 1)[-1],
            place=_place(hit),
            score=hit.score,
            score_norm=hit.score_norm,
        )
        rows = list(self._similarities(self._ordinal(hit), hit.evidence))
        evidence, time = hit.evidence, hit.unit.locator.time
        if hit.unit.kind == "audio" and time is not None:
            evidence, rows = evidence_on_sound(evidence, time), rows_on_sound(rows, time)
        return page_heatmap(self.page_image(hit), evidence, legend, word=word, rows=rows)

    def row_maps(self, hit: "SearchHit") -> tuple[RowMap, ...]:
        """Return the similarities of the query's rows with the unit's, by space."""
        ordinal = self._ordinal(hit)
        return tuple(
            RowMap(
                space,
                query.tokens,
                self.reader.snapshot.similarities(space, query.vectors, ordinal),
                self.reader.snapshot.row_locators(space, ordinal),
                hit.unit.locator,
            )
            for space, query in self.query.vectors.items()
            if space in self.spaces
        )

    def page_image(self, hit: "SearchHit") -> Image.Image:
        """Return the page, picture or frame itself, upright; the spectrogram of sound.

        Raises:
            NotFoundError: the original is no longer kept.
            UnsupportedMediaError: the unit is text alone.
        """
        return draw_unit(hit.document, hit.unit, self.originals, self.reader.spec.extract)

    def _ordinal(self, hit: "SearchHit") -> int:
        """Return the hit's unit in the snapshot: by name, as a mixed list has ranks of its own."""
        snapshot, wanted = self.reader.snapshot, hit.unit.unit_id
        found = snapshot.find(hit.doc_id)
        return next(i for i in found if snapshot.unit(i).unit_id == wanted)

    def _similarities(
        self, ordinal: int, evidence: Sequence[TokenEvidence]
    ) -> Iterator[RowSimilarities]:
        for space in self.spaces:
            query = self.query.vectors.get(space)
            if query is None:
                continue
            similarities = self.reader.snapshot.similarities(space, query.vectors, ordinal)
            if similarities.shape[1]:
                mine = [e for e in evidence if e.space == space and e.part != "document"]
                yield RowSimilarities(
                    space,
                    by_evidence(similarities, mine),
                    self.reader.snapshot.row_locators(space, ordinal),
                )


def draw_unit(
    document: Document, unit: Unit, originals: Originals, extract: ExtractSpec
) -> Image.Image:
    """Return a unit's page, picture or frame, upright; the spectrogram of sound.

    Raises:
        NotFoundError: the original is no longer kept.
        UnsupportedMediaError: the unit is text alone.
    """
    shown = Source(document.source, originals.read(document.sha256))
    media_type = document.media_type
    if unit.locator.part:
        shown = open_part(shown, unit.locator.part)
        media_type = detect_media_type(shown)
    time = unit.locator.time
    if time is not None:
        draw = draw_sound if unit.kind == "audio" else draw_frame
        options = ExtractionOptions(max_pixels=extract.max_pixels)
        return draw(shown.data, media_type, time, options)
    page = unit.locator.page or 1
    limits = {"max_pixels": extract.max_pixels, "dpi": extract.dpi}
    return render_page(shown.data, media_type, page, **limits)


def _place(hit: "SearchHit") -> str:
    """Return where in its document a picture is, for the caption."""
    where = hit.unit.locator
    if hit.unit.kind == "page":
        return f"page {where.page}"
    return where.clock
