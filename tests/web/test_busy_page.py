"""What the page does when the server has enough to do: it waits as it is told, and says so."""

import json
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from tests.web.conftest import Complaints, Server, started, stop, watched

NOTES = "/#/search?c=default%2Fnotes&q=lamp"
INBOX = "/#/library/default/inbox"


@pytest.fixture(autouse=True)
def told(complaints: Complaints) -> None:
    """The browser writes each refusal into its console."""
    complaints.expected += ["429", "503"]


def refusal(status: int, seconds: int) -> dict[str, Any]:
    problem = {"status": status, "code": "busy", "detail": "Enough to do."}
    body = json.dumps(problem | {"remedy": f"Try again in {seconds} s.", "request_id": "r1"})
    headers = {"Retry-After": str(seconds)}
    return {"status": status, "headers": headers, "body": body, "content_type": "application/json"}


def refusing(times: int, status: int, seconds: int, seen: list[Any]) -> Callable[[Any], None]:
    """Return a route that refuses so many requests and lets the others through."""

    def handle(route: Any) -> None:
        seen.append(route.request)
        if len(seen) <= times:
            route.fulfill(**refusal(status, seconds))
        else:
            route.continue_()

    return handle


@pytest.mark.parametrize("status", [429, 503])
def test_a_search_waits_as_it_is_told_and_says_so(page: Any, status: int) -> None:
    seen: list[Any] = []
    page.route("**/search", refusing(1, status, 1, seen))
    page.goto(NOTES)
    page.wait_for_selector(".toast.is-busy:has-text('Asking again in 1 s')")
    assert page.locator(".hit").count() == 0
    page.wait_for_selector(".hit")
    assert len(seen) == 2
    page.wait_for_selector(".toast.is-busy", state="detached")


def test_a_longer_pause_is_left_to_the_reader(page: Any) -> None:
    seen: list[Any] = []
    page.route("**/search", refusing(1, 503, 60, seen))
    page.goto(NOTES)
    page.wait_for_selector(".notice.is-error")
    assert "Try again in 60 s." in page.inner_text(".notice.is-error")
    assert len(seen) == 1
    page.click(".notice.is-error button")
    page.wait_for_selector(".hit")


def test_a_server_that_stays_busy_is_told_after_three_attempts(page: Any) -> None:
    seen: list[Any] = []
    page.route("**/search", refusing(99, 429, 1, seen))
    page.goto(NOTES)
    page.wait_for_selector(".notice.is-error:has-text('Enough to do.')")
    assert len(seen) == 3


def test_an_upload_that_was_refused_is_sent_again_and_taken_once(page: Any) -> None:
    seen: list[Any] = []
    page.route("**/documents", refusing(1, 429, 1, seen))
    page.goto(INBOX)
    page.wait_for_selector(".drop")
    seen.clear()
    note = {"name": "patient.txt", "mimeType": "text/plain", "buffer": b"The pilot waited."}
    page.set_input_files("input[name=files]", [note])
    page.wait_for_selector(".job:has-text('patient.txt') .state:has-text('Done')")
    sent = [one for one in seen if one.method == "POST"]
    keys = {one.headers["idempotency-key"] for one in sent}
    assert (len(sent), len(keys)) == (2, 1)


@pytest.fixture
def strict(server: Server) -> Iterator[Server]:
    """Two requests of a caller a second, four at once; on the library of the others."""
    made = started(server.root, "--rate", "2")
    yield made
    stop(made)


def test_a_rate_limit_is_lived_with(browser: Any, strict: Server, complaints: Complaints) -> None:
    """Thumbnails too: an `<img>` alone would stay empty."""
    refused: list[str] = []
    context = browser.new_context(base_url=strict.url, viewport={"width": 1440, "height": 900})
    page = watched(context, complaints)
    page.on("response", lambda one: one.status == 429 and refused.append(one.url))
    page.goto("/#/search?c=default%2Fpages&q=lamp+burns+oil")
    page.wait_for_selector(".hit .thumb.is-loaded")
    page.click(".hit h2 a")
    page.wait_for_selector(".panel .surface:not(.is-loading)")
    assert refused
    assert page.locator(".notice.is-error").count() == 0
    context.close()
