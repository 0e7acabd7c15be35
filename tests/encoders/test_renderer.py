import json
from pathlib import Path

import numpy as np
import pytest
from tokenizers import Tokenizer

from latelight.encoders.recipe import PUNCTUATION, Expansion, Recipe
from latelight.encoders.renderer import Renderer
from latelight.errors import ModelError, QueryError
from tests.encoders.checkpoints.small_tokenizers import (
    byte_level,
    unigrams,
    without_flags,
    wordpieces,
)

STANFORD = Recipe(
    dim=4,
    query_prompt="[unused0] ",
    document_prompt="[unused1] ",
    markers=("[unused0]", "[unused1]"),
    query_length=12,
    document_length=16,
    limit=128,
    expansion=Expansion(12),
    skiplist=PUNCTUATION,
)
MODERN = Recipe(dim=4, query_prompt="[Q] ", document_prompt="[D] ", limit=128)


def stanford_tokenizer() -> Tokenizer:
    markers = ("[unused0]", "[unused1]")
    return without_flags(wordpieces(markers), *markers)


@pytest.fixture(scope="module")
def stanford() -> Renderer:
    return Renderer(stanford_tokenizer().to_str(), STANFORD)


@pytest.fixture(scope="module")
def modern() -> Renderer:
    return Renderer(byte_level(("[Q] ", "[D] ")).to_str(), MODERN)


def names(tokenizer: Tokenizer, ids: np.ndarray) -> list[str]:
    return [tokenizer.id_to_token(number) for number in ids.tolist()]


def test_a_query_has_its_marker_after_cls_and_is_filled_up_with_masks(stanford: Renderer) -> None:
    query = stanford.query("the ferry")
    read = names(stanford_tokenizer(), query.sequence.ids)
    assert read == ["[CLS]", "[unused0]", "the", "ferry", "[SEP]", *["[MASK]"] * 7]
    assert query.sequence.n_attended == 5
    kinds = [token.kind for token in query.tokens]
    assert kinds == ["marker"] * 2 + ["token"] * 2 + ["marker"] + ["expansion"] * 7
    assert [token.text for token in query.tokens[:4]] == ["[CLS]", "[unused0]", "the", "ferry"]


def test_expansion_that_is_attended_to_counts_as_text() -> None:
    recipe = Recipe(dim=4, limit=128, expansion=Expansion(9, attends=True))
    query = Renderer(wordpieces().to_str(), recipe).query("the ferry")
    assert len(query.sequence) == query.sequence.n_attended == 9


def test_a_fixed_query_is_cut_and_a_growing_one_is_not() -> None:
    text, tokenizer = "the ferry " * 20, wordpieces().to_str()
    fixed = Renderer(tokenizer, Recipe(dim=4, limit=128, expansion=Expansion(10)))
    assert len(fixed.query(text).sequence) == 10
    grows = Expansion(10, is_fixed=False)
    growing = Renderer(tokenizer, Recipe(dim=4, limit=128, query_length=30, expansion=grows))
    assert len(growing.query(text).sequence) == 30
    assert len(growing.query("the").sequence) == 10


def test_documents_lose_punctuation_with_its_characters(stanford: Renderer) -> None:
    (window,) = stanford.windows("the county, paid.")
    assert names(stanford_tokenizer(), window.sequence.ids)[:2] == ["[CLS]", "[unused1]"]
    rows = [tuple(span) for span in window.spans.tolist()]
    assert rows == [(-1, -1), (-1, -1), (0, 3), (4, 10), (12, 16), (-1, -1)]
    assert window.kept.sum() == len(rows)


def test_long_documents_are_cut_in_windows_that_have_the_markers_rows_once(
    stanford: Renderer,
) -> None:
    text = "the ferry was refitted. " * 8
    windows = stanford.windows(text)
    assert len(windows) > 1
    assert all(len(window.sequence) <= 16 for window in windows)
    assert [(window.spans[:, 0] < 0).sum() for window in windows] == [3, *[0] * (len(windows) - 1)]
    starts = [window.spans[window.spans[:, 0] >= 0][0, 0] for window in windows]
    assert starts == sorted(starts) and windows[-1].spans[:, 1].max() == len(text) - 2


def test_a_blank_document_has_no_window_and_a_blank_query_is_refused(modern: Renderer) -> None:
    assert modern.windows(" \n\t ") == []
    with pytest.raises(QueryError, match="no word"):
        modern.query("   ")


