"""Heat maps of hits: the page as it was added, lit by the stored rows that ranked it."""

from collections.abc import Sequence
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
    from latelight.app.hits import ExplainedHit


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

    def heatmap(self, hit: "ExplainedHit", word: str | None) -> HeatMap:
        """Return a hit's page with the regions lit that answered the query, or one word of it.

        Sound is lit on its spectrogram, where the words are said.

        Raises:
            InputError: the unit has no picture, or `word` is not a word of the query.
            NotFoundError: the original is no longer kept.
        """
        check_drawable(hit.unit)
        return lit(hit, self.page_image(hit), self.row_maps(hit), word)

    def row_maps(self, hit: "ExplainedHit") -> tuple[RowMap, ...]:
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

    def page_image(self, hit: "ExplainedHit") -> Image.Image:
        """Return the page, picture or frame itself, upright; the spectrogram of sound.

        Raises:
            NotFoundError: the original is no longer kept.
            UnsupportedMediaError: the unit is text alone.
        """
        return draw_unit(hit.document, hit.unit, self.originals, self.reader.spec.extract)

    def _ordinal(self, hit: "ExplainedHit") -> int:
        """Return the hit's unit in the snapshot: by name, as a mixed list has ranks of its own."""
        snapshot, wanted = self.reader.snapshot, hit.unit.unit_id
        found = snapshot.find(hit.doc_id)
        return next(i for i in found if snapshot.unit(i).unit_id == wanted)


def lit(
    hit: "ExplainedHit", picture: Image.Image, maps: Sequence[RowMap], word: str | None
) -> HeatMap:
    """Return a hit's picture with the regions lit that answered the query, or one word of it.

    Args:
        hit: with its evidence.
        picture: the page, picture or frame, or the spectrogram of sound.
        maps: of the spaces that ranked; without them only the winning rows are lit.
        word: a word of the query, None for all.

    Raises:
        InputError: `word` is not a word of the query.
    """
    legend = Legend(
        query=hit.query,
        title=hit.document.title or hit.document.source.rsplit("/", 1)[-1],
        place=_place(hit),
        score=hit.score,
        score_norm=hit.score_norm,
    )
    rows = _similarities(maps, hit.evidence)
    evidence, time = hit.evidence, hit.unit.locator.time
    if hit.unit.kind == "audio" and time is not None:
        evidence, rows = evidence_on_sound(evidence, time), rows_on_sound(rows, time)
    return page_heatmap(picture, evidence, legend, word=word, rows=rows)


def _similarities(
    maps: Sequence[RowMap], evidence: Sequence[TokenEvidence]
) -> list[RowSimilarities]:
    found = []
    for one in maps:
        if one.similarities.shape[1]:
            mine = [e for e in evidence if e.space == one.space and e.part != "document"]
            own = by_evidence(one.similarities, mine)
            found.append(RowSimilarities(one.space, own, one.locators))
    return found


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


def _place(hit: "ExplainedHit") -> str:
    """Return where in its document a picture is, for the caption."""
    where = hit.unit.locator
    if hit.unit.kind == "page":
        return f"page {where.page}"
    return where.clock
