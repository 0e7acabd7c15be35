"""Pictures of a server's hits: pages come from the server, light is drawn here.

So the light is that of the very evidence that came with the hit, whatever is asked in between.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, Any

from latelight.app.hits import ExplainedHit
from latelight.app.pictures import lit
from latelight.client import calls
from latelight.client.calls import Place
from latelight.client.steps import Call, Talking, Work
from latelight.errors import InputError, NotFoundError
from latelight.explain.heatmap import HeatMap, check_drawable
from latelight.explain.row_map import RowMap

if TYPE_CHECKING:
    from PIL import Image


@dataclass(frozen=True)
class Asked:
    """What a search asked, as far as drawing its hits needs it.

    Attributes:
        place: whose hits.
        mode: of the search.
        by_text: whether a text was searched with, which can be asked about again.
        own: which version was asked, and under which pipeline, where it was not the live one.
    """

    place: Place
    mode: str = "auto"
    by_text: bool = True
    own: Mapping[str, Any] = field(default_factory=dict)


def heatmap(asked: Asked, hit: ExplainedHit, word: str | None) -> Talking[HeatMap]:
    """A hit's page with the regions lit; errors as `SearchHit.heatmap`.

    Of a search by picture, or by what is stored, the winning rows are lit alone.
    """
    check_drawable(hit.unit)
    picture = yield from page_image(asked, hit)
    maps = (yield from row_maps(asked, hit)) if asked.by_text else ()
    return (yield from Work(partial(lit, hit, picture, maps, word)))


def row_maps(asked: Asked, hit: ExplainedHit) -> Talking[tuple[RowMap, ...]]:
    """How much each query token looks like each stored row; to four digits.

    Raises:
        InputError: the search was not by text.
        NotFoundError: the document is no longer there, or has changed.
    """
    if not asked.by_text:
        raise InputError(
            "This hit was found by a picture or by what is stored; servers tell row maps of texts "
            "alone. Use collection.explain() with a text."
        )
    unit = hit.unit.unit_id
    body = {"text": hit.query, "mode": asked.mode, **asked.own}
    found = yield from calls.explain_unit(asked.place, hit.doc_id, unit, body)
    if found.hit.document.sha256 != hit.document.sha256:
        raise NotFoundError(
            f"Document {hit.doc_id!r} has changed since it was found. Search again."
        )
    return found.maps


def page_image(asked: Asked, hit: ExplainedHit) -> "Call[Image.Image]":
    """The page, picture or frame itself, or the spectrogram of sound; at most 2000 pixels wide.

    Raises:
        NotFoundError: the original is no longer kept.
        UnsupportedMediaError: the unit is text alone.
    """
    return calls.get_preview(asked.place, hit.doc_id, hit.unit.unit_id)
