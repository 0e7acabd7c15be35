"""Why a hit was found: evidence by query token, maps of a page, marked text, drawn heat maps."""

from latelight.explain.attribution import attribute
from latelight.explain.caption import Legend
from latelight.explain.heatmap import HeatMap, check_drawable, draw_heatmap, page_heatmap
from latelight.explain.lighting import Lighting, RowSimilarities, lighting
from latelight.explain.similarity_map import (
    evidence_map,
    light_map,
    similarity_map,
    summed_light_map,
)
from latelight.explain.snippet import Mark, Snippet, snippet
from latelight.explain.words import QueryWord, query_words

__all__ = [
    "HeatMap",
    "Legend",
    "Lighting",
    "Mark",
    "QueryWord",
    "RowSimilarities",
    "Snippet",
    "attribute",
    "check_drawable",
    "draw_heatmap",
    "evidence_map",
    "light_map",
    "lighting",
    "page_heatmap",
    "query_words",
    "similarity_map",
    "snippet",
    "summed_light_map",
]
