import pytest
from hypothesis import given
from hypothesis import strategies as st

from latelight.errors import EmptyFileError
from latelight.extractors.html import HtmlExtractor, read_html
from latelight.extractors.protocol import ExtractionOptions
from latelight.types import CharSpan, Source

PAGE = """<!doctype html><html><head><title>A &amp; B</title>
<style>p { color: red }</style><script>var x = "<p>no</p>";</script></head>
<body><nav><a href=/>Home</a></nav><h1>Top</h1><p>Caf&eacute; &lt;here&gt;   and
there.</p><table><tr><th>Year</th><th>Sales</th></tr><tr><td>2022</td><td></td><td>5</td></tr>
</table><img src=x alt="A chart &amp; more"><ul><li>One<li>Two</ul><pre>a
  b</pre><footer>Legal</footer></body></html>"""


def test_readable_text_keeps_blocks_cells_alt_text_and_no_boilerplate() -> None:
    page = read_html(PAGE)
    assert page.text == (
        "Top\n\nCaf\u00e9 <here> and there.\n\nYear | Sales\n2022 | 5\n\nA chart & more\n\n"
        "One\nTwo\n\na\n  b"
    )
    assert page.title == "A & B"
    assert [(h.level, h.title, h.start) for h in page.structure.headings] == [(1, "Top", 0)]


@pytest.mark.parametrize("words", ["Top", "there", "2022", "A chart", "Two", "a\n  b"])
def test_offsets_lead_back_to_the_same_characters_of_the_file(words: str) -> None:
    page = read_html(PAGE)
    start = page.text.index(words)
    span = page.offsets.to_source(CharSpan(start, start + len(words)))
    assert span is not None
    assert PAGE[span.start : span.end] == words


def test_a_character_reference_maps_to_its_place() -> None:
    page = read_html("<p>x &lt; y</p>")
    span = page.offsets.to_source(CharSpan(2, 3))
    assert span is not None
    assert span.start == 5


def test_units_carry_the_span_of_the_file_beside_that_of_the_text() -> None:
    found = HtmlExtractor().extract(Source("a.html", PAGE.encode()), ExtractionOptions())
    unit = found.units[0]
    assert unit.locator.span == CharSpan(0, len(found.text))
    assert unit.locator.source_span is not None
    assert PAGE[unit.locator.source_span.start :].startswith("Top</h1>")


def test_text_and_navigation_survive_when_nothing_else_is_there() -> None:
    assert read_html("<nav>Only this").text == "Only this"
    assert read_html("plain < text & more").text == "plain < text & more"


def test_markup_without_words_is_empty() -> None:
    with pytest.raises(EmptyFileError, match="no readable text"):
        HtmlExtractor().extract(
            Source("a.html", b"<html><script>x</script></html>"), ExtractionOptions()
        )


def test_hidden_elements_are_left_out() -> None:
    page = read_html('<p>a</p><div style="display:none">b</div><div hidden>c</div><p>d</p>')
    assert page.text == "a\n\nd"


@pytest.mark.parametrize(
    "piece",
    ["<div>", "<", "<a b='", '<a b="', "<!--", "&", "</", "<table><tr><td>", "<nav>", "<p "],
)
def test_thirty_thousand_repeats_of_anything_take_linear_time(piece: str) -> None:
    read_html("x" + piece * 30_000)
    read_html("x" + piece * 30_000 + ">")


@given(
    st.lists(
        st.sampled_from(
            [
                "<p>",
                "</p>",
                "<td>",
                "<table>",
                "</table>",
                "<pre>",
                "</pre>",
                "<h2>",
                "</h2>",
                "a",
                " ",
                "\n",
                "&amp;",
                "<br>",
                "<tr>",
                "<nav>",
                "</nav>",
                "<!-- x -->",
            ]
        )
    )
)
def test_every_mapped_character_is_the_files_own(pieces: list[str]) -> None:
    html = "".join(pieces)
    page = read_html(html)
    end = 0
    for start, source, length in page.offsets.runs.tolist():
        assert start >= end
        end = start + length
        for here, there in zip(page.text[start:end], html[source : source + length], strict=True):
            assert here == there or here.isspace() or (here, there) == ("&", "&")
