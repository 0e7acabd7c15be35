"""Heat maps of hits: the page as it was added, lit by the stored rows that ranked it."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from PIL import Image

from latelight.explain.caption import Legend
from latelight.explain.heatmap import HeatMap, check_drawable, page_heatmap
from latelight.explain.lighting import RowSimilarities, by_evidence
from latelight.extractors.pages import render_page
from latelight.pipelines.originals import Originals
from latelight.pipelines.query import Found
from latelight.pipelines.reader import Reader
from latelight.types import TokenEvidence

if TYPE_CHECKING:
    from latelight.app.hits import SearchHit


@dataclass(frozen=True, eq=False)
class Pictures:
    """Draws the hits of one search; holds its view of the index, so later writes change nothing."""

    reader: Reader
    found: Found
    originals: Originals

    def heatmap(self, hit: "SearchHit", word: str | None) -> HeatMap:
        """Return a hit's page with the regions lit that answered the query, or one word of it.

        Raises:
            InputError: the unit has no picture, or `word` is not a word of the query.
            NotFoundError: the original is no longer kept.
        """
        check_drawable(hit.unit)
        legend = Legend(
            query=hit.query,
            title=hit.document.title or hit.document.source.rsplit("/", 1)[-1],
            place=f"page {hit.unit.locator.page}" if hit.unit.kind == "page" else "",
            score=hit.score,
            score_norm=hit.score_norm,
        )
        rows = self._similarities(int(self.found.ordinals[hit.rank - 1]), hit.evidence)
        return page_heatmap(self.page_image(hit), hit.evidence, legend, word=word, rows=rows)

    def page_image(self, hit: "SearchHit") -> Image.Image:
        """Return the page or picture itself, upright."""
        data = self.originals.read(hit.document.sha256)
        extract = self.reader.spec.extract
        return render_page(
            data,
            hit.document.media_type,
            hit.unit.locator.page or 1,
            max_pixels=extract.max_pixels,
            dpi=extract.dpi,
        )

    def _similarities(
        self, ordinal: int, evidence: Sequence[TokenEvidence]
    ) -> Iterator[RowSimilarities]:
        for space in self.found.signals.by_name:
            query = self.found.query.vectors.get(space)
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
