"""`latelight pipeline`: presets, whole specs, and plans."""

import json
from pathlib import Path

import pytest
import yaml

from latelight.app import engine
from latelight.encoders import create_encoder
from latelight.pipelines.spec import PRESETS, parse_spec
from tests.cli.conftest import Run

RECORDS = [{"id": f"d{n}", "text": f"boat{n} carries cargo{n} past light{n}"} for n in range(12)]


@pytest.fixture
def filled(run: Run, tmp_path: Path) -> Run:
    """The command, with a collection `c` of a dozen records in the library."""
    (tmp_path / "records.jsonl").write_text("\n".join(map(json.dumps, RECORDS)))
    assert run("add", "records.jsonl", "-c", "c").code == 0
    return run


def test_the_presets_are_listed_with_their_encoders(run: Run) -> None:
    assert json.loads(run("pipeline", "list", "--json").out)["default"] == {
        "text": "latelight-small"
    }
    told = run("pipeline", "list").out
    assert all(name in told for name in PRESETS)


def test_a_shown_pipeline_is_the_same_pipeline(run: Run) -> None:
    assert parse_spec(run("pipeline", "show", "minilm").out) == PRESETS["minilm"]
    told = json.loads(run("pipeline", "show", "--json").out)
    assert parse_spec(yaml.safe_dump(told)) == PRESETS["default"]


def test_a_plan_agrees_with_the_whole_rows_where_nothing_is_pooled(filled: Run) -> None:
    told = json.loads(filled("pipeline", "plan", "c", "--factors", "1,2", "--json").out)
    assert told["measure"] == "agreement@10"
    by_factor: dict[int, list[float]] = {1: [], 2: []}
    for point in told["points"]:
        by_factor[point["factor"]].append(point["quality"])
    assert by_factor[1] == [1.0] * 9
    assert len(by_factor[2]) == 9
    assert "agreement@10" in filled("pipeline", "plan", "c", "--factors", "1").out


def test_a_plan_tries_the_stores_and_levels_that_are_named(filled: Run) -> None:
    few = ("--factors", "1", "--stores", "codes:4,int8", "--levels", "best")
    told = json.loads(filled("pipeline", "plan", "c", *few, "--json").out)
    found = [(point["store"], point["bits"], point["level"]) for point in told["points"]]
    assert found == [("codes", 4, "best"), ("int8", 2, "best")]


@pytest.mark.parametrize(
    ("option", "given", "said"),
    [
        ("--stores", "int9", "'int9' is not one of int8, float16, codes"),
        ("--stores", "codes:5", "'codes:5' is not one of"),
        ("--levels", "most", "'most' is not one of fast, balanced, best, exact"),
    ],
)
def test_what_a_plan_cannot_try_is_told(filled: Run, option: str, given: str, said: str) -> None:
    ran = filled("pipeline", "plan", "c", option, given)
    assert ran.code == 2 and said in " ".join(ran.err.split())


def test_a_plan_against_judgements_is_drawn(filled: Run, tmp_path: Path) -> None:
    pytest.importorskip("matplotlib")
    (tmp_path / "queries.jsonl").write_text('{"_id": "t1", "text": "cargo3"}\n')
    (tmp_path / "qrels.tsv").write_text("t1 0 d3 1\n")
    words = ("--queries", "queries.jsonl", "--qrels", "qrels.tsv", "--figure", "plan.png")
    told = json.loads(filled("pipeline", "plan", "c", "--factors", "1", *words, "--json").out)
    assert {point["quality"] for point in told["points"]} == {1.0}
    assert (tmp_path / "plan.png").read_bytes().startswith(b"\x89PNG")


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("--factors", "two"), "not whole numbers with commas"),
        (("--factors", "0"), "factors from 1 on"),
        (("--space", "look"), "No space 'look'"),
        (("--qrels", "none.tsv"), "no file none.tsv"),
    ],
)
def test_what_cannot_be_planned_is_told_with_a_remedy(
    filled: Run, words: tuple[str, ...], message: str
) -> None:
    done = filled("pipeline", "plan", "c", *words)
    assert done.code != 0
    assert message in " ".join(done.err.split())


