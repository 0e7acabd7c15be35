import json
from pathlib import Path
from typing import Any

import pytest

from latelight.cli import eval as eval_commands
from latelight.cli import eval_log, experiment, judgement_sets
from latelight.evaluation import (
    EvidenceJudgement,
    JudgementSet,
    Qrels,
    read_run,
    write_beir,
)
from latelight.testing.files import text_pdf
from latelight.types import CharSpan, Locator
from tests.cli.conftest import Run

TEXTS = {
    "ferry": "The ferry was refitted in 2019.",
    "lamp": "The lamp of the lighthouse burns oil.",
    "keeper": "The keeper lives in the lighthouse.",
    "harbour": "The harbour is deep.",
}
TOPICS = {"q1": "when was the ferry refitted", "q2": "what does the lamp burn", "q3": "harbour"}
QRELS = Qrels({"q1": {"ferry": 1}, "q2": {"lamp": 2, "keeper": 1}, "q3": {"harbour": 1}})
GROUPS = {
    ("eval",): eval_commands.app,
    ("eval", "judgements"): judgement_sets.app,
    ("eval", "log"): eval_log.app,
    ("experiment",): experiment.app,
}
COMMANDS = [
    (*words, one.name or "") for words, app in GROUPS.items() for one in app.registered_commands
]


@pytest.fixture
def judged(run: Run, tmp_path: Path) -> Path:
    """A library of four notes, and judgements about them."""
    lines = [json.dumps({"id": doc, "text": text}) for doc, text in TEXTS.items()]
    (tmp_path / "notes.jsonl").write_text("\n".join(lines))
    assert run("add", "notes.jsonl", "-c", "notes").code == 0
    write_beir(JudgementSet("notes", TOPICS, QRELS), tmp_path / "judged")
    return tmp_path / "judged"


@pytest.fixture
def two_runs(run: Run, judged: Path) -> tuple[str, str]:
    for mode in ("bm25", "hybrid"):
        done = run("eval", "run", "notes", "-j", str(judged), "--mode", mode)
        assert done.code == 0, done.err
    return "runs/notes-bm25-balanced.trec", "runs/notes-hybrid-balanced.trec"


def told(run: Run, *words: str) -> Any:
    done = run(*words, "--json")
    assert done.code == 0, done.err
    return json.loads(done.out)


def test_a_run_is_saved_with_its_measures_times_and_costs(
    run: Run, judged: Path, tmp_path: Path
) -> None:
    record = told(run, "eval", "run", "notes", "-j", str(judged), "-m", "RR", "-m", "P@1",
                  "--pipeline-note", "as it was", "--depth", "3")  # fmt: skip
    assert set(record["means"]) == {"RR", "P@1"}
    assert record["means"]["P@1"] == 1
    assert record["latency"]["p95"] >= record["latency"]["p50"] > 0
    assert record["costs"]["n_documents"] == 4
    assert record["costs"]["rows_added_per_second"] > 0
    assert (record["pipeline"]["mode"], record["note"]) == ("auto", "as it was")
    found = read_run(tmp_path / record["run"])
    assert found.of("q1")[0] == "ferry"
    assert max(len(r) for r in found.rankings.values()) <= 3
    assert json.loads((tmp_path / record["record"]).read_text())["per_topic"]["P@1"]["q2"] == 1


def test_the_collection_digest_is_of_its_documents(run: Run, judged: Path, tmp_path: Path) -> None:
    words = ("eval", "run", "notes", "-j", str(judged))
    first, again = (told(run, *words)["pipeline"]["collection_digest"] for _ in "ab")
    (tmp_path / "more.txt").write_text("The bell rings in fog.")
    assert run("add", "more.txt", "-c", "notes").code == 0
    assert first == again != told(run, *words)["pipeline"]["collection_digest"]


def test_an_exact_search_finds_all_that_it_finds(run: Run, judged: Path) -> None:
    record = told(run, "eval", "run", "notes", "-j", str(judged), "--against-exact")
    assert record["costs"]["found_of_exact_10"] == 1


def test_units_are_named_after_their_documents(run: Run, judged: Path, tmp_path: Path) -> None:
    words = ("eval", "run", "notes", "--units", "--name", "units", "-j")
    of_documents = run(*words, str(judged))
    assert of_documents.code == 1
    assert "0 of 4 judged units" in of_documents.err and "leave --units out" in of_documents.err
    unit = json.loads(run("search", "ferry", "-c", "notes", "--json").out)["hits"][0]["unit_id"]
    gains = {topic: {f"{doc}#{unit}": 1} for topic, doc in (("q1", "ferry"), ("q2", "lamp"))}
    JudgementSet("units", TOPICS, Qrels(gains)).save(tmp_path / "units.json")
    record = told(run, *words, "units.json")
    assert all("#" in doc for doc in read_run(tmp_path / record["run"]).of("q1"))
    assert record["means"]["RR@10"] > 0
    by_document = run("eval", "run", "notes", "-j", "units.json")
    assert by_document.code == 1
    assert "0 of 2 judged documents" in by_document.err and "give --units" in by_document.err


