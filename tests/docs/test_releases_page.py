"""What docs/releases.md shows is run as it stands, from top to bottom."""

import json
import re
import shlex
from pathlib import Path

import pytest

from latelight.evaluation import JudgementSet, Qrels
from tests.cli.conftest import Run, run  # noqa: F401  a fixture

PAGE = Path(__file__).parents[2] / "docs" / "releases.md"
NOTES = {
    "ferry": "The ferry was refitted in 2019.",
    "lamp": "The lamp of the lighthouse burns oil.",
    "keeper": "The keeper lives in the lighthouse and trims the lamp.",
}


def test_the_examples_run(
    run: Run,  # noqa: F811
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    lines = [json.dumps({"id": doc_id, "text": text}) for doc_id, text in NOTES.items()]
    (tmp_path / "notes.jsonl").write_text("\n".join(lines))
    topics = {"t1": "when was the ferry refitted", "t2": "what does the lamp burn"}
    qrels = Qrels({"t1": {"ferry": 1}, "t2": {"lamp": 1}})
    JudgementSet("notes", topics, qrels).save(tmp_path / "judged.json")
    pipeline, plan = re.findall(r"```yaml\n(.*?)```", PAGE.read_text("utf-8"), re.DOTALL)
    (tmp_path / "new.yaml").write_text(pipeline)
    (tmp_path / "plan.yaml").write_text(plan)
    states = []
    for language, text in re.findall(
        r"```(python|console)\n(.*?)```", PAGE.read_text("utf-8"), re.DOTALL
    ):
        if language == "python":
            promised = re.findall(r"print\(.*\)  # (.*)", text)
            exec(compile(text, "releases.md", "exec"), {})
            assert capsys.readouterr().out.splitlines() == promised
            continue
        for line in text.splitlines():
            command = line.partition("  #")[0].removeprefix("$ latelight ")
            done = run(*shlex.split(command))
            assert done.code == 0, (line, done.err, done.out)
            if command.startswith("release"):
                told = json.loads(run("release", "status", "notes", "--json").out)
                states.append(told["release"]["state"])
    assert states == [
        "build", "gate", "shadow", "shadow", "promoted", "rolled_back", "retired",
    ]  # fmt: skip