@pytest.mark.parametrize("word", ["[unused0]", "[unused1]", "[MASK]", "[SEP]", "[CLS]", "[PAD]"])
def test_words_of_a_user_never_become_markers(stanford: Renderer, word: str) -> None:
    number = stanford_tokenizer().token_to_id(word)
    assert number not in stanford.split(f"ferry {word} harbour{word}").ids
    n_markers = int((stanford.query("the").sequence.ids == number).sum())
    n_attended = stanford.query(f"the {word}").sequence
    assert (n_attended.ids[: n_attended.n_attended] == number).sum() <= n_markers


def test_markers_that_are_plain_added_words_are_kept_from_users_too(modern: Renderer) -> None:
    tokenizer = byte_level(("[Q] ", "[D] "))
    number = tokenizer.token_to_id("[Q] ")
    assert number in tokenizer.encode("see [Q] here").ids  # the tokenizer alone would be fooled
    assert number not in modern.split("see [Q] here").ids
    assert modern.query("see").sequence.ids[1] == number


def test_runs_of_blanks_stay_the_words_that_they_are(modern: Renderer) -> None:
    blanks = byte_level(("[Q] ", "[D] ")).token_to_id("   ")
    assert blanks in modern.split("ferry   boats").ids


def test_vocabularies_that_hold_special_words_are_spelled_out() -> None:
    tokenizer = unigrams()
    renderer = Renderer(tokenizer.to_str(), Recipe(dim=4, limit=64))
    tokenizer.encode_special_tokens = True
    assert 0 in tokenizer.encode("the <s> ferry", add_special_tokens=False).ids  # still fooled
    pieces = renderer.split("the <s> ferry</s>")
    assert not {0, 1, 2} & set(pieces.ids.tolist())
    assert pieces.spans[:, 1].max() == len("the <s> ferry</s>")


def test_a_plain_prompt_is_joined_to_the_text_as_the_tokenizer_joins_it() -> None:
    tokenizer = byte_level()
    renderer = Renderer(tokenizer.to_str(), Recipe(dim=4, query_prompt="table: ", limit=64))
    query = renderer.query("ferry boats")
    assert query.sequence.ids.tolist() == tokenizer.encode("table: ferry boats").ids
    texts = [token.text for token in query.tokens if token.kind == "token"]
    assert "".join(texts) == "ferryboats"
    assert all(t.span is None for t in query.tokens if t.kind == "marker")


def test_markers_render_as_the_tokenizer_itself_renders_the_whole(modern: Renderer) -> None:
    tokenizer = byte_level(("[Q] ", "[D] "))
    for text in ("ferry boats", " two blanks", "naïve 日本語 😀"):
        assert modern.query(text).sequence.ids.tolist() == tokenizer.encode(f"[Q] {text}").ids


def test_spans_leave_out_the_blank_that_byte_level_tokens_carry(modern: Renderer) -> None:
    text = "the  ferry, naïve 😀 boats"
    spans = modern.split(text).spans.tolist()
    words = [text[a:b] for a, b in spans]
    assert all(word.strip() == word for word in words if word.strip())
    assert spans == sorted(spans)


def test_lower_case_is_applied_before_the_tokenizer() -> None:
    tokenizer = byte_level().to_str()
    lowered = Renderer(tokenizer, Recipe(dim=4, limit=64, lower_case=True))
    plain = Renderer(tokenizer, Recipe(dim=4, limit=64))
    assert lowered.split("FERRY").ids.tolist() == plain.split("ferry").ids.tolist()
    assert lowered.split("FERRY").spans[:, 1].max() == 5


def test_lengths_without_room_for_a_text_are_refused() -> None:
    with pytest.raises(ModelError, match="markers take 3"):
        Renderer(wordpieces().to_str(), Recipe(dim=4, document_length=3, limit=64))


def test_a_missing_mask_token_is_named() -> None:
    recipe = Recipe(dim=4, limit=64, expansion=Expansion(9, token="<nothing>"))
    with pytest.raises(ModelError, match="<nothing>"):
        Renderer(wordpieces().to_str(), recipe)


def test_files_that_are_no_tokenizer_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match=r"tokenizer\.json"):
        Renderer(tmp_path / "tokenizer.json", MODERN)
    (tmp_path / "tokenizer.json").write_text(json.dumps({"version": 1}))
    with pytest.raises(ModelError, match="holds no model"):
        Renderer(tmp_path / "tokenizer.json", MODERN)


def test_pairs_have_what_the_template_puts_between_them() -> None:
    tokenizer = wordpieces()
    template = Renderer(tokenizer.to_str(), Recipe(dim=1, limit=64)).pair_template()
    parts = (template.before, template.between, template.after)
    assert [names(tokenizer, part) for part in parts] == [["[CLS]"], ["[SEP]"], ["[SEP]"]]
    assert template.second_type == 1
