"""Collections, uploads with their progress, documents."""

import json
from typing import Any

INBOX = "/#/library/default/inbox"


def upload(page: Any, *files: dict[str, Any]) -> None:
    """Add files and wait until their job has ended."""
    page.set_input_files("input[name=files]", list(files))
    page.wait_for_selector(f".jobs .job:has-text('{files[0]['name']}') .state:has-text('Done')")


def note(name: str, text: str) -> dict[str, Any]:
    return {"name": name, "mimeType": "text/plain", "buffer": text.encode()}


def test_collections_are_listed_with_what_they_hold(page: Any) -> None:
    page.goto("/#/library")
    card = page.locator(".collection-card:has-text('notes')")
    card.wait_for()
    assert "Documents\n4" in card.inner_text()


def test_a_collection_is_made_and_dropped_again(page: Any) -> None:
    page.goto("/#/library")
    page.click("text=New collection")
    page.fill("dialog [name=name]", "fleeting")
    page.click("dialog >> text=Create")
    page.wait_for_selector("h1:has-text('fleeting')")
    page.click("[aria-label='Delete this collection']")
    page.fill("dialog input", "fleeting")
    page.click("dialog >> text=Delete for good")
    page.wait_for_selector("h1:has-text('Library')")
    page.wait_for_selector(".collection-card")
    assert page.locator(".collection-card:has-text('fleeting')").count() == 0


def test_an_upload_shows_its_progress_and_what_failed(page: Any) -> None:
    page.goto(INBOX)
    page.click(".metadata summary")
    page.click(".metadata .button")
    page.fill(".metadata-row [data-part=name]", "year")
    page.fill(".metadata-row [data-part=value]", "1815")
    broken = {"name": "broken.pdf", "mimeType": "application/pdf", "buffer": b"%PDF-1.4 nothing"}
    upload(page, note("harbour.txt", "The harbour light was lit at dusk."), broken)
    assert page.get_attribute(".job [role=progressbar]", "aria-valuenow") == "100"
    assert page.inner_text(".job h3 >> nth=0") == "harbour.txt, broken.pdf"
    assert "2 of 2 documents" in page.inner_text(".job-said")
    page.wait_for_selector(".failures li")
    assert "broken.pdf" in page.inner_text(".failures li")
    page.wait_for_selector(".job >> text=Retry what failed")
    page.wait_for_selector(".document-table >> text=harbour.txt")
    page.wait_for_selector(".document-table .tags:has-text('year 1815')")
    page.goto("/#/search?c=default%2Finbox&q=harbour+light")
    page.wait_for_selector(".hit:has-text('harbour.txt')")


def test_progress_is_shown_as_it_comes(page: Any) -> None:
    """The events are the test's own, so that there is something between nothing and the end."""
    zeros = ("n_added", "n_replaced", "n_unchanged", "n_failed", "bytes_per_second")
    counted = dict.fromkeys(zeros, 0) | {"n_items": 4, "n_bytes": 100, "n_units": 7, "n_done": 1}
    told = [f"event: progress\ndata: {json.dumps(counted | {'n_bytes_done': n})}" for n in (25, 50)]
    body = ": a heartbeat\n\n" + "\n\n".join(told) + "\n\n"
    page.route(
        "**/events", lambda route: route.fulfill(body=body, content_type="text/event-stream")
    )
    page.goto(INBOX)
    page.wait_for_selector(".drop")
    page.evaluate(
        """() => {
          window.shares = [];
          const seen = (changes) => window.shares.push(...changes.map((one) => one.oldValue));
          const what = {attributeFilter: ['aria-valuenow'], attributeOldValue: true};
          new MutationObserver(seen).observe(document.body, {subtree: true, ...what});
        }"""
    )
    upload(page, note("tide.txt", "High water at noon."))
    shares = page.evaluate("() => window.shares")
    assert [one for one in shares if one in ("25", "50")][:2] == ["25", "50"]


def test_a_failed_file_can_be_retried(page: Any) -> None:
    page.goto(INBOX)
    broken = {"name": "again.pdf", "mimeType": "application/pdf", "buffer": b"%PDF-1.4 again"}
    page.set_input_files("input[name=files]", [broken])
    retry = page.locator(".job:has-text('again.pdf') >> text=Retry what failed").first
    retry.wait_for()
    with page.expect_response("**/retry") as answered:
        retry.click()
    assert answered.value.ok
    page.wait_for_selector(".job >> nth=0 >> .failures li:has-text('again.pdf')")


def test_files_are_dropped(page: Any) -> None:
    page.goto(INBOX)
    page.wait_for_selector(".drop")
    carried = page.evaluate_handle(
        """() => {
          const carried = new DataTransfer();
          carried.items.add(new File(['A buoy was moored off the cape.'], 'buoy.txt'));
          return carried;
        }"""
    )
    page.dispatch_event(".drop", "dragover", {"dataTransfer": carried})
    assert "is-target" in page.get_attribute(".drop", "class")
    page.dispatch_event(".drop", "drop", {"dataTransfer": carried})
    page.wait_for_selector(".document-table >> text=buoy.txt")


def test_a_document_is_deleted_after_a_question(page: Any) -> None:
    page.goto(INBOX)
    upload(page, note("wreck.txt", "The wreck lies in nine fathoms."))
    page.wait_for_selector(".document-table >> text=wreck.txt")
    page.click("[aria-label='Delete wreck.txt']")
    page.click("dialog >> text=Cancel")
    assert page.locator(".document-table >> text=wreck.txt").count() == 1
    page.click("[aria-label='Delete wreck.txt']")
    page.click("dialog >> .is-danger")
    page.wait_for_selector(".document-table >> text=wreck.txt", state="detached")


def test_documents_come_in_pages(page: Any) -> None:
    page.goto(INBOX)
    upload(page, *[note(f"log-{i:02}.txt", f"Watch {i} kept.") for i in range(30)])
    page.wait_for_selector(".pager")
    page.click(".pager >> text=Next")
    page.wait_for_selector(".pager:has-text('Page 2')")
    page.click(".pager >> text=Previous")
    page.wait_for_selector(".pager:has-text('Page 1')")
