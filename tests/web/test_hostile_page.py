"""What documents say is shown as text, whatever it is; the policy is never touched."""

from pathlib import Path
from typing import Any

from tests.web.conftest import HOSTILE

BROKEN = "() => window.broken"


def test_a_hostile_document_is_text_in_every_view(page: Any) -> None:
    page.goto("/#/search?c=default%2Fhostile&q=lamp")
    page.wait_for_selector(".hit")
    assert HOSTILE in page.inner_text(".hit h2")
    assert "<img" in page.inner_text(".snippet")
    page.click(".hit h2 a")
    page.wait_for_selector(".panel .unit-text")
    assert HOSTILE in page.inner_text(".panel .unit-text")
    page.click(".panel-head a")
    page.wait_for_selector(".evidence-view .unit-text")
    assert HOSTILE in page.inner_text(".evidence-view h1")
    page.goto("/#/library/default/hostile")
    page.wait_for_selector(".document-table")
    assert HOSTILE in page.inner_text(".document-title")
    assert HOSTILE in page.inner_text(".tags")
    assert page.evaluate(BROKEN) is None
    assert page.locator("main img, main script").count() == 0


def test_a_hostile_query_and_address_are_text(page: Any, complaints: Any) -> None:
    complaints.expected.append("404")  # there is no such unit
    page.goto("/#/search?c=default%2Fnotes&q=%3Cimg%20src%3Dx%20onerror%3Dalert(1)%3E%20lamp")
    page.click(".hit h2 a")
    page.wait_for_selector(".chip")
    page.goto("/#/evidence/default/notes/note-0/%3Cscript%3E?q=lamp")
    page.wait_for_selector(".notice.is-error")
    assert page.evaluate(BROKEN) is None


def test_a_hostile_file_name_is_text(page: Any) -> None:
    page.goto("/#/library/default/inbox")
    name = "<b onmouseover=alert(1)>.txt"
    page.set_input_files(
        "input[name=files]", [{"name": name, "mimeType": "text/plain", "buffer": b"A calm sea."}]
    )
    page.wait_for_selector(".job .state:has-text('Done')")
    page.wait_for_selector(".document-title:has-text('onmouseover')")
    assert page.locator("main b[onmouseover]").count() == 0


def test_links_lead_nowhere_else(page: Any) -> None:
    page.goto("/")
    given = ["javascript:alert(1)", "//else.where/", "https://else.where/", "data:text/html,x"]
    safe = page.evaluate(
        "async (given) => { const {safeLink} = await import('/assets/dom.js');"
        " return given.map(safeLink); }",
        given,
    )
    assert safe == ["#"] * len(given)


def test_marks_that_reorder_a_line_are_spaces(page: Any) -> None:
    page.goto("/")
    shown = page.evaluate(
        "async () => { const {h} = await import('/assets/dom.js');"
        " return h('p', {title: 'a\\u202eb'}, 'x\\u202ey\\u2066z\\u0000').outerHTML; }"
    )
    assert shown == '<p title="a b">x y z </p>'


def test_nothing_writes_markup() -> None:
    web = Path(__file__).parents[2] / "src/latelight/server/web"
    written = [file for file in web.rglob("*.js") if writes_markup(file.read_text("utf-8"))]
    assert not written


def writes_markup(code: str) -> bool:
    names = ("innerHTML", "outerHTML", "insertAdjacentHTML", "document.write", "eval(", "Function(")
    return any(name in code for name in names)
