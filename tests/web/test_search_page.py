"""Search and its reasons, as a person sees them."""

import json
from typing import Any

import pytest

LAMP = "/#/search?c=default%2Fpages&q=lamp+burns+oil"
PAINTED = """(picture) => {
  const canvas = picture.querySelector('canvas.map');
  const copy = new OffscreenCanvas(canvas.width, canvas.height);
  const brush = copy.getContext('2d', {willReadFrequently: true});
  brush.drawImage(canvas, 0, 0);
  const {data} = brush.getImageData(0, 0, copy.width, copy.height);
  let painted = 0;
  for (let i = 3; i < data.length; i += 4) painted += data[i] > 0;
  return painted;
}"""


def open_evidence(page: Any) -> None:
    page.goto(LAMP)
    page.click(".hit h2 a")
    page.wait_for_selector(".panel .surface:not(.is-loading)")


def painted(page: Any) -> int:
    return int(page.locator(".picture").evaluate(PAINTED))


def drawn(page: Any) -> str:
    return str(page.locator("canvas.map").evaluate("(canvas) => canvas.toDataURL()"))


def test_a_search_shows_marked_words_a_picture_and_a_bar_that_adds_up(page: Any) -> None:
    page.goto("/")
    page.select_option(".picker", "default/pages")
    page.fill(".search-box", "lamp burns oil")
    page.press(".search-box", "Enter")
    page.wait_for_selector(".hit .thumb.is-loaded")
    assert "lamp" in page.locator(".hit mark").all_inner_texts()
    shares = page.locator(".hit >> nth=0 >> .score-bar .part").evaluate_all(
        "(parts) => parts.map((part) => Number(part.style.getPropertyValue('--share')))"
    )
    assert len(shares) == 3
    assert sum(shares) == pytest.approx(1)  # the best hit fills its bar


def test_an_address_can_be_opened_anew(page: Any) -> None:
    page.goto(LAMP)
    page.wait_for_selector(".hit")
    page.reload()
    page.wait_for_selector(".hit")
    assert page.input_value(".search-box") == "lamp burns oil"


def test_hovering_a_token_shows_its_own_map_and_outlines_its_winner(page: Any) -> None:
    open_evidence(page)
    everything, whole = painted(page), drawn(page)
    page.hover(".chip:has-text('lamp')")
    one, lamp = painted(page), drawn(page)
    assert 0 < one < everything
    assert page.locator(".outlines .won").count() == 1
    page.hover(".chip:has-text('burns')")
    assert drawn(page) not in {lamp, whole}
    page.mouse.move(2, 2)
    assert drawn(page) == whole


def test_a_pinned_token_stays_and_a_focused_one_shows_itself(page: Any) -> None:
    open_evidence(page)
    whole = drawn(page)
    page.click(".chip:has-text('lamp')")
    page.mouse.move(2, 2)
    page.evaluate("document.activeElement.blur()")
    assert drawn(page) != whole
    assert page.get_attribute(".chip:has-text('lamp')", "aria-pressed") == "true"
    page.click(".chip:has-text('lamp')")
    page.evaluate("document.activeElement.blur()")
    page.mouse.move(2, 2)
    assert drawn(page) == whole
    page.focus(".chip:has-text('oil')")
    assert drawn(page) != whole


def test_hovering_a_region_tells_which_token_it_won(page: Any) -> None:
    open_evidence(page)
    page.locator(".picture").focus()
    page.keyboard.press("ArrowRight")
    won = page.locator(".bubble ul >> nth=0").inner_text()
    assert any(word in won for word in ("lamp", "burns", "oil"))
    assert page.locator(".chip.is-pointed").count() >= 1
    page.keyboard.press("Escape")
    assert page.locator(".bubble").is_hidden()


def test_a_mouse_over_a_region_tells_it_too(page: Any) -> None:
    open_evidence(page)
    page.hover(".chip:has-text('burns')")
    won = page.locator(".outlines .won").bounding_box()
    page.mouse.move(won["x"] + won["width"] / 2, won["y"] + won["height"] / 2, steps=3)
    assert "burns" in page.locator(".bubble ul >> nth=0").inner_text()
    assert "burns" in page.locator(".chip.is-pointed").all_inner_texts()[0]
    page.mouse.move(2, 2)
    assert page.locator(".bubble").is_hidden()


def test_threshold_and_opacity_change_the_map(page: Any) -> None:
    open_evidence(page)
    before = painted(page)
    page.locator("input[name=threshold]").fill("0.9")
    assert 0 < painted(page) < before
    page.locator("input[name=opacity]").fill("0.3")
    assert page.locator("canvas.map").evaluate("(one) => getComputedStyle(one).opacity") == "0.3"


