from latelight.extractors.markdown import MarkdownExtractor, markdown_structure, plain_inline
from latelight.extractors.protocol import ExtractionOptions
from latelight.types import Extraction, Source

SAMPLE = """---
title: "The report"
---
# Top *heading*

Words.

Second
------

```python
# not a heading
x = 1
```

| a | b |
|---|---|
| 1 | 2 |

### Third ###
"""


def extracted(text: str, limit: int = 1600) -> Extraction:
    options = ExtractionOptions(passage_characters=limit)
    return MarkdownExtractor().extract(Source("a.md", text.encode()), options)


def test_headings_of_both_kinds_are_found_and_code_is_not_one() -> None:
    found = [(h.level, h.title) for h in markdown_structure(SAMPLE).headings]
    assert found == [(1, "Top heading"), (2, "Second"), (3, "Third")]


def test_fences_and_tables_are_whole() -> None:
    wholes = [SAMPLE[w.start : w.end] for w in markdown_structure(SAMPLE).wholes]
    assert wholes == [
        "```python\n# not a heading\nx = 1\n```\n",
        "| a | b |\n|---|---|\n| 1 | 2 |\n",
    ]


def test_the_title_is_the_front_matters_else_the_top_heading() -> None:
    assert extracted(SAMPLE).title == "The report"
    assert extracted("## B\n\n# A\n\nx").title == "A"


def test_the_text_is_the_source_and_passages_know_their_headings() -> None:
    text = "# Top\n\n" + "Alpha beta. " * 8 + "\n\n## Sub\n\n" + "Gamma delta. " * 8
    found = extracted(text, 120)
    assert found.text == text
    assert [u.heading for u in found.units] == [("Top",), ("Top", "Sub")]
    assert found.units[1].text.startswith("## Sub")


def test_an_unclosed_fence_ends_with_the_text() -> None:
    structure = markdown_structure("```\n# x\n")
    assert structure.headings == ()
    assert structure.wholes[0].end == 8


def test_inline_marks_and_links_are_dropped_from_titles() -> None:
    assert plain_inline("**Bold** [link](http://x) `code` ##") == "Bold link code"
