from latelight.evaluation import JudgementSet, Qrels, coverage

TOPICS = {"a": "one", "b": "two", "c": "three", "d": "nothing relevant"}
GAINS = {"a": {"x": 1, "y": 2}, "b": {"z": 1, "there": 0}, "c": {"there": 1}, "d": {"q": 0}}


def test_relevant_documents_are_counted_once_and_topics_without_any_are_left_out() -> None:
    found = coverage(JudgementSet("set", TOPICS, Qrels(GAINS)), {"y", "there", "q"}.__contains__)
    assert (found.n_judged, found.n_found, found.missing) == (4, 2, ("x", "z"))
    # b names `there`, as not relevant: that decides no measure.
    assert (found.topics, found.n_topics) == (("a", "c"), 3)
    assert found.said("pages") == "2 of 4 judged pages are in the collection"
