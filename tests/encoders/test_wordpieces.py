import json
from pathlib import Path

import pytest
from tokenizers import Tokenizer, models, normalizers, pre_tokenizers

from latelight.encoders.wordpieces import WordpieceTokenizer

VOCABULARY = {"[UNK]": 0, "[SEP]": 1, "[": 2, "]": 3, "sep": 4, "cafe": 5, "##s": 6, "“": 7, "5": 8}


@pytest.fixture(scope="module")
def tokenizer(tmp_path_factory: pytest.TempPathFactory) -> WordpieceTokenizer:
    made = Tokenizer(models.WordPiece(VOCABULARY, unk_token="[UNK]"))
    made.normalizer = normalizers.BertNormalizer(lowercase=True)
    made.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    made.add_special_tokens(["[SEP]"])
    made.enable_truncation(2)
    made.enable_padding(length=16)
    path: Path = tmp_path_factory.mktemp("tokenizer") / "tokenizer.json"
    path.write_text(json.dumps(json.loads(made.to_str())), encoding="utf-8")
    return WordpieceTokenizer(path)


def test_special_tokens_in_the_text_are_plain_characters(tokenizer: WordpieceTokenizer) -> None:
    pieces = tokenizer.split("[SEP]")
    assert pieces.ids.tolist() == [2, 4, 3]
    assert pieces.spans.tolist() == [[0, 1], [1, 4], [4, 5]]


def test_nothing_is_cut_off_or_filled_up(tokenizer: WordpieceTokenizer) -> None:
    assert tokenizer.split("cafe " * 7).ids.tolist() == [5] * 7


def test_places_count_characters_of_the_text_as_it_was_typed(tokenizer: WordpieceTokenizer) -> None:
    pieces = tokenizer.split("😀 Cafés")
    assert pieces.ids.tolist() == [0, 5, 6]
    assert pieces.spans.tolist() == [[0, 1], [2, 6], [6, 7]]


def test_an_empty_text_has_no_wordpieces(tokenizer: WordpieceTokenizer) -> None:
    assert tokenizer.split("").spans.shape == (0, 2)


def test_punctuation_is_known_in_every_script(tokenizer: WordpieceTokenizer) -> None:
    named = {token for token, i in VOCABULARY.items() if tokenizer.is_punctuation[i]}
    assert named == {"[", "]", "“"}
