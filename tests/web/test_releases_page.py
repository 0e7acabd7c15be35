"""A release from its start to its rollback, by its buttons."""

import json
from typing import Any

RELEASES = "/#/releases/default/release"
SPEC = {"name": "leaner", "spaces": {"text": {"bits": 4}}}
PLAN = {"gate": None, "shadow": {"share": 1.0, "queries": 1}, "interleave": None, "ramp": None}


def start(page: Any) -> None:
    page.goto(RELEASES)
    page.click("text=Start a release")
    page.fill("dialog textarea >> nth=0", json.dumps(SPEC))
    page.fill("dialog textarea >> nth=1", json.dumps(PLAN))
    page.click("dialog >> .is-primary")
    page.wait_for_selector("h2[data-state=build]")


def test_a_release_is_promoted_and_rolled_back(page: Any, complaints: Any) -> None:
    complaints.expected.append("404")  # there is no release at first
    start(page)
    assert page.get_attribute(".step.is-now", "data-stage") == "build"
    assert page.locator(".step[data-stage=gate].is-left-out").count() == 1
    page.click("[data-move=step]")
    page.wait_for_selector("h2[data-state=shadow]")
    page.click("[data-move=promote]")
    assert "answers everybody" in page.inner_text("dialog")
    page.click("dialog >> text=Cancel")
    assert page.locator("h2[data-state=shadow]").count() == 1
    page.click("[data-move=promote]")
    page.click("dialog >> .is-primary")
    page.wait_for_selector("h2[data-state=promoted]")
    page.click("[data-move=rollback]")
    page.click("dialog >> .is-danger")
    page.wait_for_selector("h2[data-state=rolled_back]")
    log = page.inner_text(".audit")
    assert log.index("Rollback") < log.index("Promote") < log.index("Start")
    compare_versions(page)
    evaluate(page)


def compare_versions(page: Any) -> None:
    """Both versions are there now."""
    page.goto("/#/compare/default/release")
    page.fill(".compare-form [name=q]", "lamp oil")
    page.click(".compare-form >> text=Compare")
    page.wait_for_selector(".shift-table")
    ranked = page.locator(".rank-list >> nth=0 >> .rank-title").all_inner_texts()
    assert ranked == page.locator(".rank-list >> nth=1 >> .rank-title").all_inner_texts()
    assert page.locator(".rank-lines path").count() == len(ranked)
    page.wait_for_function("document.querySelectorAll('.half .piece.is-lit').length >= 2")
    page.click(".rank-list >> nth=1 >> .rank-entry >> nth=1")
    assert page.inner_text(".comparison .card h2") == ranked[1]


def evaluate(page: Any) -> None:
    page.goto("/#/evaluations/default/release")
    page.click(".view-head >> text=New")
    page.fill("dialog textarea >> nth=0", "t1\tlamp oil\nt2\tfog signals")
    page.fill("dialog textarea >> nth=1", "t1\tnote-0\t1\nt2\tnote-3\t1")
    for box in page.locator("dialog input[type=checkbox]").all():
        box.check()
    page.click("dialog >> .is-primary")
    page.wait_for_selector(".interval-table")
    assert "not enough topics" in page.inner_text(".interval-table")
    assert "nDCG@10" in page.inner_text(".card >> nth=0")
