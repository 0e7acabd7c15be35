import json
from pathlib import Path
from typing import Any

import pytest

from latelight.evaluation import JudgementSet, read_judgements
from tests.cli.conftest import Run
from tests.cli.test_eval import QRELS, TOPICS, judged  # noqa: F401  a fixture

SET = JudgementSet("notes", TOPICS, QRELS)
PLACES = (
    "topic,text,doc_id,gain,start,end,page,left,top,right,bottom\n"
    "q1,when was the ferry refitted,ferry,1,26,30,,,,,\n"
    "q2,what does the lamp burn,lamp,2,,,1,.1,.2,.3,.4\n"
)
WORDS = ("eval", "judgements")


def told(run: Run, *words: str) -> Any:
    done = run(*words, "--json")
    assert done.code == 0, done.err
    return json.loads(done.out)


@pytest.fixture
def kept(run: Run, judged: Path) -> Run:  # noqa: F811
    done = run(*WORDS, "import", "notes", str(judged), "--name", "claims")
    assert done.code == 0, done.err
    assert "claims: 3 topics, 4 judged documents, 0 judged places. 4 of 4" in done.out
    return run


def test_a_set_is_imported_listed_and_deleted(kept: Run) -> None:
    (one,) = told(kept, *WORDS, "list", "notes")
    assert (one["name"], one["n_topics"], one["digest"]) == ("claims", 3, SET.digest)
    assert "claims" in kept(*WORDS, "list", "notes").out
    assert kept(*WORDS, "delete", "notes", "claims").code == 0
    assert told(kept, *WORDS, "list", "notes") == []
    gone = kept(*WORDS, "delete", "notes", "claims")
    assert gone.code == 1
    assert "no judgement set 'claims'" in gone.err


@pytest.mark.parametrize(
    ("path", "form", "read"),
    [
        ("out.json", "", ("out.json",)),
        ("out.csv", "", ("out.csv",)),
        ("out", "", ("out",)),
        ("out.qrels", "trec", ("out.qrels", "out.qrels.topics")),
    ],
)
def test_a_set_is_exported_and_the_same_when_read_again(
    kept: Run, path: str, form: str, read: tuple[str, ...]
) -> None:
    words = ("--format", form) if form else ()
    done = told(kept, *WORDS, "export", "notes", "claims", path, *words)
    assert all(Path(file).is_file() for file in done["files"])
    assert read_judgements(*read).digest == SET.digest


def test_judged_places_are_kept_and_exported(run: Run, judged: Path) -> None:  # noqa: F811
    Path("places.csv").write_text(PLACES)
    assert told(run, *WORDS, "import", "notes", "places.csv")["n_places"] == 2
    assert run(*WORDS, "export", "notes", "places", "back.csv").code == 0
    assert read_judgements("back.csv").digest == read_judgements("places.csv").digest
    lost = run(*WORDS, "export", "notes", "places", "beir")
    assert "2 judged places have no place in beir" in lost.err
    found = told(run, "eval", "run", "notes", "-j", "places", "--mode", "maxsim")
    assert found["localisation"]["pointing"]["q1"] in {0, 1}


def test_another_set_of_the_name_has_to_be_asked_for(kept: Run) -> None:
    Path("claims.csv").write_text("topic,doc_id\nlamp,lamp\n")
    refused = kept(*WORDS, "import", "notes", "claims.csv")
    assert refused.code == 1
    assert "already_exists" in refused.err
    assert kept(*WORDS, "import", "notes", "claims.csv", "--replace").code == 0
    assert told(kept, *WORDS, "list", "notes")[0]["n_topics"] == 1


def test_what_is_not_there_is_named(run: Run, judged: Path) -> None:  # noqa: F811
    Path("some.csv").write_text("topic,doc_id\nlamp,lamp\nlamp,nowhere\n")
    done = run(*WORDS, "import", "notes", "some.csv")
    assert "1 of 2 judged documents are in the collection" in done.out
    assert "'nowhere'" in done.err


def test_runs_comparisons_reports_and_papers_find_it_by_name(kept: Run) -> None:
    for mode in ("bm25", "hybrid"):
        words = ("eval", "run", "notes", "--mode", mode, "--name", mode)
        record = told(kept, *words, "-j", "claims")
        assert record["judgements"] == {"name": "notes", "digest": SET.digest} | {"name": "claims"}
        assert told(kept, *words, "-j", "notes@claims")["means"] == record["means"]
        assert told(kept, *words, "-j", "@claims")["means"] == record["means"]
    runs = ("runs/bm25.trec", "runs/hybrid.trec")
    assert told(kept, "eval", "compare", *runs, "-j", "notes@claims")["n_topics"] == 3
    paper = ("experiment", "simulate", *runs, "-j", "notes@claims", "--sessions", "50")
    assert told(kept, *paper, "--repeat", "2")["decisions"]
    out = ("--no-figures", "-o", "report")
    assert kept("eval", "report", *runs, "-j", "notes@claims", *out).code == 0


@pytest.mark.parametrize(
    ("words", "code", "reason"),
    [
        (("eval", "run", "notes", "-j", "none"), 1, "it has: claims"),
        (("eval", "compare", "a", "b", "-j", "notes@none"), 1, "it has: claims"),
        (("eval", "compare", "a", "b", "-j", "elsewhere@claims"), 1, "elsewhere"),
        ((*WORDS, "export", "notes", "claims", "x.txt"), 2, "--format json, csv, beir or trec"),
        ((*WORDS, "export", "notes", "claims", "x", "--format", "xml"), 2, "'xml'"),
        ((*WORDS, "export", "notes", "claims", "no/x.json"), 1, "cannot be written"),
        ((*WORDS, "import", "notes", "no.csv"), 1, "no.csv"),
        ((*WORDS, "import", "notes", "judged", "--name", "a b"), 2, "cannot name a judgement set"),
    ],
)
def test_what_is_wrong_is_said(kept: Run, words: tuple[str, ...], code: int, reason: str) -> None:
    done = kept(*words)
    assert done.code == code
    assert reason in done.err


def test_a_gate_is_passed_on_a_set_by_name(kept: Run) -> None:
    Path("new.yaml").write_text("name: finer\nspaces:\n  text: {bits: 4}\n")
    Path("plan.yaml").write_text(
        "gate: {judgements: claims, allow_few_topics: true}\n"
        "shadow: null\ninterleave: null\nramp: null\n"
    )
    assert kept("release", "start", "notes", "new.yaml", "--plan", "plan.yaml").code == 0
    done = kept("release", "step", "notes", "--all")
    assert done.code == 0, done.err
    assert "The gate is open" in done.out
