from hypothesis import given
from hypothesis import strategies as st

from latelight.extractors.passages import Heading, Structure, cut_passages
from latelight.types import CharSpan


def texts(text: str, limit: int, structure: Structure | None = None) -> list[str]:
    return [text[p.span.start : p.span.end] for p in cut_passages(text, limit, structure)]


def test_whole_sentences_are_packed_up_to_the_limit() -> None:
    assert texts("One two. Three four. Five six.", 20) == ["One two. Three four.", "Five six."]


def test_passages_are_evened_out_rather_than_leaving_a_scrap() -> None:
    text = " ".join(f"Sentence {n:02d}." for n in range(9))  # 9 x 12 characters and spaces: 116
    assert [len(t) for t in texts(text, 100)] == [64, 51]


def test_a_sentence_is_only_cut_when_it_alone_is_too_long() -> None:
    text = "Short one. " + "word " * 30 + "end. Short two."
    parts = texts(text, 60)
    assert parts[0].startswith("Short one. word")
    assert parts[-1].endswith("end. Short two.")
    assert max(map(len, parts)) <= 60
    assert texts(text, 200)[0] == text


def test_a_section_begins_a_passage_and_carries_the_titles_above_it() -> None:
    text = "Top\n" + "Alpha beta. " * 4 + "\nSub\n" + "Gamma delta. " * 4
    structure = Structure((Heading(0, 1, "Top"), Heading(text.index("Sub"), 2, "Sub")))
    passages = cut_passages(text, 100, structure)
    assert [p.heading for p in passages] == [("Top",), ("Top", "Sub")]
    assert passages[1].span.start == text.index("Sub")


def test_a_scrap_of_a_section_joins_what_follows_it() -> None:
    text = "Top\n\nSub\n" + "Gamma delta. " * 4
    structure = Structure((Heading(0, 1, "Top"), Heading(5, 2, "Sub")))
    passages = cut_passages(text, 100, structure)
    assert [(p.span.start, p.heading) for p in passages] == [(0, ("Top",))]


def test_a_sibling_section_replaces_the_title_and_not_its_parent() -> None:
    text = "A" * 50 + "B" * 50 + "C" * 50
    headings = (Heading(0, 1, "a"), Heading(50, 2, "b"), Heading(100, 2, "c"))
    passages = cut_passages(text, 60, Structure(headings))
    assert [p.heading for p in passages] == [("a",), ("a", "b"), ("a", "c")]


def test_whole_spans_stay_in_one_passage_where_they_fit() -> None:
    code = "x = 1. y = 2. z = 3. w = 4."
    text = "Some words here. " + code + " Tail."
    start = text.index(code)
    structure = Structure(wholes=(CharSpan(start, start + len(code)),))
    assert any(code in part for part in texts(text, 40, structure))
    assert not any(code in part for part in texts(text, 40))


def test_white_space_alone_gives_no_passage() -> None:
    assert cut_passages(" \n\n \t", 100) == []


@given(st.text(alphabet="ab.! \n\u3002", max_size=400), st.integers(5, 60))
def test_passages_are_ordered_trimmed_within_the_limit_and_lose_only_white_space(
    text: str, limit: int
) -> None:
    passages = cut_passages(text, limit)
    assert "".join("".join(texts(text, limit)).split()) == "".join(text.split())
    end = 0
    for passage in passages:
        part = text[passage.span.start : passage.span.end]
        assert passage.span.start >= end
        assert part == part.strip() != ""
        assert len(part) <= limit
        end = passage.span.end