def test_contributions_add_up_to_the_score(page: Any) -> None:
    open_evidence(page)
    assert page.inner_text(".is-sum .number") == page.inner_text(".score-value")
    page.click(".figures summary")
    rows = page.locator(".evidence-table tbody td:last-child").all_inner_texts()
    total = sum(float(one.replace("−", "-")) for one in rows)
    assert total == pytest.approx(float(page.inner_text(".score-value")), abs=0.0006 * len(rows))


def test_a_marked_region_is_searched_for(page: Any) -> None:
    open_evidence(page)
    box = page.locator(".surface").bounding_box()
    page.mouse.move(box["x"] + 2, box["y"] + 2)
    page.mouse.down()
    page.mouse.move(box["x"] + box["width"] - 4, box["y"] + 240, steps=4)
    page.mouse.up()
    page.wait_for_selector(".searching-with")
    page.wait_for_selector(".results .notice, .hit")  # the only page is not like itself
    assert "/similar?" in page.url
    assert "box=" in page.url


def test_text_is_lit_in_both_directions(page: Any) -> None:
    page.goto("/#/search?c=default%2Fnotes&q=lamp+oil")
    page.click(".hit h2 a")
    page.wait_for_selector(".unit-text .piece.is-lit")
    lit = page.locator(".piece.is-lit").count()
    page.hover(".chip:has-text('oil')")
    assert 0 < page.locator(".piece.is-lit").count() <= lit
    page.hover(".piece.is-won >> nth=0")
    assert page.locator(".bubble").is_visible()
    assert page.locator(".chip.is-pointed").count() >= 1


def test_hits_are_stepped_through_in_their_own_view(page: Any) -> None:
    page.goto("/#/search?c=default%2Fnotes&q=lamp+oil")
    page.click(".hit h2 a")
    page.click(".panel-head a")
    page.wait_for_selector(".evidence-view .unit-text")
    first = page.inner_text(".evidence-view h1")
    page.reload()  # the list of hits is fetched anew
    page.click(".steps [aria-label='Next hit']")
    page.wait_for_selector(".steps:has-text('2 of')")
    assert page.inner_text(".evidence-view h1") != first
    page.click(".steps [aria-label='Previous hit']")
    page.wait_for_selector(f"h1:has-text({json.dumps(first)})")


def test_filters_are_made_of_rows_or_written_as_json(page: Any) -> None:
    page.goto("/#/search?c=default%2Fnotes&q=lamp")
    page.click(".options summary >> nth=0")
    page.click(".filters > .button")
    page.fill("[data-part=field]", "year")
    page.select_option("[data-part=operator]", "$gte")
    page.fill("[data-part=value]", "2022")
    page.press(".search-box", "Enter")
    page.wait_for_selector(".took:has-text('2 hits')")
    assert page.locator(".hit").count() == 2
    page.click(".filter-json summary")
    assert json.loads(page.input_value(".filter-json textarea")) == {"year": {"$gte": 2022}}
    page.fill(".filter-json textarea", '{"$or": [{"year": 2020}, {"year": 2021}]}')
    page.press(".search-box", "Enter")
    page.wait_for_url(lambda url: "%24or" in url)
    page.wait_for_selector(".filter-rows p")
    assert "edit it as JSON" in page.inner_text(".filter-rows")
    page.fill(".filter-json textarea", '{"year": 1815}')
    page.press(".search-box", "Enter")
    page.wait_for_selector(".notice:has-text('Nothing found')")


def test_a_wrong_filter_is_told_with_its_remedy(page: Any, complaints: Any) -> None:
    complaints.expected.append("422")
    page.goto("/#/search?c=default%2Fnotes&q=lamp&filter=%7B%22%24nor%22%3A1%7D")
    page.wait_for_selector(".notice.is-error")
    assert "$nor" in page.inner_text(".notice.is-error")


def test_a_collection_that_is_not_there_is_told(page: Any, complaints: Any) -> None:
    complaints.expected.append("404")
    page.goto("/#/search?c=default%2Fgone&q=lamp")
    page.wait_for_selector(".notice.is-error")
    assert "not_found" in page.inner_text(".notice.is-error")


def test_the_theme_is_switched_and_kept(page: Any) -> None:
    page.goto("/")
    ground = "getComputedStyle(document.documentElement).backgroundColor"
    light = page.evaluate(ground)
    page.click("[aria-label='Dark theme']")
    dark = page.evaluate(ground)
    page.reload()
    assert light != dark == page.evaluate(ground)
