"""What docs/evaluation.md shows is run as it stands, from top to bottom."""

import re
import shlex
from pathlib import Path

import pytest

from tests.cli.conftest import Run, run  # noqa: F401  a fixture

PAGE = Path(__file__).parents[2] / "docs" / "evaluation.md"


def blocks() -> list[tuple[str, str]]:
    return re.findall(r"```(python|console)\n(.*?)```", PAGE.read_text("utf-8"), re.DOTALL)


def test_the_examples_run(run: Run, tmp_path: Path) -> None:  # noqa: F811
    (tmp_path / "finer.yaml").write_text("name: finer\nspaces: {text: {bits: 4}}\n")
    pytest.importorskip("matplotlib")
    names: dict[str, object] = {}
    n_commands = 0
    for language, text in blocks():
        if language == "python":
            exec(compile(text, "evaluation.md", "exec"), names)
            continue
        for line in text.splitlines():
            done = run(*shlex.split(line.removeprefix("$ latelight ")))
            assert done.code == 0, (line, done.err)
            n_commands += 1
    assert n_commands == 22
    (broken,) = names["broken"]  # type: ignore[misc]
    assert "errors: live 0.001 of 20,000 queries, candidate 0.1 of 400" in broken.message
    assert (tmp_path / "report" / "report.html").is_file()
    assert names["notes"]["ferry"][26:30] == "2019"  # type: ignore[index]