def test_judgements_of_nothing_that_is_there_are_no_run(
    run: Run, judged: Path, tmp_path: Path
) -> None:
    elsewhere = {topic: {f"{doc}.txt": 1 for doc in docs} for topic, docs in QRELS.gains.items()}
    JudgementSet("elsewhere", TOPICS, Qrels(elsewhere)).save(tmp_path / "elsewhere.json")
    done = run("eval", "run", "notes", "-j", "elsewhere.json")
    assert done.code == 1
    assert "0 of 4 judged documents are in the collection" in done.err
    assert "'ferry.txt'" in done.err and "doc_id" in done.err
    assert not (tmp_path / "runs").exists()
    some = {**elsewhere, "q1": {"ferry": 1}}
    JudgementSet("some", TOPICS, Qrels(some)).save(tmp_path / "some.json")
    done = run("eval", "run", "notes", "-j", "some.json")
    assert done.code == 0
    assert "1 of 4 judged documents" in done.err and "2 of 3 topics have none" in done.err


def test_two_runs_of_zeros_are_not_advised_to_judge_more(
    run: Run, judged: Path, two_runs: tuple[str, str], tmp_path: Path
) -> None:
    elsewhere = Qrels({topic: {"elsewhere": 1} for topic in TOPICS})
    JudgementSet("elsewhere", TOPICS, elsewhere).save(tmp_path / "elsewhere.json")
    done = run("eval", "compare", *two_runs, "-j", "elsewhere.json", "-m", "RR")
    assert "RR is 0 on all of 3 topics" in done.out
    assert "would show" not in done.out


@pytest.mark.parametrize("command", ["run", "report"])
def test_where_nothing_can_be_written_is_said_in_a_sentence(
    run: Run, judged: Path, two_runs: tuple[str, str], tmp_path: Path, command: str
) -> None:
    (tmp_path / "taken").write_text("a file")
    given = ("notes",) if command == "run" else two_runs
    for directory in ("/proc/x", "taken", "taken/below"):
        done = run("eval", command, *given, "-j", str(judged), "--out", directory)
        assert done.code == 1
        assert f"--out is '{directory}', where nothing can be written" in done.err
        assert "Traceback" not in done.err


def test_judged_places_are_judged_too(run: Run, judged: Path, tmp_path: Path) -> None:
    start = TEXTS["ferry"].index("refitted")
    place = Locator(span=CharSpan(start, start + len("refitted")))
    JudgementSet("places", TOPICS, QRELS, (EvidenceJudgement("q1", "ferry", place),)).save(
        tmp_path / "places.json"
    )
    record = told(run, "eval", "run", "notes", "-j", "places.json", "--mode", "maxsim")
    assert set(record["localisation"]) == {"pointing", "iou"}
    assert 0 < record["localisation"]["iou"]["q1"] <= 1
    shown = run("eval", "run", "notes", "-j", "places.json", "--mode", "bm25")
    assert "evidence pointing" in shown.out
    runs = (record["run"], "runs/notes-bm25-balanced.trec")
    found = told(run, "eval", "compare", *runs, "-j", "places.json", "-m", "RR")
    assert found["measures"] == ["RR", "pointing", "iou"]


def test_runs_are_compared_in_words(run: Run, judged: Path, two_runs: tuple[str, str]) -> None:
    done = run("eval", "compare", *two_runs, "-j", str(judged))
    assert done.code == 0
    assert "p (Holm)" in done.out and "+0.0000" in done.out
    assert "Not enough topics to tell notes-hybrid-balanced from notes-bm25-balanced" in done.out


def test_a_comparison_as_json_holds_every_test(
    run: Run, judged: Path, two_runs: tuple[str, str]
) -> None:
    found = told(run, "eval", "compare", *two_runs, "-j", str(judged), "-m", "nDCG@10")
    (one,) = found["differences"]
    assert {"t", "randomisation", "corrected_p", "bootstrap", "t_interval", "verdict"} <= set(one)
    assert found["n_topics"] == 3


