import random
from typing import Any

import pytest

from latelight.errors import InputError
from latelight.evaluation import ClickRule, LoggedSearch, judge_by_clicks
from latelight.evaluation.clicks import topic_of

RAW = ClickRule(levels=(0.2, 0.6), min_impressions=4, min_clicks=1, debias=False)


def searches(query: str, shown: str, *clicked: str) -> list[LoggedSearch]:
    return [LoggedSearch(query, tuple(shown), frozenset(one)) for one in clicked]


def test_the_gain_is_how_many_levels_the_click_rate_reaches() -> None:
    logged = searches("Lamp", "abc", "a", "a", "ab", "a", "")
    (topic,) = judge_by_clicks("log", logged, RAW).qrels.gains.values()
    assert topic == {"a": 2, "b": 1, "c": 0}


def test_documents_shown_seldom_stay_unjudged() -> None:
    logged = [*searches("lamp", "ab", "a", "a", "a"), *searches("lamp", "a", "a")]
    (topic,) = judge_by_clicks("log", logged, RAW).qrels.gains.values()
    assert topic == {"a": 2}
    assert judge_by_clicks("log", logged[:2], RAW).qrels.gains == {}


def test_a_single_click_may_be_chance() -> None:
    rule = ClickRule(levels=(0.2,), min_impressions=4, min_clicks=2, debias=False)
    (topic,) = judge_by_clicks(
        "log", searches("l", "ab", "a", "b", "b", ""), rule
    ).qrels.gains.values()
    assert topic == {"a": 0, "b": 1}


def test_equal_words_are_one_topic_with_a_lasting_name() -> None:
    logged = [*searches("The  Lamp", "a", "a", "a"), *searches("the lamp ", "a", "a", "a")]
    judged = judge_by_clicks("log", logged, RAW)
    assert judged.topics == {topic_of("the lamp"): "The  Lamp"}
    assert topic_of("the lamp") == topic_of("THE LAMP") != topic_of("lamp the")


def test_weighing_by_position_finds_what_people_would_click_anywhere() -> None:
    """The same document, shown at five positions to people who seldom look down."""
    generator = random.Random(0)
    attraction = {"good": 0.6, "fair": 0.25, "bad": 0.02}
    places = {"good": 5, "fair": 1, "bad": 2}  # the best is always shown last
    shown = ["fair", "bad", "x", "y", "good"]
    logged = []
    for _ in range(4000):
        clicked = {
            doc
            for doc, position in places.items()
            if generator.random() < attraction[doc] / position
        }
        logged.append(LoggedSearch("lamp", tuple(shown), frozenset(clicked)))
    rule = ClickRule(levels=(0.1, 0.5))
    (weighed,) = judge_by_clicks("log", logged, rule).qrels.gains.values()
    assert (weighed["good"], weighed["fair"], weighed["bad"]) == (2, 1, 0)
    raw = ClickRule(levels=(0.1, 0.5), debias=False)
    (counted,) = judge_by_clicks("log", logged, raw).qrels.gains.values()
    assert counted["good"] == 1  # looks worse than it is: 0.12 of all impressions


def test_stated_propensities_are_used_and_bounded() -> None:
    rule = ClickRule(propensities=(1.0, 0.5, 0.01), least_propensity=0.1)
    assert [rule.propensity(position) for position in (1, 2, 3, 9)] == [1.0, 0.5, 0.1, 0.1]
    assert ClickRule(eta=2, least_propensity=0.01).propensity(3) == pytest.approx(1 / 9)
    assert ClickRule(debias=False).propensity(7) == 1


def test_wrong_logs_and_rules_are_refused() -> None:
    with pytest.raises(InputError, match="did not show"):
        LoggedSearch("lamp", ("a",), frozenset("b"))
    with pytest.raises(InputError, match="no query"):
        LoggedSearch(" ", ("a",))
    for wrong in ({"levels": ()}, {"levels": (0.5, 0.2)}, {"min_clicks": 0}, {"eta": -1.0}):
        with pytest.raises(InputError):
            ClickRule(**wrong)  # type: ignore[arg-type]


def test_clicks_over_expected_clicks_are_less_moved_by_one_click_far_down() -> None:
    shown = tuple("abcdefghij")
    logged = [LoggedSearch("lamp", shown, frozenset(one)) for one in ("aj", "a", "", "", "")]
    by_hand = {"a": 2 / 5, "j": 1 / (5 * 0.1)}
    for estimator, reached in (("ips", by_hand), ("coec", by_hand)):
        for doc, attraction in reached.items():
            just, more = (
                ClickRule((level,), min_clicks=1, estimator=estimator)  # type: ignore[arg-type]
                for level in (attraction - 1e-9, attraction + 1e-9)
            )
            assert judge_by_clicks("log", logged, just).qrels.gains[topic_of("lamp")][doc] == 1
            assert judge_by_clicks("log", logged, more).qrels.gains[topic_of("lamp")][doc] == 0


def test_the_estimators_differ_where_a_document_stood_in_several_places() -> None:
    """Shown first four times and tenth once, clicked once, far down: 10 / 5 against 1 / 4.1."""
    high, low = tuple("abcdefghij"), tuple("bcdefghija")
    logged = [LoggedSearch("lamp", high) for _ in range(4)]
    logged.append(LoggedSearch("lamp", low, frozenset("a")))
    for estimator, attraction in (("ips", 2.0), ("coec", 1 / 4.1)):
        found = [
            judge_by_clicks(
                "log",
                logged,
                ClickRule((level,), min_clicks=1, estimator=estimator),  # type: ignore[arg-type]
            ).qrels.gains[topic_of("lamp")]["a"]
            for level in (attraction - 1e-9, attraction + 1e-9)
        ]
        assert found == [1, 0]


def test_what_nobody_scrolled_to_was_not_shown() -> None:
    shown = tuple("abcdef")
    one = LoggedSearch("lamp", shown, frozenset("d"))
    assert [doc for doc, _ in one.seen(2)] == list("abcd")
    assert [doc for doc, _ in LoggedSearch("lamp", shown).seen(2)] == list("ab")
    rule = ClickRule(min_impressions=1, min_clicks=1, depth=2)
    (judged,) = judge_by_clicks("log", [one], rule).qrels.gains.values()
    assert set(judged) == set("abcd")


def test_positions_are_those_of_the_list() -> None:
    one = LoggedSearch("lamp", ("a", "b"), frozenset("b"), (1, 4))
    assert one.seen() == (("a", 1), ("b", 4))
    rule = ClickRule((4 - 1e-9,), min_impressions=1, min_clicks=1)
    (judged,) = judge_by_clicks("log", [one], rule).qrels.gains.values()
    assert judged == {"a": 0, "b": 1}
    for wrong in ((1,), (0, 1)):
        with pytest.raises(InputError, match="positions"):
            LoggedSearch("lamp", ("a", "b"), positions=wrong)


@pytest.mark.parametrize("wrong", [{"estimator": "guess"}, {"depth": -1}, {"min_clicks": 0}])
def test_rules_that_are_none_are_refused_with_their_values(wrong: dict[str, Any]) -> None:
    with pytest.raises(InputError, match=str(next(iter(wrong.values())))):
        ClickRule(**wrong)
