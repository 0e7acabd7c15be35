import numpy as np
import pytest

pytest.importorskip("torch")
pytest.importorskip("transformers")

from latelight.encoders.vision.rendering import (
    PROBE,
    PlainTokenizer,
    TextTemplate,
    find_template,
    plain_surroundings,
)
from latelight.errors import ModelError, QueryError
from tests.encoders.vision.checkpoints.qwen import qwen_tokenizer


def template(prefix: str = "Query: ", suffix: str = "") -> TextTemplate:
    tokenizer = qwen_tokenizer()
    rendered = f"<|im_start|>{prefix}{PROBE}{suffix}<|endoftext|><|endoftext|><|im_end|>"
    return find_template(
        tokenizer(rendered)["input_ids"],
        PlainTokenizer(tokenizer, tokenizer.all_special_ids),
        lambda number: tokenizer.decode([number]),
        prefix=prefix,
        suffix=suffix,
        expansion=[tokenizer.pad_token_id],
    )


def test_rows_are_told_apart_by_what_they_stand_for() -> None:
    tokens = template().render("the ferry", 50).tokens
    assert tokens[0].text == "<|im_start|>"
    assert [t.kind for t in tokens[-3:]] == ["expansion", "expansion", "marker"]
    own = [t for t in tokens if t.kind == "token"]
    assert "".join(t.text for t in own) == "theferry"
    assert own[0].span is not None and own[0].span.start == 0


def test_long_texts_are_cut_and_keep_what_is_behind_them() -> None:
    filled = template(suffix=" .").render("ferry " * 50, 7)
    assert sum(t.kind == "token" for t in filled.tokens) == 7
    assert [t.text for t in filled.tokens[-4:]] == [
        ".",
        "<|endoftext|>",
        "<|endoftext|>",
        "<|im_end|>",
    ]


def test_the_template_is_described_as_text() -> None:
    assert template().describe() == "<|im_start|>Query: {text}<|endoftext|><|endoftext|><|im_end|>"


def test_structural_tokens_that_are_no_markers_are_spelt_out() -> None:
    tokenizer = qwen_tokenizer()
    tokenizer.add_tokens(["<row>"])  # a plain added token, which no setting hides
    number = tokenizer.convert_tokens_to_ids("<row>")
    text = "a <row> of ships"
    assert number in PlainTokenizer(tokenizer, []).split(text).ids
    pieces = PlainTokenizer(tokenizer, [number]).split(text)
    assert number not in pieces.ids
    read = "".join(text[a:b] for a, b in pieces.spans.tolist())
    assert read.replace(" ", "") == text.replace(" ", "")


def test_every_character_of_other_scripts_has_its_place() -> None:
    text = "naïve café 日本語 😀"
    spans = template().render(text, 200).spans
    covered = np.zeros(len(text), np.bool_)
    for start, end in spans[spans[:, 0] >= 0].tolist():
        assert 0 <= start < end <= len(text)
        covered[start:end] = True
    assert all(covered[i] for i, character in enumerate(text) if not character.isspace())


def test_a_template_that_is_not_found_is_an_error() -> None:
    tokenizer = qwen_tokenizer()
    with pytest.raises(ModelError, match="0 times, expected once"):
        find_template([1, 2, 3], PlainTokenizer(tokenizer, []), str)


def test_nothing_to_read_is_refused() -> None:
    with pytest.raises(QueryError, match="type at least one"):
        template().render(" \n", 10)


def test_plain_characters_around_the_text_end_at_the_next_marker() -> None:
    rendered = f"<s>system<e>\n<s>user\nQ: {PROBE} .<p><p><e>\n"
    assert plain_surroundings(rendered, ["<s>", "<e>", "<p>"]) == ("user\nQ: ", " .")
    assert plain_surroundings(f"Q: {PROBE}", ["<s>"]) == ("Q: ", "")