def test_runs_of_one_name_are_called_after_their_files(
    run: Run, judged: Path, two_runs: tuple[str, str], tmp_path: Path
) -> None:
    copy = tmp_path / "copy.trec"
    copy.write_bytes((tmp_path / two_runs[0]).read_bytes())
    found = told(run, "eval", "compare", two_runs[0], "copy.trec", "-j", str(judged))
    assert [one["name"] for one in found["runs"]] == ["notes-bm25-balanced", "copy"]


def test_a_report_is_a_page_and_figures(
    run: Run, judged: Path, two_runs: tuple[str, str], tmp_path: Path
) -> None:
    pytest.importorskip("matplotlib")
    words = ("eval", "report", *two_runs, "-j", str(judged), "-o", "report")
    files = [Path(name).name for name in told(run, *words)["files"]]
    assert files[0] == "report.html" and files[1] == "intervals.png"
    page = (tmp_path / "report" / "report.html").read_text("utf-8")
    assert "n bytes" in page and "Not enough topics to tell" in page
    assert told(run, *words, "--no-figures")["files"] == ["report/report.html"]


def test_an_experiment_is_tried_on_paper(run: Run, judged: Path, two_runs: tuple[str, str]) -> None:
    words = ("experiment", "simulate", *two_runs, "-j", str(judged), "--sessions", "200")
    found = told(run, *words, "--repeat", "5", "--kind", "ab")
    assert sum(row["n"] for row in found["decisions"]) == len(found["outcomes"]) == 5
    assert "undecided" in run(*words, "--repeat", "3", "--clicks", "cascade").out


@pytest.mark.parametrize(
    ("words", "code", "reason"),
    [
        (("eval", "run", "notes", "-j", "none"), 1, "nothing at"),
        (("eval", "run", "notes", "-j", "judged", "-m", "nonsense"), 2, "Unknown measure"),
        (("eval", "run", "notes", "-j", "judged", "--mode", "psychic"), 2, "mode is 'psychic'"),
        (("eval", "run", "nowhere", "-j", "judged"), 1, "nowhere"),
        (("eval", "run", "notes", "-j", "judged", "--name", "my run"), 2, "leave out blanks"),
        (("eval", "compare", "runs/none.trec", "x", "-j", "judged"), 1, "none.trec"),
        (("eval", "compare", "judged/queries.jsonl", "-j", "judged"), 2, "at least 2"),
        (("experiment", "simulate", "a", "b", "-j", "judged", "--kind", "c"), 2, "--kind"),
    ],
)
def test_what_is_wrong_is_said(
    run: Run, judged: Path, words: tuple[str, ...], code: int, reason: str
) -> None:
    done = run(*words)
    assert done.code == code
    assert reason in done.err


@pytest.mark.parametrize("words", COMMANDS)
def test_every_command_has_help_json_and_a_place_in_the_readme(
    run: Run, words: tuple[str, ...]
) -> None:
    done = run(*words, "--help")
    assert done.code == 0
    assert "--json" in done.out
    readme = (Path(__file__).parents[2] / "README.md").read_text("utf-8")
    assert f"`{' '.join(words)}`" in readme


def test_explain_diff_tells_what_moved_and_why(run: Run, judged: Path, tmp_path: Path) -> None:
    (tmp_path / "new.yaml").write_text("spaces: {text: {}}\nlexical: {weight: 2.0}")
    (tmp_path / "plan.yaml").write_text("gate: null")
    (tmp_path / "page.pdf").write_bytes(text_pdf("the [ferry] lamp"))
    assert run("add", "page.pdf", "-c", "notes").code == 0
    assert run("release", "start", "notes", "new.yaml", "--plan", "plan.yaml").code == 0
    assert run("release", "step", "notes").code == 0
    words = ("eval", "explain-diff", "notes", "ferry lamp", "live", "candidate")
    said = run(*words, "--maps", "maps", "--most", "9")
    assert said.code == 0, said.err
    assert "found A" in said.out and "[ferry]" in said.out
    assert "has no picture to light" in said.err  # of the passages
    assert [path.suffix for path in (tmp_path / "maps").iterdir()] == [".png"]
    found = told(run, *words, "-k", "2")
    for one in found["documents"]:
        whole = sum(shift["delta"] for shift in one["shifts"]) + one["rounding"]
        assert whole == pytest.approx(one["score_after"] - one["score_before"], abs=1e-6)
    other = told(run, "eval", "explain-diff", "notes", "ferry", "live", "notes", "--doc", "lamp")
    assert other["documents"][0]["delta"] == 0
    assert run("eval", "explain-diff", "notes", "ferry", "nothing").code == 1
