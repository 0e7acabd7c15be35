import pytest
from hypothesis import given
from hypothesis import strategies as st

from latelight.errors import InputError, NotFoundError
from latelight.evaluation import (
    EvidenceJudgement,
    JudgementSet,
    Qrels,
    localise,
    localise_topics,
)
from latelight.evaluation.localisation import _areas
from latelight.types import (
    Box,
    CharSpan,
    Document,
    Hit,
    Locator,
    TimeRange,
    TokenEvidence,
    Unit,
)


def found(contribution: float, *places: Locator) -> TokenEvidence:
    return TokenEvidence("lamp", None, "token", 0.5, contribution, places)


def on_page(page: int | None, *box: float) -> Locator:
    return Locator(page=page, box=Box(*box))


def right(place: Locator, unit_id: str = "") -> EvidenceJudgement:
    return EvidenceJudgement("q1", "report", place, unit_id)


LEFT_HALF = right(on_page(1, 0, 0, 0.5, 1))
PAGE_ONE = Unit("p1", "page", Locator(page=1))


def test_the_strongest_evidence_points_and_the_strong_ones_are_the_region() -> None:
    evidence = [
        found(2.0, on_page(1, 0.1, 0.1, 0.3, 0.2)),
        found(1.5, on_page(1, 0.4, 0.5, 0.8, 0.6)),
        found(0.1, on_page(1, 0.9, 0.9, 1.0, 1.0)),
    ]
    seen = localise(evidence, [LEFT_HALF])
    region, common = 0.2 * 0.1 + 0.4 * 0.1, 0.2 * 0.1 + 0.1 * 0.1
    assert (seen.pointing, seen.kind) == (1.0, "box")
    assert seen.iou == pytest.approx(common / (0.5 + region - common))
    assert localise(evidence, [LEFT_HALF], threshold=0.9).iou == pytest.approx(0.02 / 0.5)


def test_tokens_that_found_one_place_add_up() -> None:
    weak = on_page(1, 0.1, 0.1, 0.2, 0.2)
    evidence = [found(1.0, on_page(1, 0.8, 0.8, 0.9, 0.9)), found(0.6, weak), found(0.6, weak)]
    assert localise(evidence, [LEFT_HALF]).pointing == 1


def test_a_row_that_stands_for_several_places_points_with_each() -> None:
    pooled = found(1.0, on_page(1, 0.1, 0, 0.2, 1), on_page(1, 0.8, 0, 0.9, 1))
    assert localise([pooled], [LEFT_HALF]).pointing == 0.5


def test_another_page_is_another_place() -> None:
    seen = localise([found(1.0, on_page(2, 0.1, 0.1, 0.3, 0.2))], [LEFT_HALF])
    assert (seen.pointing, seen.iou) == (0, 0)
    anywhere = right(on_page(None, 0, 0, 0.5, 1))
    assert localise([found(1.0, on_page(2, 0, 0, 0.5, 1))], [anywhere]).iou == 1


def test_evidence_without_a_place_points_nowhere() -> None:
    assert localise([found(1.0)], [LEFT_HALF]).pointing == 0
    assert localise([], [LEFT_HALF]).iou == 0
    assert localise([found(1.0, Locator(span=CharSpan(0, 4)))], [LEFT_HALF]).pointing == 0


def test_characters_and_times_are_judged_too() -> None:
    words = localise(
        [
            found(1.0, Locator(span=CharSpan(12, 16), page=4)),
            found(0.8, Locator(span=CharSpan(20, 30))),
        ],
        [right(Locator(span=CharSpan(10, 25)))],
    )
    assert (words.kind, words.pointing) == ("span", 1.0)
    assert words.iou == pytest.approx(9 / 20)
    spoken = localise(
        [found(1.0, Locator(time=TimeRange(3.0, 4.0)))],
        [right(Locator(time=TimeRange(3.5, 5.5)))],
    )
    assert (spoken.kind, spoken.pointing, spoken.iou) == ("time", 1.0, pytest.approx(0.2))


def test_places_judged_elsewhere_in_the_document_are_left_out() -> None:
    evidence = [found(1.0, on_page(1, 0, 0, 0.5, 1))]
    judged = [LEFT_HALF, right(on_page(7, 0, 0, 1, 1)), right(on_page(1, 0, 0, 1, 1), "p9")]
    assert localise(evidence, judged, unit=PAGE_ONE).iou == 1
    assert localise(evidence, judged[:2]).iou == pytest.approx(1 / 3)
    with pytest.raises(InputError, match="No place is judged"):
        localise(evidence, judged[1:], unit=PAGE_ONE)
    passage = Unit("c0", "passage", Locator(span=CharSpan(0, 100)))
    with pytest.raises(InputError):
        localise([], [right(Locator(span=CharSpan(100, 120)))], unit=passage)


def test_the_threshold_is_a_share() -> None:
    with pytest.raises(InputError, match="threshold"):
        localise([], [LEFT_HALF], threshold=0)


BOX = st.tuples(*[st.integers(0, 9)] * 4).map(
    lambda n: (min(n[0], n[2]), min(n[1], n[3]), max(n[0], n[2]) + 1, max(n[1], n[3]) + 1)
)


@given(st.lists(BOX, max_size=4), st.lists(BOX, max_size=4))
def test_areas_are_those_of_counted_cells(
    a: list[tuple[int, ...]], b: list[tuple[int, ...]]
) -> None:
    def cells(boxes: list[tuple[int, ...]]) -> set[tuple[int, int]]:
        return {(x, y) for x0, y0, x1, y1 in boxes for x in range(x0, x1) for y in range(y0, y1)}

    both, either = _areas(a, b)  # type: ignore[arg-type]
    assert both == len(cells(a) & cells(b))
    assert either == len(cells(a) | cells(b))


def test_every_judged_unit_is_explained_and_averaged_by_topic() -> None:
    judged = JudgementSet(
        "places",
        {"q1": "lamp", "q2": "ferry"},
        Qrels({"q1": {"report": 1}, "q2": {"gone": 1}}),
        (
            LEFT_HALF,
            right(on_page(2, 0, 0, 1, 1)),
            EvidenceJudgement("q2", "gone", on_page(1, 0, 0, 1, 1)),
        ),
    )

    def explain(text: str, doc_id: str) -> list[Hit]:
        if doc_id == "gone":
            raise NotFoundError("no such document")
        assert text == "lamp"
        document = Document(doc_id, "", "", "")
        return [
            Hit(
                1,
                1.0,
                1.0,
                document,
                Unit(f"p{n}", "page", Locator(page=n)),
                (found(1.0, on_page(n, 0, 0, 0.5, 1)),),
            )
            for n in (3, 2, 1)
        ]

    seen = localise_topics(explain, judged)
    assert seen["pointing"] == {"q1": 1.0, "q2": 0.0}
    assert seen["iou"] == {"q1": pytest.approx((1 + 0.5) / 2), "q2": 0.0}
