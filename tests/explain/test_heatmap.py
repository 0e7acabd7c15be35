import io
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from latelight.errors import InputError, ShapeError
from latelight.explain.attribution import attribute
from latelight.explain.caption import Legend, draw_caption
from latelight.explain.heatmap import check_drawable, draw_heatmap, fitted, page_heatmap
from latelight.explain.lighting import RowSimilarities, lighting
from latelight.explain.palette import RAMP
from latelight.explain.words import query_words
from latelight.types import (
    CharSpan,
    Locator,
    QueryToken,
    QueryVectors,
    RowLocators,
    TokenEvidence,
    Unit,
)

QUERY = "fog cost"
PAGE = Unit("p2", "page", Locator(page=2))
ROWS = RowLocators(
    boxes=np.array([(0.1, 0.1, 0.3, 0.2), (0.6, 0.5, 0.8, 0.6), (0.1, 0.8, 0.2, 0.9)], np.float32)
)
SIMILARITIES = np.array([(1.0, 0.1, 0.1), (0.1, 0.5, 0.1)], np.float32)
LEGEND = Legend(QUERY, "Report.pdf", "page 2", 1.5, 0.75)


def evidence() -> tuple[TokenEvidence, ...]:
    tokens = (QueryToken("fog", CharSpan(0, 3)), QueryToken("cost", CharSpan(4, 8)))
    query = QueryVectors(np.zeros((2, 8), np.float32), tokens)
    winners = SIMILARITIES.argmax(axis=1).astype(np.int32)
    return attribute(query, winners, SIMILARITIES.max(axis=1), ROWS, PAGE, space="text")


def blank(colour: str = "white") -> Image.Image:
    return Image.new("RGB", (1_000, 1_200), colour)


def page_part(image: Image.Image) -> np.ndarray:
    return np.asarray(image)[-1_200:].astype(int)


def test_winners_are_lit_by_what_they_brought_and_the_rest_stays_white() -> None:
    page = page_part(page_heatmap(blank(), evidence(), LEGEND).image)
    assert tuple(page[180, 200]) == RAMP[255]
    assert tuple(page[660, 700]) == RAMP[128]
    assert tuple(page[1_100, 900]) == (255, 255, 255)


def test_one_word_can_be_shown_alone() -> None:
    drawn = page_heatmap(blank(), evidence(), LEGEND, word="COST")
    page = page_part(drawn.image)
    assert drawn.peak == 0.5
    assert tuple(page[660, 700]) == RAMP[255]
    assert tuple(page[180, 200]) == (255, 255, 255)


def test_a_word_that_is_not_in_the_query_is_named_with_those_that_are() -> None:
    with pytest.raises(InputError, match=r"'lamp' is not a word.*'fog', 'cost'"):
        page_heatmap(blank(), evidence(), LEGEND, word="lamp")


def test_print_stays_readable_under_the_light() -> None:
    page = blank()
    page.paste((0, 0, 0), (190, 170, 210, 190))
    drawn = page_part(page_heatmap(page, evidence(), LEGEND).image)
    assert drawn[180, 200].max() < 30
    assert drawn[150, 250].sum() > 300


def test_light_shows_on_a_dark_page() -> None:
    drawn = page_part(page_heatmap(blank("#0f2238"), evidence(), LEGEND).image)
    assert drawn[180, 200].sum() > drawn[1_100, 900].sum() + 150


def test_near_wins_glow_weaker_than_winners() -> None:
    similarities = np.array([(1.0, 0.1, 0.98, 0.1, 0.1), (0.1, 0.5, 0.1, 0.1, 0.1)], np.float32)
    boxes = np.vstack([ROWS.boxes, np.full((2, 4), np.nan, np.float32)])
    rows = [RowSimilarities("text", similarities, RowLocators(boxes=boxes))]
    lit = lighting(evidence(), (120, 100), rows=rows).light
    assert lit[18, 20] == 1.0
    assert 0.3 < lit[102, 15] <= 0.5
    assert len(lighting(evidence(), (120, 100), rows=rows).outlines) == 2


def test_function_words_are_lit_but_neither_outlined_nor_glowing() -> None:
    found = [replace(e, token="the") for e in evidence()]
    rows = [RowSimilarities("text", SIMILARITIES, ROWS)]
    lit = lighting(found, (120, 100), rows=rows)
    assert lit.light[18, 20] == 1.0
    assert lit.outlines.shape == (0, 4)
    (word,) = query_words(found[:1], QUERY)
    assert len(lighting(found, (120, 100), word=word).outlines) == 1


def test_markers_are_not_drawn_unless_asked_for() -> None:
    marker = replace(evidence()[0], token="[Q]", kind="marker", query_span=None)
    lit = lighting([marker, evidence()[1]], (120, 100))
    assert lit.light.max() == 0.5
    assert lit.light[18, 20] == 0.0
    (word,) = query_words([marker], QUERY)
    assert lighting([marker], (120, 100), word=word).light[18, 20] == 1.0


