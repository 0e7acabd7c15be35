"""What the README shows is run as it stands."""

import re
import shutil
from pathlib import Path

import pytest

from latelight.sample import sample_files

ROOT = Path(__file__).parents[2]


def python_blocks(page: Path) -> list[str]:
    return re.findall(r"```python\n(.*?)```", page.read_text("utf-8"), re.DOTALL)


@pytest.mark.model
def test_the_python_example_runs_and_shows_why(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "filings").mkdir()
    shutil.copy(next(f for f in sample_files() if f.name.startswith("annual")), "filings")
    (example,) = python_blocks(ROOT / "README.md")
    exec(compile(example, "README.md", "exec"), {})
    assert "1 added; 0 failed" in capsys.readouterr().out
    assert (tmp_path / "why.png").stat().st_size > 10_000


@pytest.mark.parametrize("page", sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md")]))
def test_links_between_pages_lead_somewhere(page: Path) -> None:
    links = re.findall(r"\]\(([^)#]+?)(?:#[^)]*)?\)", page.read_text("utf-8"))
    broken = [x for x in links if "://" not in x and not (page.parent / x).exists()]
    assert broken == []
