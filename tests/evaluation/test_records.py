from pathlib import Path

import pytest

from latelight.errors import DamagedFileError, InputError
from latelight.evaluation import (
    Latency,
    Measure,
    Run,
    RunRecord,
    evaluate,
    in_trec_order,
    load_run,
    read_run,
    save_run,
    score,
    search_topics,
    write_run,
)
from tests.evaluation.made import pair

RECORD = RunRecord(
    "mine",
    {"name": "made", "digest": "0"},
    {"RR": 0.5},
    {"RR": {"q1": 0.5}},
    latency=Latency(2.0, 1.5, 4.0),
    costs={"n_bytes": 10},
    pipeline={"mode": "hybrid"},
    localisation={"iou": {"q1": 0.25}},
    note="first",
)


def test_a_run_and_its_record_are_read_back_as_saved(tmp_path: Path) -> None:
    run = Run({"q1": (("d2", 2.0), ("d1", 1.0))}, "mine")
    trec, beside = save_run(run, RECORD, tmp_path / "runs" / "mine.trec")
    assert (trec.name, beside.name) == ("mine.trec", "mine.trec.json")
    assert load_run(trec) == (run, RECORD)


def test_a_run_of_others_has_no_record(tmp_path: Path) -> None:
    write_run(Run({"q1": (("d1", 1.0),)}), tmp_path / "other.txt")
    assert load_run(tmp_path / "other.txt")[1] is None
    (tmp_path / "other.txt.json").write_text('{"name": "other"}')
    with pytest.raises(DamagedFileError, match="not the record"):
        load_run(tmp_path / "other.txt")


def test_the_record_survives_names_that_columns_cannot_hold(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="white space"):
        save_run(Run({"q1": (("my file", 1.0),)}), RECORD, tmp_path / "run.trec")
    assert (tmp_path / "run.trec.json").exists()


def test_every_topic_is_searched_and_timed() -> None:
    asked: list[str] = []

    def search(text: str) -> list[tuple[str, float]]:
        asked.append(text)
        return [("d1", 1.0), ("d2", 1.0)]

    timed = search_topics(search, {"q1": "one", "q2": "two"}, "mine")
    assert asked == ["one", "one", "two"]  # the first also warms up
    assert timed.run.of("q1") == ("d2", "d1")  # equal scores: as trec_eval orders them
    assert set(timed.milliseconds) == {"q1", "q2"}
    assert timed.latency.p95 >= timed.latency.p50 > 0
    with pytest.raises(InputError, match="no judged topic"):
        search_topics(search, {}, "mine")


def test_measures_stay_what_they_were_after_writing_and_reading(tmp_path: Path) -> None:
    judged, before, _ = pair(20)
    tied = Run({t: tuple((d, 1.0) for d, _ in r) for t, r in before.rankings.items()}, "tied")
    ordered = in_trec_order(tied)
    write_run(ordered, tmp_path / "run.trec")
    measure = Measure.parse("nDCG@5")
    read = read_run(tmp_path / "run.trec")
    assert evaluate(read, judged.qrels, measure) == evaluate(ordered, judged.qrels, measure)
    assert score(read, judged, [measure])["nDCG@5"] == evaluate(read, judged.qrels, measure)


def test_scores_that_are_no_numbers_are_refused(tmp_path: Path) -> None:
    (tmp_path / "run.trec").write_text("q Q0 d 1 nan x\n")
    with pytest.raises(DamagedFileError, match="finite"):
        read_run(tmp_path / "run.trec")
