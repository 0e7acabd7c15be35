import json
from math import inf

import pytest

from latelight.errors import InputError
from latelight.evaluation import CompareOptions, Draws, Measure, Qrels, Run, compare
from latelight.evaluation.compare import decide
from latelight.evaluation.judgements import JudgementSet
from latelight.evaluation.significance import holm
from tests.evaluation.made import judgements, pair, run

RR, P1 = Measure.parse("RR"), Measure.parse("P@1")
QUICK = CompareOptions(draws=Draws(2000))


def test_a_clearly_better_system_is_better_and_the_other_way_round_worse() -> None:
    judged, before, after = pair(60, better=0.5)
    (forth,) = compare([before, after], judged, [RR], QUICK).differences
    (back,) = compare([after, before], judged, [RR], QUICK).differences
    assert (forth.verdict, back.verdict) == ("better", "worse")
    assert forth.difference == pytest.approx(-back.difference)
    assert forth.bootstrap.low > 0 > back.bootstrap.high
    assert forth.randomisation.p == pytest.approx(back.randomisation.p)
    assert forth.wins + forth.losses + forth.ties == 60


def test_few_topics_are_said_to_be_too_few_and_how_many_it_takes() -> None:
    judged, before, after = pair(12, better=0.1)
    (one,) = compare([before, after], judged, [RR], QUICK).differences
    assert one.verdict == "not enough topics"
    assert one.needed is not None and one.needed > 100
    assert one.detectable > QUICK.margin


def test_five_topics_can_show_nothing_however_large_the_difference() -> None:
    judged = judgements(5)
    worst, best = (run(n, judged, dict.fromkeys(judged.topics, p)) for n, p in (("w", 9), ("b", 0)))
    (one,) = compare([worst, best], judged, [RR], QUICK).differences
    assert (one.verdict, one.detectable) == ("not enough topics", inf)
    assert one.randomisation.p == pytest.approx(2 / 2**5)


def test_many_topics_without_a_difference_show_none() -> None:
    judged, before, _ = pair(400)
    (same,) = compare([before, Run(before.rankings, "same")], judged, [RR], QUICK).differences
    assert (same.verdict, same.needed, same.effect) == ("no difference shown", None, 0)
    assert same.changed(10) == ()


def test_equal_runs_over_few_topics_do_not_count_as_shown_equal() -> None:
    judged, before, _ = pair(10)
    (one,) = compare([before, Run(before.rankings, "same")], judged, [RR], QUICK).differences
    assert (one.verdict, one.needed) == ("not enough topics", 25)


def test_everything_is_corrected_together() -> None:
    judged, before, after = pair(40, better=0.2)
    other = Run(pair(40, better=0.1, seed=5)[2].rankings, "other")
    found = compare([before, after, other], judged, [RR, P1], QUICK)
    assert [(d.system, d.measure) for d in found.differences] == [
        ("after", "RR"),
        ("after", "P@1"),
        ("other", "RR"),
        ("other", "P@1"),
    ]
    corrected = holm([d.randomisation.p for d in found.differences])
    assert [d.corrected_p for d in found.differences] == corrected
    alone = compare([before, after], judged, [RR], QUICK).of("after", "RR")
    assert found.of("after", "RR").corrected_p >= alone.corrected_p
    assert found.of("after", "RR").detectable > alone.detectable


def test_topics_that_changed_most_come_first_with_their_texts() -> None:
    judged = judgements(30)
    places = dict.fromkeys(judged.topics, 1)
    moved = places | {"q4": 0, "q7": 9, "q9": 2}
    runs = [run("before", judged, places), run("after", judged, moved)]
    (one,) = compare(runs, judged, [RR], QUICK).differences
    assert [topic.topic for topic in one.changed(10)] == ["q4", "q7", "q9"]
    assert one.changed(1)[0].text == "question <4> & more"
    assert one.changed(1)[0].difference == pytest.approx(0.5)


def test_topics_without_results_count_zero_and_are_named() -> None:
    judged, before, _ = pair(30)
    rankings = {t: r for t, r in before.rankings.items() if t not in ("q1", "q2")}
    found = compare([before, Run(rankings, "short")], judged, [RR], QUICK)
    assert found.runs[1].missing == ("q1", "q2")
    assert found.n_topics == 30
    assert found.of("short", "RR").after < found.of("short", "RR").before


def test_one_run_alone_is_judged_without_tests() -> None:
    judged, before, _ = pair(30)
    found = compare([before], judged, [RR, P1])
    assert found.differences == ()
    assert set(found.runs[0].means) == {"RR", "P@1"}


def test_the_same_comparison_gives_the_same_json() -> None:
    judged, before, after = pair(30, better=0.2)
    told = [json.dumps(compare([before, after], judged, [RR], QUICK).to_dict()) for _ in "ab"]
    assert told[0] == told[1]
    assert json.loads(told[0])["judgements"]["digest"] == judged.digest


def test_unbounded_values_are_null_in_json() -> None:
    judged = judgements(1)
    runs = [run("a", judged, {"q0": 1}), run("b", judged, {"q0": 0})]
    told = json.dumps(compare(runs, judged, [RR], QUICK).to_dict(), allow_nan=False)
    assert json.loads(told)["differences"][0]["bootstrap"]["low"] is None


@pytest.mark.parametrize(
    ("difference", "p", "detectable", "n", "verdict"),
    [
        (0.1, 0.01, 0.5, 8, "better"),
        (-0.1, 0.05, 0.5, 8, "worse"),
        (0.1, 0.06, 0.021, 300, "not enough topics"),
        (0.1, 0.06, 0.019, 300, "no difference shown"),
        (0.0, 1.0, 0.0, 24, "not enough topics"),
        (0.0, 1.0, 0.0, 25, "no difference shown"),
    ],
)
def test_verdicts(difference: float, p: float, detectable: float, n: int, verdict: str) -> None:
    assert decide(difference, p, detectable, n) == verdict


def test_what_cannot_be_compared_is_refused() -> None:
    judged, before, after = pair(10)
    with pytest.raises(InputError, match="own name"):
        compare([before, before], judged, [RR])
    with pytest.raises(InputError, match="is it of another set"):
        compare([before, Run({"x": (("d", 1.0),)}, "other")], judged, [RR])
    with pytest.raises(InputError, match="at least one"):
        compare([before], judged, [])
    with pytest.raises(InputError, match="no relevant document"):
        compare([before], JudgementSet("none", {"q": "x"}, Qrels({"q": {"d": 0}})), [RR])
    with pytest.raises(InputError, match="more draws"):
        measures = [Measure("P", k) for k in range(1, 10)]
        compare([before, after], judged, measures, CompareOptions(draws=Draws(100)))
    with pytest.raises(InputError, match="margin"):
        CompareOptions(margin=0)


def test_where_evidence_points_is_compared_like_a_measure() -> None:
    judged, before, after = pair(40)
    topics = list(judged.topics)[:30]  # places are judged for some topics only
    also = {
        "before": {"iou": dict.fromkeys(topics, 0.2), "pointing": {"q1": 1.0}},
        "after": {"iou": {t: 0.5 if i % 3 else 0.2 for i, t in enumerate(topics)}},
    }
    found = compare([before, after], judged, [RR], QUICK, also)
    assert found.measures == ("RR", "iou")  # pointing is not known of both
    one = found.of("after", "iou")
    assert (one.verdict, len(one.topics)) == ("better", 30)
    assert one.difference == pytest.approx(0.2)
    assert found.n_topics == 40
