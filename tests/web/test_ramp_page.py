"""A release among searches: its share grows, people decide, and it falls back by itself."""

import json
from typing import Any

import httpx2

from tests.web.conftest import Server

WORDS = {"name": "words", "search": {"mode": "bm25"}}
NONE = {"gate": None, "shadow": None, "interleave": None, "ramp": None}
RAMP = {"shares": [0.25, 0.75, 1.0], "queries": 5, "guards": {"min_queries": 20}}
QUERY = "light lamp"  # the two rank otherwise
MOST = 400


class People:
    """Searches as callers make them, each with a key of its own, and what they use."""

    def __init__(self, server: Server, collection: str) -> None:
        self._http = httpx2.Client(base_url=f"{server.url}/v1", timeout=30)
        self._collection = collection
        self._home = f"/namespaces/default/collections/{collection}"
        self._n = 0

    def __enter__(self) -> "People":
        return self

    def __exit__(self, *_: object) -> None:
        self._http.close()

    def status(self) -> dict[str, Any]:
        told: dict[str, Any] = self._http.get(f"{self._home}/release").json()
        return told

    def ranked(self, text: str, version: str) -> list[tuple[str, float]]:
        asked = {"text": text, "version": version}
        found = self._http.post(f"{self._home}/search", json=asked).json()["hits"]
        return [(hit["doc_id"], hit["score"]) for hit in found]

    def search(self, text: str) -> tuple[str, list[tuple[str, float]]]:
        """Return the search's id and its hits."""
        self._n += 1
        asked = {"text": text, "key": f"caller {self._n}"}
        told = self._http.post(f"{self._home}/search", json=asked).json()
        return told["search_id"], [(hit["doc_id"], hit["score"]) for hit in told["hits"]]

    def use(self, search_id: str, doc_id: str) -> int:
        home = {"namespace": "default", "collection": self._collection}
        used = {**home, "search_id": search_id, "doc_id": doc_id}
        return self._http.post("/interactions", json=used).status_code


def begin(page: Any, collection: str, plan: dict[str, Any]) -> None:
    """Start a release by the page, and fill its candidate."""
    page.goto(f"/#/releases/default/{collection}")
    page.click("text=Start a release")
    page.fill("dialog textarea >> nth=0", json.dumps(WORDS))
    page.fill("dialog textarea >> nth=1", json.dumps({**NONE, **plan}))
    page.click("dialog >> .is-primary")
    page.wait_for_selector("h2[data-state=build]")
    page.click("[data-move=step]")
    page.wait_for_selector("h2:not([data-state=build])[data-state]")


def badge(page: Any) -> str:
    """Return what the last step came to, once it is over."""
    page.wait_for_selector(".step-said .state:not(.is-live)")
    said: str = page.inner_text(".step-said .state")
    return said


def test_the_share_grows_and_a_broken_guard_takes_it_back(
    page: Any, server: Server, complaints: Any
) -> None:
    complaints.expected.append("404")  # there is no release at first
    begin(page, "ramp", {"ramp": RAMP})
    versions = page.locator(".versions code").all_inner_texts()
    assert len(set(versions)) == 2, "they differ in their searches alone"
    assert page.inner_text(".ramp-share.is-now") == "25 %"
    assert "25 % of callers are answered by the candidate" in page.inner_text(".split")
    assert set(page.locator(".guard .state").all_inner_texts()) == {"too few"}
    page.click("[data-move=step]")
    page.wait_for_selector("text=/ are wanted/")
    assert badge(page) == "Not passed"
    with People(server, "ramp") as people:
        live = people.ranked(QUERY, "live")
        assert live != people.ranked(QUERY, "candidate")
        n_candidate = sum(people.search(QUERY)[1] != live for _ in range(60))
        assert 5 <= n_candidate < 30, "about a quarter"
        page.click("[data-move=step]")
        page.wait_for_selector(".ramp-share.is-now >> text=75 %")
        assert badge(page) == "Passed"
        assert page.inner_text(".ramp-share.is-passed") == "25 %"
        use_what_the_live_version_found(people, live)
        note = people.status()["release"]["note"]
        assert note.startswith("A guard is broken.")
    page.reload()
    page.wait_for_selector("h2[data-state=rolled_back]")
    assert "clicks" in note
    assert note in page.inner_text("section[aria-label=State]")
    assert page.locator(".step-said").count() == 0, "a step passed, before the guard broke"
    assert page.locator(".step[data-stage=ramp].is-stopped").count() == 1
    assert page.inner_text(".ramp-share.is-stopped") == "75 %"
    assert page.locator(".guard .state.is-bad").all_inner_texts() == ["broken"]
    assert page.locator(".step.is-end strong").inner_text() == "Rolled back"
    assert page.locator(".audit li").first.inner_text().count(note) == 1
    assert page.locator("[data-move]").all_inner_texts() == ["Retire what is left"]
    page.set_viewport_size({"width": 360, "height": 740})
    assert page.evaluate("document.documentElement.scrollWidth") <= 360, "whole digests break"


def use_what_the_live_version_found(people: People, live: list[tuple[str, float]]) -> None:
    """Go on until a release has ended: then nobody wants to know any more."""
    for _ in range(MOST):
        search_id, hits = people.search(QUERY)
        if hits == live and people.use(search_id, hits[0][0]) != 204:
            return
    raise AssertionError(people.status()["guards"])


def test_a_step_that_falls_back_has_not_passed(page: Any, server: Server, complaints: Any) -> None:
    complaints.expected.append("404")
    begin(page, "mixed", {"interleave": {"share": 1.0, "alpha": 0.1, "max_sessions": 100}})
    with People(server, "mixed") as people:
        best = people.ranked(QUERY, "live")[0][0]
        assert best != people.ranked(QUERY, "candidate")[0][0], (
            "it is the live version that brings it"
        )
        for _ in range(20):
            assert people.use(people.search(QUERY)[0], best) == 204
    page.click("[data-move=step]")
    page.wait_for_selector("h2[data-state=rolled_back]")
    assert badge(page) == "Fell back"
    assert "People prefer the live version" in page.inner_text(".step-said")
    assert page.locator(".step[data-stage=interleave].is-stopped").count() == 1
    assert page.locator(".step.is-passed").evaluate_all("all => all.map(e => e.dataset.stage)") == [
        "build"
    ]
