import math
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from latelight.explain.difference import common_pieces, shifts
from latelight.explain.heatmap import HeatMap
from latelight.explain.side_by_side import GAP, side_by_side
from latelight.types import CharSpan, Locator, TokenEvidence
from latelight.types.evidence import Signal
from latelight.types.query import QueryTokenKind

QUERY = "when was it refitted"


def token(
    span: tuple[int, int] | None,
    contribution: float,
    kind: QueryTokenKind = "token",
    signal: Signal = "maxsim",
    space: str = "text",
    name: str = "",
) -> TokenEvidence:
    return TokenEvidence(
        token=name or (QUERY[slice(*span)] if span else "[CLS]"),
        query_span=CharSpan(*span) if span else None,
        kind=kind,
        similarity=contribution,
        contribution=contribution,
        locators=(Locator(),),
        text="rebuilt" if contribution > 0 else "",
        signal=signal,
        space=space if signal == "maxsim" else "",
    )


def test_tokens_that_cut_the_query_differently_are_one_piece() -> None:
    before = [token((0, 4), 0.5), token((12, 17), 0.25), token((17, 20), 0.25)]
    after = [token((0, 4), 0.25), token((12, 15), 0.5), token((15, 20), 0.75)]
    when, refitted = shifts(before, after, QUERY)
    assert (when.text, when.before, when.after, when.delta) == ("when", 0.5, 0.25, -0.25)
    assert (refitted.text, refitted.before, refitted.after) == ("refitted", 0.5, 1.25)
    assert (refitted.n_before, refitted.n_after, refitted.is_aligned) == (2, 2, True)
    assert refitted.found_after == ("rebuilt",)


def test_signals_and_spaces_are_kept_apart() -> None:
    before = [token((12, 20), 0.5), token((12, 20), 0.25, signal="bm25")]
    after = [token((12, 20), 0.5, space="other"), token((12, 20), 0.5, signal="bm25")]
    found = {(one.signal, one.space): one for one in shifts(before, after, QUERY)}
    assert found["bm25", ""].delta == 0.25
    assert (found["maxsim", "text"].delta, found["maxsim", "other"].delta) == (-0.5, 0.5)
    assert found["maxsim", "text"].n_after == 0  # in the first version alone


def test_what_has_no_characters_is_told_apart() -> None:
    before = [token(None, 0.5, "marker"), token(None, 0.25, "expansion", name="[MASK]")]
    after = [token(None, 0.25, "marker"), token((0, 4), 1.0)]
    found = shifts(before, after, QUERY)
    assert [(one.text, one.is_aligned) for one in found] == [
        ("when", True), ("[CLS]", False), ("expansion", False),
    ]  # fmt: skip
    assert found[1].delta == -0.25
    assert found[1].to_dict()["query_span"] is None


spans = st.tuples(st.integers(0, 19), st.integers(1, 6)).map(lambda t: (t[0], min(t[0] + t[1], 20)))
tokens = st.one_of(
    st.builds(
        token,
        spans,
        st.floats(-2, 2),
        signal=st.sampled_from(["maxsim", "bm25"]),
        space=st.sampled_from(["a", "b"]),
    ),
    st.builds(token, st.none(), st.floats(-2, 2), st.sampled_from(["marker", "expansion"])),
)


@given(before=st.lists(tokens, max_size=12), after=st.lists(tokens, max_size=12))
def test_deltas_add_up_to_the_difference_of_the_scores(
    before: list[TokenEvidence], after: list[TokenEvidence]
) -> None:
    found = shifts(before, after, QUERY)
    whole = sum(e.contribution for e in after) - sum(e.contribution for e in before)
    assert math.isclose(sum(one.delta for one in found), whole, abs_tol=1e-6)
    aligned = [one.span for one in found if one.span is not None]
    for a, b in pairwise(aligned):  # no two pieces share a character
        assert a == b or a.end <= b.start


@given(st.lists(spans, max_size=12))
def test_no_span_crosses_the_edge_of_a_piece(given: list[tuple[int, int]]) -> None:
    pieces = common_pieces(CharSpan(*one) for one in given)
    for start, end in given:
        assert sum(p.start <= start and end <= p.end for p in pieces) == 1
    edges = {one.start for one in pieces} | {one.end for one in pieces}
    assert edges <= {edge for one in given for edge in one}


def test_two_pictures_stand_beside_each_other_at_one_height() -> None:
    red, blue = (Image.new("RGB", size, c) for size, c in (((90, 60), "red"), ((60, 90), "blue")))
    both = side_by_side(HeatMap(red, 1.0), HeatMap(blue, 2.0), ("A: old", "B: new"))
    assert both.image.width == 90 + GAP + 60
    assert both.peak == 2.0
    top = both.image.height - 90
    assert both.image.getpixel((45, top + 30)) == (255, 0, 0)
    assert both.image.getpixel((90 + GAP + 30, top + 85)) == (0, 0, 255)
    assert both.image.getpixel((45, top + 75)) == (255, 255, 255)
    inked = both.image.crop((0, 0, 90, top)).convert("L").getextrema()[0]
    assert inked < 128  # a title


@pytest.mark.parametrize("missing", [0, 1])
def test_a_version_without_a_picture_leaves_its_half_empty(missing: int) -> None:
    pair: list[HeatMap | None] = [HeatMap(Image.new("RGB", (90, 60), "red"), 1.0)] * 2
    pair[missing] = None
    both = side_by_side(pair[0], pair[1], ("A", "B"))
    middles = [both.image.getpixel((x, both.image.height - 5)) for x in (45, 90 + GAP + 45)]
    assert middles[missing] == (255, 255, 255)
    assert middles[1 - missing] == (255, 0, 0)
