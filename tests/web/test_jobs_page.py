"""Jobs that are steered from the page: paused, resumed, cancelled, while the server works."""

from typing import Any

import pytest

from latelight.pipelines.encoding import BATCH_CHARACTERS
from tests.web.served import SLOWLY

INBOX = "/#/library/default/inbox"
N_FILES = 4


def slow_files(name: str) -> list[dict[str, Any]]:
    """Return files each of which fills a batch that takes a second."""
    line = f"The barge {name} came {SLOWLY} up the river with its load of coal.\n"
    text = line * (1 + BATCH_CHARACTERS // len(line))
    return [
        {"name": f"{name}-{i}.txt", "mimeType": "text/plain", "buffer": f"{i} {text}".encode()}
        for i in range(N_FILES)
    ]


def begun(page: Any, name: str) -> Any:
    """Upload slow files; return their job's card once it runs."""
    page.set_input_files("input[name=files]", slow_files(name))
    card = page.locator(f".job:has-text('{name}-0.txt'):has(.state)")
    card.wait_for()
    return card


def share(card: Any) -> int:
    return int(card.locator("[role=progressbar]").get_attribute("aria-valuenow"))


def buttons(card: Any) -> list[str]:
    return list(card.locator(".buttons button").all_inner_texts())


def press(card: Any, button: str) -> None:
    card.locator(f"button:text-is('{button}')").click()


def becomes(card: Any, state: str) -> None:
    card.locator(f".state:text-is('{state}')").wait_for()


@pytest.fixture
def inbox(page: Any) -> Any:
    page.goto(INBOX)
    page.wait_for_selector(".drop")
    return page


def test_a_job_is_paused_survives_a_reload_and_is_resumed(inbox: Any) -> None:
    card = begun(inbox, "paused")
    becomes(card, "Running")
    press(card, "Pause")
    becomes(card, "Paused")
    assert buttons(card) == ["Resume", "Cancel"]
    stood = share(card)
    assert stood < 100
    inbox.reload()
    becomes(card, "Paused")
    assert share(card) == stood
    press(card, "Resume")
    becomes(card, "Done")
    assert share(card) == 100
    assert "4 of 4 documents" in card.locator(".job-said").inner_text()
    assert buttons(card) == []
    for i in range(N_FILES):
        inbox.wait_for_selector(f".document-table >> text=paused-{i}.txt")


def test_a_running_job_is_cancelled_for_good(inbox: Any) -> None:
    card = begun(inbox, "stopped")
    becomes(card, "Running")
    press(card, "Cancel")
    becomes(card, "Cancelled")
    assert share(card) < 100
    assert buttons(card) == []
    inbox.reload()
    becomes(card, "Cancelled")
    assert buttons(card) == []


def test_a_paused_job_is_cancelled(inbox: Any) -> None:
    card = begun(inbox, "halted")
    press(card, "Pause")
    becomes(card, "Paused")
    press(card, "Cancel")
    becomes(card, "Cancelled")
    assert buttons(card) == []


def test_a_job_that_waits_for_its_turn_is_cancelled(inbox: Any) -> None:
    """Two jobs run at once; the third has not begun when it is cancelled."""
    first, second = begun(inbox, "first"), begun(inbox, "second")
    third = begun(inbox, "third")
    becomes(third, "Waiting")
    assert buttons(third) == ["Cancel"]
    press(third, "Cancel")
    becomes(third, "Cancelled")
    assert "Not begun" in third.locator(".job-said").inner_text()
    for one in (first, second):
        press(one, "Cancel")
        becomes(one, "Cancelled")


def test_what_has_been_asked_for_is_seen_before_it_has_happened(inbox: Any) -> None:
    """The batch in flight is finished first; meanwhile nothing can be pressed twice."""
    card = begun(inbox, "asked")
    becomes(card, "Running")
    press(card, "Pause")
    becomes(card, "Pausing")
    assert buttons(card) == []
    becomes(card, "Paused")
    press(card, "Cancel")
    becomes(card, "Cancelled")


def test_failures_are_told_once_however_often_one_listens(inbox: Any) -> None:
    broken = {"name": "mended.pdf", "mimeType": "application/pdf", "buffer": b"%PDF-1.4 x"}
    inbox.set_input_files("input[name=files]", [broken, *slow_files("mended")])
    card = inbox.locator(".job:has-text('mended.pdf'):has(.state)")
    card.locator(".failures li").wait_for()
    press(card, "Pause")
    becomes(card, "Paused")
    press(card, "Resume")
    becomes(card, "Running")
    inbox.wait_for_timeout(700)  # the failures of before are told anew
    assert card.locator(".failures li").count() == 1
    press(card, "Cancel")
    becomes(card, "Cancelled")
