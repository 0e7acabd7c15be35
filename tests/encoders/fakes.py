"""A token model and a tokenizer small enough to reckon with by hand."""

import re

import numpy as np

from latelight.encoders.token_encoder import Parts, Rendering, TokenEncoder
from latelight.encoders.wordpieces import Wordpieces
from latelight.types import UNIT_KINDS, EncoderInfo, Float32Array, Int32Array

WIDTH = 4
COMMA = 999


class WordTokenizer:
    """Words and commas; a word's id is 200 plus its length, a comma's is 999."""

    def __init__(self) -> None:
        self.is_punctuation = np.arange(1000) == COMMA

    def split(self, text: str) -> Wordpieces:
        found = list(re.finditer(r"\w+|,", text))
        ids = [COMMA if m[0] == "," else 200 + len(m[0]) for m in found]
        spans = np.array([m.span() for m in found], np.int32).reshape(-1, 2)
        return Wordpieces(np.array(ids, np.int32), spans)


class RecordingModel:
    """The state of a token is (its id, its place, the sequence's length, 1)."""

    def __init__(self) -> None:
        self.sequences: list[list[int]] = []
        self.attended: list[int | None] = []

    def hidden_states(self, ids: Int32Array, attended: int | None = None) -> Float32Array:
        self.sequences.append(ids.tolist())
        self.attended.append(attended)
        n = len(ids)
        places, ones = np.arange(n), np.ones(n)
        return np.stack([ids, places, n * ones, ones], axis=1).astype(np.float32)


def make_encoder(
    model: RecordingModel, rendering: Rendering, *, n_threads: int = 2, max_query_tokens: int = 8
) -> TokenEncoder:
    info = EncoderInfo(
        name="recording",
        version="1",
        dim=WIDTH,
        unit_kinds=UNIT_KINDS,
        licence="Apache-2.0",
        max_query_tokens=max_query_tokens,
    )
    head = np.eye(WIDTH, dtype=np.float32)
    return TokenEncoder(
        info, rendering, lambda: Parts(WordTokenizer(), model, head), n_threads=n_threads
    )
