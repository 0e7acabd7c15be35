"""Text to wordpieces, each with its characters; the user's text never becomes a special token."""

import string
import unicodedata
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
from tokenizers import Tokenizer

from latelight.types import Int32Array

CLS, SEP, MASK = 101, 102, 103  # ids shared by every uncased BERT vocabulary


@dataclass(frozen=True, eq=False)
class Wordpieces:
    """A tokenised text.

    Attributes:
        ids: (n_tokens,) int32, numbers in the vocabulary.
        spans: (n_tokens, 2) int32, characters of the text, ascending.
    """

    ids: Int32Array  # (n_tokens,)
    spans: Int32Array  # (n_tokens, 2)

    def __len__(self) -> int:
        return int(self.ids.shape[0])

    def cut(self, start: int, end: int) -> "Wordpieces":
        """Return the wordpieces `[start, end)`."""
        return Wordpieces(self.ids[start:end], self.spans[start:end])


class WordpieceTokenizer:
    """A BERT tokenizer that reads `[MASK]` and its like in a text as plain characters."""

    def __init__(self, path: Path) -> None:
        self._tokenizer = Tokenizer.from_file(str(path))
        self._tokenizer.no_padding()
        self._tokenizer.no_truncation()
        # Otherwise "[SEP]" typed by a user would end the text for the model.
        self._tokenizer.encode_special_tokens = True
        self.is_punctuation = _punctuation(self._tokenizer)  # (n_vocabulary,)

    def split(self, text: str) -> Wordpieces:
        """Return the wordpieces of `text` with their characters (Unicode code points)."""
        encoding = self._tokenizer.encode(text, add_special_tokens=False)
        ids = np.array(encoding.ids, np.int32)
        return Wordpieces(ids, np.array(encoding.offsets, np.int32).reshape(-1, 2))


def _punctuation(tokenizer: Tokenizer) -> npt.NDArray[np.bool_]:
    """Return (n_vocabulary,) bool: the wordpieces that consist of punctuation alone."""
    flags = np.zeros(tokenizer.get_vocab_size(), np.bool_)
    for token, number in tokenizer.get_vocab().items():
        flags[number] = all(map(_is_punctuation, token.removeprefix("##")))
    return flags


def _is_punctuation(character: str) -> bool:
    return character in string.punctuation or unicodedata.category(character).startswith("P")
