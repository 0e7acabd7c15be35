from pathlib import Path

import pytest

from latelight.errors import DamagedFileError, InputError, NotFoundError
from latelight.evaluation import Qrels, Run, read_qrels, read_run, write_qrels, write_run


def test_qrels_are_read_back_as_written(tmp_path: Path) -> None:
    qrels = Qrels({"q1": {"d1": 1, "d2": 0}, "q2": {"d1": 3}})
    write_qrels(qrels, tmp_path / "qrels.txt")
    assert (tmp_path / "qrels.txt").read_text() == "q1 0 d1 1\nq1 0 d2 0\nq2 0 d1 3\n"
    assert read_qrels(tmp_path / "qrels.txt") == qrels


def test_beir_qrels_have_a_header_and_three_columns(tmp_path: Path) -> None:
    path = tmp_path / "test.tsv"
    path.write_text("query-id\tcorpus-id\tscore\nq1\td1\t1\nq1\td2\t-1\n")
    assert read_qrels(path).of("q1") == {"d1": 1, "d2": -1}


def test_only_topics_with_relevant_documents_are_topics() -> None:
    assert Qrels({"q1": {"d": 0}, "q2": {"d": 1}}).topics == ("q2",)


def test_runs_are_read_back_as_written(tmp_path: Path) -> None:
    run = Run({"q1": (("d2", 2.5), ("d1", 0.1)), "q2": (("d1", -1.0),)}, "mine")
    write_run(run, tmp_path / "run.txt")
    assert (tmp_path / "run.txt").read_text().splitlines()[0] == "q1 Q0 d2 1 2.5 mine"
    assert read_run(tmp_path / "run.txt") == run


def test_scores_decide_the_order_and_ties_go_by_name_downwards(tmp_path: Path) -> None:
    path = tmp_path / "run.txt"
    path.write_text("q Q0 a 1 1.0 x\nq Q0 b 2 3.0 x\nq Q0 c 3 1.0 x\n")
    assert read_run(path).of("q") == ("b", "c", "a")


def test_damaged_lines_are_named(tmp_path: Path) -> None:
    path = tmp_path / "file.txt"
    path.write_text("q1 0 d1 1\nq1 0 d2 high\n")
    with pytest.raises(DamagedFileError, match=r"line 2.*high"):
        read_qrels(path)
    with pytest.raises(DamagedFileError, match=r"line 1.*q1 0 d1 1"):
        read_run(path)


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(NotFoundError, match=r"none\.txt"):
        read_run(tmp_path / "none.txt")


def test_a_document_ranked_twice_is_refused() -> None:
    with pytest.raises(InputError, match="more than once"):
        Run({"q": (("d", 2.0), ("d", 1.0))})


def test_names_with_blanks_cannot_be_written(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="white space"):
        write_run(Run({"q": (("my file.pdf", 1.0),)}), tmp_path / "run.txt")
