"""What the page on clients shows is run as it stands, against a server of its own."""

import re
from pathlib import Path
from typing import Any

import pytest

import latelight
from latelight.client.calls import Place
from latelight.errors import LatelightError
from latelight.evaluation import JudgementSet, Qrels
from latelight.pipelines.spec import PipelineSpec, SearchSpec
from latelight.releases.plan import ReleasePlan
from latelight.testing.files import PdfPage, PdfText, make_pdf
from tests.conformance.conftest import embedded, fake_encoder, url  # noqa: F401  fixtures

PAGE = Path(__file__).parents[2] / "docs" / "clients.md"


def blocks() -> list[str]:
    return re.findall(r"```python\n(.*?)```", PAGE.read_text("utf-8"), re.DOTALL)


@pytest.fixture
def filings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    page = PdfPage(texts=(PdfText("What drove the cost of sales: freight.", 72, 700),))
    (tmp_path / "filings").mkdir()
    (tmp_path / "filings" / "report.pdf").write_bytes(make_pdf([page]))
    return tmp_path


def test_the_examples_run(filings: Path, url: str, capsys: pytest.CaptureFixture[str]) -> None:  # noqa: F811
    waiting, viewed, evaluated, awaited = (
        block.replace("http://localhost:8080", url) for block in blocks()[:4]
    )
    names: dict[str, Any] = {"latelight": latelight}
    exec(compile(waiting, "clients.md", "exec"), names)
    assert (filings / "why.png").stat().st_size > 1000
    assert "page 1" in capsys.readouterr().out
    plan = ReleasePlan(gate=None, shadow=None, interleave=None, ramp=None)
    names["reports"].release.start(PipelineSpec(search=SearchSpec("bm25")), plan)
    names["reports"].release.step()
    exec(compile(viewed, "clients.md", "exec"), names)
    assert capsys.readouterr().out == "same report.pdf 1 1\n"
    doc_id = names["reports"].documents()[0].doc_id
    judged = JudgementSet("by hand", {"t": "cost of sales"}, Qrels({"t": {doc_id: 1}}))
    judged.save("judged.json")
    exec(compile(evaluated, "clients.md", "exec"), names)
    assert capsys.readouterr().out.splitlines() == [
        "1.0", "nDCG@10 0.0 not enough topics", "R@100 0.0 not enough topics"
    ]  # fmt: skip
    assert "<html" in (filings / "report.html").read_text()
    lines = "\n".join(f"    {line}" for line in awaited.splitlines())
    exec(compile(f"async def main():\n{lines}", "clients.md", "exec"), names)
    import asyncio

    asyncio.run(names["main"]())
    assert "Ended" in capsys.readouterr().out


def test_the_errors_on_the_page_are_there() -> None:
    from latelight import errors

    named = set(re.findall(r"`(Server\w*Error|KeyRefusedError)`", PAGE.read_text("utf-8")))
    own = {
        name
        for name, kind in vars(errors).items()
        if isinstance(kind, type)
        and issubclass(kind, errors.ServerError)
        and issubclass(kind, LatelightError)
    }
    assert named == own


def test_what_is_said_of_requests_is_so() -> None:
    from latelight.client import parcels
    from latelight.client.retries import PASSING, Retries

    text = " ".join(PAGE.read_text("utf-8").split())
    assert f"at most {parcels.MOST_FILES} files or {parcels.MOST_BYTES >> 20} MiB" in text
    assert ", ".join(map(str, sorted(PASSING))) in text
    own = Retries()
    assert f"from 0 up to {own.first_seconds:g} s" in text
    assert f"… {own.longest_seconds:g} s" in text
    assert own.most == 5
    assert "five times at most" in text
    assert f"no longer than {own.total_seconds:g} s" in text
    assert Place("a", "b").path == "/v1/namespaces/a/collections/b"
