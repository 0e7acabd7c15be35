import random

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
