"""Searches without words: with a picture, and with what is stored; both can be reloaded."""

from typing import Any

import pytest

from latelight.testing.files import picture_bytes, text_picture
from tests.web.conftest import watched

SIGN = ("LAMP OIL", "IN WINTER")
LIKE = "/#/similar?c=default%2Fnotes&doc=note-0&unit=c0"


def search_with(page: Any, name: str, *lines: str) -> None:
    """Choose a picture; the carried OCR reads its words."""
    picture = {"name": name, "mimeType": "image/png", "buffer": picture_bytes(text_picture(lines))}
    page.set_input_files(".search-field input[type=file]", [picture])
    page.wait_for_selector(f".searching-with:has-text('{name}') .query-picture")
    page.wait_for_selector(".hit", timeout=60_000)


@pytest.fixture
def notes(page: Any) -> Any:
    page.goto("/#/search?c=default%2Fnotes")
    page.wait_for_selector(".search-field")
    return page


@pytest.mark.model
def test_a_picture_is_searched_with(notes: Any) -> None:
    search_with(notes, "sign.png", *SIGN)
    notes.click(".hit >> nth=0 >> h2 a")
    notes.wait_for_selector(".panel .piece.is-won")  # winners alone: no text to explain by
    notes.click(".searching-with >> text=Clear")
    notes.wait_for_selector(".welcome")


@pytest.mark.model
def test_a_search_with_a_picture_is_reloaded_and_gone_back_to(notes: Any) -> None:
    search_with(notes, "sign.png", *SIGN)
    found = notes.locator(".hit h2").all_inner_texts()
    assert "Stays in this browser" in notes.inner_text(".searching-with")
    notes.reload()
    notes.wait_for_selector(".hit", timeout=60_000)
    assert notes.locator(".hit h2").all_inner_texts() == found
    assert notes.locator(".query-picture").evaluate("(image) => image.naturalWidth") > 0
    search_with(notes, "other.png", "FOG", "SIGNALS")
    notes.go_back()
    notes.wait_for_selector(".searching-with:has-text('sign.png') .query-picture")
    notes.wait_for_function(
        "(first) => document.querySelector('.hit h2')?.innerText === first", arg=found[0]
    )


@pytest.mark.model
def test_the_evidence_of_a_picture_is_reloaded(notes: Any) -> None:
    search_with(notes, "sign.png", *SIGN)
    notes.click(".hit >> nth=0 >> h2 a")
    notes.click(".panel-head a")
    notes.wait_for_selector(".evidence-view .piece.is-won")
    title = notes.inner_text(".evidence-view h1")
    notes.reload()
    notes.wait_for_selector(".evidence-view .piece.is-won", timeout=60_000)
    assert notes.inner_text(".evidence-view h1") == title
    notes.click("[aria-label='Back to the hits']")
    notes.wait_for_selector(".searching-with:has-text('sign.png')")


def test_a_picture_that_is_elsewhere_is_asked_for(
    browser: Any, server: Any, complaints: Any
) -> None:
    """The address of somebody else's search: their picture is not in this browser."""
    context = browser.new_context(base_url=server.url)
    page = watched(context, complaints)
    page.goto("/#/search?c=default%2Fnotes&picture=sign.png-1700000000000")
    page.wait_for_selector(".notice.is-error:has-text('The picture of this search is not here.')")
    assert "Choose it again" in page.inner_text(".notice.is-error")
    assert "sign.png" in page.inner_text(".searching-with")
    assert page.locator(".query-picture").count() == 0
    page.click(".searching-with >> text=Clear")
    page.wait_for_selector(".welcome")
    context.close()


def test_pictures_are_forgotten_after_a_day_and_all_but_the_last(page: Any) -> None:
    page.goto("/#/search?c=default%2Fnotes")
    page.wait_for_selector(".search-field")
    page.clock.install(time=1_800_000_000)
    keep = """async (n) => {
      const {keepPicture} = await import('/assets/kept.js');
      const names = [];
      for (let i = 0; i < n; i++) names.push(keepPicture(new File(['x'], `p${i}.png`)));
      return names;
    }"""
    names = page.evaluate(keep, 14)
    page.wait_for_timeout(1500)  # they are written behind the search
    page.reload()
    recall = """async (names) => {
      const {recallPicture} = await import('/assets/kept.js');
      return (await Promise.all(names.map(recallPicture))).map((one) => one?.name ?? null);
    }"""
    page.wait_for_timeout(300)
    kept = [one for one in page.evaluate(recall, names) if one]
    assert len(kept) == 12
    page.clock.set_fixed_time(1_800_000_000 + 86_500)
    page.reload()
    assert page.evaluate(recall, names) == [None] * 14


def test_more_like_a_unit_is_reloaded_with_its_evidence(page: Any) -> None:
    page.goto(LIKE)
    page.click(".hit >> nth=0 >> h2 a")
    page.click(".panel-head a")
    page.wait_for_selector(".evidence-view .unit-text")
    title = page.inner_text(".evidence-view h1")
    page.reload()
    page.wait_for_selector(".evidence-view .unit-text")
    assert page.inner_text(".evidence-view h1") == title
    page.click(".steps [aria-label='Next hit']")
    page.wait_for_selector(".steps:has-text('2 of')")
    page.wait_for_selector(".evidence-view .unit-text")
    page.click("[aria-label='Back to the hits']")
    page.wait_for_selector(".searching-with:has-text('note-0')")


@pytest.mark.model
@pytest.mark.parametrize("event", ["drop", "paste"])
def test_a_picture_is_dropped_or_pasted(notes: Any, event: str) -> None:
    picture = list(picture_bytes(text_picture(SIGN)))
    notes.evaluate(
        """([event, bytes]) => {
          const form = document.querySelector('.search-form');
          const carried = new DataTransfer();
          carried.items.add(new File([new Uint8Array(bytes)], 'sign.png', {type: 'image/png'}));
          const given = {bubbles: true, cancelable: true};
          form.dispatchEvent(event === 'drop'
            ? new DragEvent('drop', {...given, dataTransfer: carried})
            : new ClipboardEvent('paste', {...given, clipboardData: carried}));
        }""",
        [event, picture],
    )
    notes.wait_for_selector(".searching-with:has-text('sign.png') .query-picture")
    notes.wait_for_selector(".hit", timeout=60_000)
