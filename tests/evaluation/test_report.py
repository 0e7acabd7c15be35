import re
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path

import pytest

from latelight.errors import InputError
from latelight.evaluation import CompareOptions, Draws, Latency, Measure, RunRecord, compare
from latelight.evaluation.compare import Comparison
from latelight.evaluation.report import html_report, interval_text, p_text, sentence
from tests.evaluation.made import judgements, pair

EVIL = "<script>alert('&')</script>"


@pytest.fixture(scope="module")
def comparison() -> Comparison:
    judged, before, after = pair(40, better=0.4)
    runs = [replace(before, name=EVIL), replace(after, name="after $1$")]
    measures = [Measure.parse("RR"), Measure.parse("P@1")]
    return compare(runs, judged, measures, CompareOptions(draws=Draws(1000)))


class Tags(HTMLParser):
    """Every tag must be closed, in order."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.seen: set[str] = set()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.seen.add(tag)
        if tag not in ("meta", "br"):
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.seen.add(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag


def test_the_page_is_whole_and_takes_nothing_from_elsewhere(comparison: Comparison) -> None:
    page = html_report(comparison, title=EVIL)
    tags = Tags()
    tags.feed(page)
    assert tags.open == []
    assert not tags.seen & {"script", "link", "img", "iframe", "object"}
    assert not re.search(r"(src|href)=|@import|url\(", page)
    assert "prefers-color-scheme: dark" in page


def test_whatever_came_from_outside_is_escaped(comparison: Comparison) -> None:
    page = html_report(comparison, title=EVIL)
    assert EVIL not in page
    assert page.count("&lt;script&gt;") > 3
    assert re.search(r"question &lt;\d+&gt; &amp; more", page)


def test_quality_and_costs_stand_in_one_row(comparison: Comparison) -> None:
    record = RunRecord(
        "after $1$",
        {"name": "made", "digest": comparison.digest},
        {},
        {},
        latency=Latency(3.0, 2.5, 9.25),
        costs={"n_bytes": 1_234_567},
        note="pooled <2>",
    )
    page = html_report(comparison, {"after $1$": record})
    (row,) = [r for r in re.findall(r"<tr>.*?</tr>", page) if "pooled &lt;2&gt;" in r]
    assert f"{comparison.runs[1].means['RR']:.4f}" in row
    assert {"2.5", "9.2", "1,234,567"} <= set(re.findall(r">([\d.,]+)<", row))


def test_a_run_alone_has_a_page_without_tests() -> None:
    judged, before, _ = pair(10)
    page = html_report(compare([before], judged, [Measure.parse("RR")]))
    assert "Differences" not in page and "before" in page


def test_verdicts_are_sentences(comparison: Comparison) -> None:
    assert "is better than" in sentence(comparison.differences[0], 0.02)
    judged, before, after = pair(8)
    (few,) = compare([before, after], judged, [Measure.parse("RR")]).differences
    assert re.search(r"Not enough topics .* there are 8\.", sentence(few, 0.02))
    judged, before, _ = pair(30)
    same = replace(before, name="same")
    (none,) = compare([before, same], judged, [Measure.parse("RR")]).differences
    assert sentence(none, 0.02).startswith("No difference of 0.02 or more is shown")


def test_numbers_are_written_as_people_write_them() -> None:
    assert p_text(0.00001) == "< 0.0001"
    assert p_text(0.04567) == "0.0457"
    assert interval_text(-0.5, 0.25) == "[-0.5000, +0.2500]"
    assert interval_text(float("-inf"), 1) == "unbounded"


def test_figures_are_pictures(comparison: Comparison, tmp_path: Path) -> None:
    pytest.importorskip("matplotlib")
    from PIL import Image

    from latelight.evaluation.figures import write_figures

    files = write_figures(comparison, tmp_path / "figures")
    assert [f.name for f in files] == ["intervals.png", "topics-RR.png", "topics-P-1.png"]
    for file in files:
        with Image.open(file) as picture:
            assert picture.format == "PNG"
            assert len(picture.convert("RGB").getcolors(1 << 20) or []) > 10  # not blank


def test_figures_need_two_runs_and_matplotlib(
    tmp_path: Path, comparison: Comparison, monkeypatch: pytest.MonkeyPatch
) -> None:
    from latelight.evaluation.figures import write_figures

    judged = judgements(3)
    alone = compare([pair(3)[1]], judged, [Measure.parse("RR")])
    with pytest.raises(InputError, match="two or more"):
        write_figures(alone, tmp_path)
    monkeypatch.setitem(__import__("sys").modules, "matplotlib.figure", None)
    with pytest.raises(InputError, match=r"latelight\[report\]"):
        write_figures(comparison, tmp_path)
