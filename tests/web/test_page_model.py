"""The page's own reckoning against the library's, its speed, and its shape on a phone."""

from typing import Any

import numpy as np
import pytest

from latelight.explain.similarity_map import row_glow, summed_light_map
from latelight.explain.surface import word_spans
from latelight.types import RowLocators

N_TOKENS, N_ROWS = 12, 1000
MOST_MS = 50.0
VIEWS = (
    "search?c=default%2Fpages&q=lamp+burns+oil",
    "evidence/default/pages/lamp/p1?q=lamp+burns+oil",
    "library",
    "library/default/notes",
    "compare",
    "evaluations",
    "releases",
)


def explanation(rng: np.random.Generator) -> tuple[dict[str, Any], np.ndarray, np.ndarray]:
    """An explanation of random rows on a grid, its similarities and its boxes."""
    similarities = np.round(rng.random((N_TOKENS, N_ROWS)), 4).astype(np.float32)
    grid = np.array([(i % 40, i // 40) for i in range(N_ROWS)]) / [40, 25]
    boxes = np.hstack([grid, grid + np.array([1 / 40, 1 / 25])]).astype(np.float32)
    winners = similarities.argmax(axis=1)
    places = [{"row": i, "box": box.tolist()} for i, box in enumerate(boxes)]
    evidence = [
        {
            "token": f"w{t}",
            "query_span": [3 * t, 3 * t + 2],
            "kind": "token",
            "similarity": float(similarities[t, row]),
            "contribution": float(similarities[t, row]),
            "locators": [{"page": 1, "box": boxes[row].tolist()}],
            "text": "",
            "row": int(row),
            "signal": "maxsim",
            "space": "image",
            "part": "unit",
            "query_row": t,
        }
        for t, row in enumerate(winners)
    ]
    hit = {"kind": "page", "locator": {"page": 1}, "text": "", "evidence": evidence}
    rows = {"space": "image", "tokens": [], "places": places, "similarities": similarities.tolist()}
    told = {"query": " ".join(f"w{t % 10}" for t in range(N_TOKENS)), "hit": hit, "rows": [rows]}
    return told, similarities, boxes


def test_light_is_the_librarys(page: Any) -> None:
    told, similarities, boxes = explanation(np.random.default_rng(7))
    page.goto("/")
    glow, light = page.evaluate(
        """async (told) => {
          const {Model} = await import('/assets/model.js');
          const model = new Model(told);
          return [model.evidence.map((item) => [...model.glow(item)]), [...model.whole.light]];
        }""",
        told,
    )
    np.testing.assert_allclose(glow, row_glow(similarities), atol=2e-6)
    contributions = similarities.max(axis=1)
    drawn = summed_light_map(similarities, contributions, RowLocators(boxes=boxes), (25, 40))
    np.testing.assert_allclose(light, drawn.ravel(), atol=2e-6)


@pytest.mark.parametrize(
    "text", ["What drove SG&A down 12.5%?", "l’été d'hier", "ça — 𝒜 x", "a  b\tc", ""]
)
def test_words_are_cut_as_the_library_cuts_them(page: Any, text: str) -> None:
    page.goto("/")
    spans = page.evaluate(
        "async (text) => (await import('/assets/model.js')).wordSpans(text)", text
    )
    assert spans == [[span.start, span.end] for span in word_spans(text)]


def test_a_thousand_rows_and_twelve_tokens_block_for_less_than_fifty_milliseconds(
    page: Any,
) -> None:
    told, *_ = explanation(np.random.default_rng(8))
    page.goto("/")
    took = page.evaluate(
        """async (told) => {
          const {Model} = await import('/assets/model.js');
          const {Picture} = await import('/assets/components/picture.js');
          const given = {src: '', alt: 'a page', onplace() {}, onregion() {}};
          const best = {};
          const timed = (name, call) => {
            const begun = performance.now();
            const made = call();
            best[name] = Math.min(best[name] ?? Infinity, performance.now() - begun);
            return made;
          };
          for (let i = 0; i < 5; i++) {
            const model = timed('model', () => new Model(told));
            const picture = new Picture(model, given);
            picture.element.querySelector('img').width = 900;
            picture.element.querySelector('img').height = 1200;
            document.body.append(picture.element);
            const light = timed('token', () => model.light(model.words[3].items));
            const view = {opacity: 1, threshold: 0};
            timed('map', () => picture.show(light, view));
            timed('whole map', () => picture.show(model.light(null), view));
            timed('region', () => model.here(500));
            picture.element.remove();
          }
          return best;
        }""",
        told,
    )
    assert max(took.values()) < MOST_MS, took


@pytest.mark.parametrize("view", VIEWS)
def test_nothing_is_wider_than_a_phone(
    browser: Any, server: Any, complaints: Any, view: str
) -> None:
    complaints.expected.append("404")  # there is no release yet
    context = browser.new_context(base_url=server.url, viewport={"width": 390, "height": 844})
    page = context.new_page()
    page.goto(f"/#/{view}")
    page.wait_for_load_state("networkidle")
    page.wait_for_selector("main > * > *")
    assert page.evaluate("() => document.documentElement.scrollWidth") == 390
    context.close()


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_colours_of_words_stand_out_from_the_surface(browser: Any, server: Any, theme: str) -> None:
    context = browser.new_context(base_url=server.url, color_scheme=theme)
    page = context.new_page()
    page.goto("/")
    names = [*(f"--c{i}" for i in range(8)), "--c-quiet", "--accent", "--ink-quiet", "--surface"]
    colours = page.evaluate(
        "(names) => { const one = getComputedStyle(document.documentElement);"
        " return names.map((name) => one.getPropertyValue(name).trim()); }",
        names,
    )
    given = dict(zip(names, colours, strict=True))
    for name, colour in given.items():
        least = {"--surface": 1, "--c-quiet": 2.4, "--ink-quiet": 4.5, "--accent": 4.5}.get(name, 3)
        assert contrast(colour, given["--surface"]) >= least, (name, colour)
    context.close()


def contrast(a: str, b: str) -> float:
    """The contrast of two colours by WCAG 2."""
    light, dark = sorted((luminance(a), luminance(b)), reverse=True)
    return (light + 0.05) / (dark + 0.05)


def luminance(colour: str) -> float:
    channels = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    linear = [c / 12.92 if c <= 0.03928 else ((c + 0.055) / 1.055) ** 2.4 for c in channels]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]