def test_the_difference_of_two_presets_is_told_by_steps(run: Run) -> None:
    told = json.loads(run("pipeline", "diff", "default", "minilm", "--json").out)
    assert told["again"] == ["encode", "index"]
    changed = {one["field"]: (one["before"], one["after"]) for one in told["encode"]["text"]}
    assert changed["spaces.text.encoder"] == ("latelight-small", "minilm")
    assert changed["spaces.text.sight"] == (True, False)  # nothing is seen in other spaces
    assert len(changed) == 2
    shown = run("pipeline", "diff", "default", "minilm").out
    assert "spaces.text.encoder" in shown
    assert "The two are the same." in run("pipeline", "diff", "default", "default").out


def test_a_collection_is_compared_with_what_would_be_made_now(filled: Run, tmp_path: Path) -> None:
    (tmp_path / "coded.yaml").write_text("spaces: {text: {bits: 4}}")
    told = json.loads(filled("pipeline", "diff", "c@live", "coded.yaml", "--json").out)
    assert told["again"] == ["index"]
    digest = json.loads(filled("stats", "-c", "c", "--json").out)["digest"]
    again = json.loads(filled("pipeline", "diff", "c@live", f"c@{digest[:6]}", "--json").out)
    assert again["again"] == []


def test_a_pipeline_is_validated_without_a_collection(run: Run, tmp_path: Path) -> None:
    (tmp_path / "good.yaml").write_text("name: mine\nspaces: {text: {bits: 4}}")
    assert json.loads(run("pipeline", "validate", "good.yaml", "--json").out)["name"] == "mine"
    for text in ("spaces: {text: {bits: 5}}", "extract: {plugins: {nobodys: {}}}"):
        (tmp_path / "bad.yaml").write_text(text)
        assert run("pipeline", "validate", "bad.yaml").code != 0


@pytest.mark.parametrize("which", ["c@other", "c@", "d@live"])
def test_a_version_that_is_not_there_is_told(filled: Run, which: str) -> None:
    done = filled("pipeline", "diff", which, "default")
    assert done.code == 1
    assert "not_found" in done.err


@pytest.mark.parametrize("field", ["dtype: float16", "backend: torch", "trust_remote_code: true"])
def test_what_would_change_nothing_is_refused_before_it_costs_anything(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, field: str
) -> None:
    monkeypatch.setattr(engine, "create_encoder", create_encoder)  # the genuine one
    (tmp_path / "idle.yaml").write_text(f"spaces: {{text: {{{field}}}}}")
    for words in (("validate", "idle.yaml"), ("diff", "default", "idle.yaml")):
        done = run("pipeline", *words)
        assert done.code == 2
        assert "would change nothing: latelight-small is carried" in " ".join(done.err.split())


def test_a_machines_device_is_no_wish_of_carried_encoders(
    run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(engine, "create_encoder", create_encoder)
    monkeypatch.setenv("LATELIGHT_DEVICE", "cuda:0,cuda:1")
    assert run("pipeline", "validate", "default").code == 0


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("space: {}", "has no field 'space'; expected some of: name, extract, spaces"),
        ("spaces: {a: {encoder: colbert-large}}", "spaces.a: No encoder 'colbert-large'; expected"),
        ("spaces: {a: {encoder: nobody/none}}", "spaces.a: The files of nobody/none are not on"),
        ("search: {rerank: minilm}", "search.rerank: minilm is an encoder"),
        ("spaces: {a: {encoder: 'vllm:http://x:1#colpali-v1.3'}}", "encoder: colpali-v1.3, and"),
        ("extract: {plugins: {nobody: {}}}", "'nobody', which is not installed"),
    ],
)
def test_what_is_wrong_with_a_pipeline_is_told_with_its_field(
    run: Run, tmp_path: Path, text: str, said: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(engine, "create_encoder", create_encoder)
    monkeypatch.setenv("HF_HUB_CACHE", str(tmp_path / "hub"))
    (tmp_path / "wrong.yaml").write_text(text)
    done = run("pipeline", "validate", "wrong.yaml")
    assert done.code != 0 and said in done.err