def test_two_spaces_light_one_page() -> None:
    other = [replace(e, space="other") for e in evidence()]
    rows = [RowSimilarities(space, SIMILARITIES, ROWS) for space in ("text", "other")]
    lit = lighting([*evidence(), *other], (120, 100), rows=rows)
    assert (lit.light[18, 20], lit.light[66, 70]) == (2.0, 1.0)


def test_grey_paper_does_not_turn_the_light_to_mud() -> None:
    drawn = page_part(page_heatmap(blank("#c8c8c8"), evidence(), LEGEND).image)
    assert abs(drawn[180, 200] - np.array(RAMP[255])).max() <= 2
    assert tuple(drawn[1_100, 900]) == (200, 200, 200)


def test_similarities_of_another_unit_are_refused() -> None:
    rows = [RowSimilarities("text", SIMILARITIES[:, :2], ROWS)]
    with pytest.raises(ShapeError, match="3 rows"):
        page_heatmap(blank(), evidence(), LEGEND, rows=rows)


def test_nothing_found_leaves_the_page_unlit() -> None:
    drawn = page_heatmap(blank(), (), LEGEND)
    assert drawn.peak == 0.0
    assert (page_part(drawn.image) == 255).all()


def test_a_heat_map_is_saved_and_shown_as_png(tmp_path: Path) -> None:
    drawn = page_heatmap(blank(), evidence(), LEGEND)
    saved = drawn.save(tmp_path / "why" / "page.png")
    with Image.open(saved) as again, Image.open(io.BytesIO(drawn._repr_png_())) as shown:
        assert again.size == shown.size == drawn.image.size


@pytest.mark.parametrize("name", ["why", "why.txt", "why.xyz"])
def test_a_name_without_a_picture_format_is_refused(tmp_path: Path, name: str) -> None:
    with pytest.raises(InputError, match=r"\.png or \.jpg"):
        page_heatmap(blank(), evidence(), LEGEND).save(tmp_path / name)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("mode", ["1", "L", "P", "LA", "RGBA", "CMYK", "I;16"])
def test_every_kind_of_picture_can_be_drawn_on(mode: str) -> None:
    assert page_heatmap(Image.new(mode, (300, 200)), evidence(), LEGEND).image.mode == "RGB"


def test_small_pictures_grow_and_huge_ones_shrink() -> None:
    assert fitted(Image.new("L", (90, 60))).size == (900, 600)
    assert fitted(Image.new("L", (4_000, 8_000))).size == (1_000, 2_000)
    assert fitted(Image.new("L", (8_000, 1))).size == (2_000, 1)


def test_a_map_of_another_size_is_stretched_over_the_page() -> None:
    lit = lighting(evidence(), (60, 50))
    drawn = draw_heatmap(blank(), lit, LEGEND, query_words(evidence(), QUERY))
    assert tuple(page_part(drawn.image)[180, 200]) == RAMP[255]


def test_text_units_are_sent_to_snippets() -> None:
    with pytest.raises(InputError, match=r"'passage' and has no picture.*snippet\(\)"):
        check_drawable(Unit("c0", "passage", Locator()))
    check_drawable(PAGE)


def test_the_scale_darkens_evenly_so_that_it_reads_without_colour() -> None:
    luminance = [0.2126 * r + 0.7152 * g + 0.0722 * b for r, g, b in RAMP]
    assert luminance[0] == pytest.approx(255)
    assert all(a >= b for a, b in zip(luminance[::8], luminance[8::8], strict=False))
    # Black print on the brightest light keeps more than the 7:1 of WCAG AAA.
    linear = [((c / 255 + 0.055) / 1.055) ** 2.4 for c in RAMP[255]]
    bright = 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]
    assert (bright + 0.05) / 0.05 > 7


@pytest.mark.parametrize(
    "query",
    ["", "灯台はどこですか", "حفظ الطعام", "🗼 \x1b[2J \u202e fog", "w " * 500, "x" * 3_000],
)
def test_any_query_can_be_written_above(query: str) -> None:
    strip = draw_caption(1_000, Legend(query, "ß — é" * 80, "", 1.0), peak=1.0)
    assert strip.width == 1_000
    assert strip.height < 400


def test_a_full_page_is_drawn_in_time() -> None:
    rng = np.random.default_rng(0)
    corner = rng.random((1_500, 2), np.float32) * 0.9
    rows = RowLocators(boxes=np.hstack([corner, corner + np.float32([0.05, 0.012])]))
    similarities = rng.random((32, 1_500), np.float32)
    tokens = tuple(QueryToken("w", CharSpan(2 * i, 2 * i + 1)) for i in range(32))
    query = QueryVectors(np.zeros((32, 8), np.float32), tokens)
    winners = similarities.argmax(axis=1).astype(np.int32)
    found = attribute(query, winners, similarities.max(axis=1), rows, PAGE, space="text")
    page = Image.new("RGB", (1_275, 1_650), "white")
    near = [RowSimilarities("text", similarities, rows)]
    began = time.process_time()
    page_heatmap(page, found, Legend("w " * 32), rows=near)
    # 0.2 s of CPU on an idle core; the limit leaves room for a slow and busy machine.
    assert time.process_time() - began < 1.5
