# ruff: noqa: D102 (the names of the tests are sentences)
"""A fake encoder, and the tests that every encoder has to pass."""

import hashlib
import re
from collections.abc import Sequence
from typing import ClassVar

import numpy as np

from latelight.encoders.places import row_locators
from latelight.encoders.protocol import Encoder, Progress, encode_queries, no_progress
from latelight.errors import QueryError
from latelight.types import (
    UNIT_KINDS,
    CharSpan,
    EncoderInfo,
    Float32Array,
    Int32Array,
    Locator,
    MultiVector,
    QueryToken,
    QueryVectors,
    Unit,
    WordBoxes,
)

_WORD = re.compile(r"\w+")


class FakeEncoder:
    """An encoder without a model: one row per word, equal words have equal rows.

    The row of a word follows from its lower-cased letters alone; different words are nearly
    orthogonal when `dim` is large.
    """

    def __init__(self, *, dim: int = 32, name: str = "fake", max_query_tokens: int = 128) -> None:
        self._info = EncoderInfo(
            name=name,
            version="1",
            dim=dim,
            unit_kinds=UNIT_KINDS,
            licence="Apache-2.0",
            max_query_tokens=max_query_tokens,
        )
        self._rows: dict[str, Float32Array] = {}

    @property
    def info(self) -> EncoderInfo:
        """Name and geometry."""
        return self._info

    def load(self) -> None:
        """There is nothing to read."""

    def encode_query(self, text: str) -> QueryVectors:
        """Return one row per word of the query.

        Raises:
            QueryError: `text` holds no word.
        """
        words = list(_WORD.finditer(text))[: self._info.max_query_tokens]
        if not words:
            raise QueryError(f"The query {text!r} holds no word or number; type at least one.")
        tokens = tuple(QueryToken(w[0], CharSpan(w.start(), w.end())) for w in words)
        return QueryVectors(self._stack([w[0] for w in words]), tokens)

    def encode_documents(
        self, units: Sequence[Unit], *, progress: Progress = no_progress
    ) -> list[MultiVector]:
        """Return one multi-vector per unit, one row per word of its text."""
        encoded = []
        for unit in units:
            encoded.append(self._encode(unit))
            progress(1)
        return encoded

    def _encode(self, unit: Unit) -> MultiVector:
        words = list(_WORD.finditer(unit.text))
        spans: Int32Array = np.array([w.span() for w in words], np.int32).reshape(-1, 2)
        return MultiVector(self._stack([w[0] for w in words]), row_locators(spans, unit))

    def _stack(self, words: list[str]) -> Float32Array:
        rows = [self._row(word.lower()) for word in words]
        return np.stack(rows) if rows else np.zeros((0, self._info.dim), np.float32)

    def _row(self, word: str) -> Float32Array:
        if word not in self._rows:
            seed = int.from_bytes(hashlib.sha256(word.encode()).digest()[:8], "little")
            row = np.random.default_rng(seed).standard_normal(self._info.dim)
            self._rows[word] = (row / np.linalg.norm(row)).astype(np.float32)
        return self._rows[word]


SAMPLE_TEXTS = (
    "The ferry was refitted in 2019 for 4.2 million crowns; the county paid.",
    "Ein Fährschiff über den Sund — naïve café, 日本語, and a 😀.",
    "Short.",
    "Line one\nline two\n\nline four: a | b | c\n1 | 2 | 3",
)


def passage(text: str, *, words: WordBoxes | None = None) -> Unit:
    """Return a passage that begins its document."""
    return Unit("c0", "passage", Locator(span=CharSpan(0, len(text))), text, words)


def boxes_by_word(text: str) -> WordBoxes:
    """Return word boxes side by side: word `i` of n lies at `(i/n, 0, (i+1)/n, 1)`."""
    spans = np.array([m.span() for m in re.finditer(r"\S+", text)], np.int32).reshape(-1, 2)
    edges = np.linspace(0, 1, len(spans) + 1, dtype=np.float32)
    zeros, ones = np.zeros(len(spans), np.float32), np.ones(len(spans), np.float32)
    return WordBoxes(spans, np.stack([edges[:-1], zeros, edges[1:], ones], axis=1))


class MadeEncoder:
    """What suites of encoders begin with: the encoder, made and loaded once for each class."""

    tolerance: ClassVar[float] = 0.0
    """How much a number may differ with the batch. Leave it at 0 unless the arithmetic of your
    library depends on a batch's shape; more than 1e-4 would be another vector."""

    _made: ClassVar[dict[type, Encoder]] = {}

    def make_encoder(self) -> Encoder:
        """Return the encoder to test; called once for each class."""
        raise NotImplementedError("Override make_encoder to return your encoder.")

    @property
    def encoder(self) -> Encoder:
        """The encoder under test, loaded."""
        kind = type(self)
        if kind not in self._made:
            self._made[kind] = self.make_encoder()
            self._made[kind].load()
        return self._made[kind]

    def _assert_same(self, one: Float32Array, other: Float32Array) -> None:
        assert 0 <= self.tolerance <= 1e-4
        np.testing.assert_allclose(one, other, rtol=0, atol=self.tolerance)


class EncoderConformance(MadeEncoder):
    """Tests of an encoder of text: subclass it under pytest and say how to make yours.

    ```python
    class TestMyEncoder(EncoderConformance):
        def make_encoder(self):
            return MyEncoder("weights/")
    ```
    """

    def _rows(self, text: str) -> MultiVector:
        return self.encoder.encode_documents([passage(text)])[0]

    def test_it_declares_itself_before_it_is_loaded(self) -> None:
        info = self.make_encoder().info
        assert info.name and info.version and info.licence
        assert info.dim > 0 and info.max_query_tokens > 0 and info.unit_kinds

    def test_loading_twice_changes_nothing(self) -> None:
        before = self._rows(SAMPLE_TEXTS[0])
        self.encoder.load()
        np.testing.assert_array_equal(self._rows(SAMPLE_TEXTS[0]).vectors, before.vectors)

    def test_document_rows_are_float32_of_the_declared_dim_and_length_one(self) -> None:
        for text in SAMPLE_TEXTS:
            vectors = self._rows(text).vectors
            assert vectors.dtype == np.float32
            assert vectors.shape[1] == self.encoder.info.dim
            assert len(vectors) > 0
            np.testing.assert_allclose(np.linalg.norm(vectors, axis=1), 1, atol=1e-4)

    def test_query_rows_are_normalised_and_named(self) -> None:
        query = self.encoder.encode_query(SAMPLE_TEXTS[0])
        assert query.vectors.shape == (len(query.tokens), self.encoder.info.dim)
        assert query.vectors.dtype == np.float32
        np.testing.assert_allclose(np.linalg.norm(query.vectors, axis=1), 1, atol=1e-4)

    def test_query_tokens_are_the_characters_that_they_point_to(self) -> None:
        for text in SAMPLE_TEXTS:
            for token in self.encoder.encode_query(text).tokens:
                if token.span is not None:
                    assert text[token.span.start : token.span.end] == token.text

    def test_queries_together_have_the_rows_that_they_have_alone(self) -> None:
        texts = [*SAMPLE_TEXTS, SAMPLE_TEXTS[0]]
        for text, query in zip(texts, encode_queries(self.encoder, texts), strict=True):
            alone = self.encoder.encode_query(text)
            self._assert_same(query.vectors, alone.vectors)
            assert query.tokens == alone.tokens

    def test_queries_are_cut_at_the_declared_length(self) -> None:
        limit = self.encoder.info.max_query_tokens
        query = self.encoder.encode_query("ferry " * (limit + 50))
        assert sum(token.kind == "token" for token in query.tokens) <= limit

    def test_a_query_without_words_is_refused(self) -> None:
        for text in ("", "  \n"):
            try:
                self.encoder.encode_query(text)
            except QueryError:
                continue
            raise AssertionError(f"encode_query({text!r}) returned instead of raising QueryError")

    def test_a_unit_without_text_has_no_rows(self) -> None:
        for text in ("", " \n\t "):
            encoded = self._rows(text)
            assert encoded.vectors.shape == (0, self.encoder.info.dim)

    def test_no_units_give_no_multi_vectors(self) -> None:
        assert self.encoder.encode_documents([]) == []

    def test_the_same_text_has_the_same_rows(self) -> None:
        for text in SAMPLE_TEXTS:
            np.testing.assert_array_equal(self._rows(text).vectors, self._rows(text).vectors)

    def test_rows_do_not_depend_on_the_batch_or_its_order(self) -> None:
        texts = [*SAMPLE_TEXTS, "", "A much longer text. " * 40]
        together = self.encoder.encode_documents([passage(text) for text in texts])
        reversed_ = self.encoder.encode_documents([passage(text) for text in reversed(texts)])
        for text, one, other in zip(texts, together, reversed(reversed_), strict=True):
            self._assert_same(one.vectors, other.vectors)
            self._assert_same(one.vectors, self._rows(text).vectors)

    def test_progress_counts_every_unit_once(self) -> None:
        counts: list[int] = []
        units = [passage(text) for text in (*SAMPLE_TEXTS, "")]
        self.encoder.encode_documents(units, progress=counts.append)
        assert sum(counts) == len(units)

    def test_every_place_lies_inside_the_text(self) -> None:
        for text in SAMPLE_TEXTS:
            encoded = self._rows(text)
            for start, end in _spans(encoded).tolist():
                assert (start, end) == (-1, -1) or 0 <= start <= end <= len(text)
            assert (_spans(encoded)[:, 0] >= 0).any()

    def test_long_texts_are_read_to_their_end(self) -> None:
        text = "The harbour master counted the boats. " * 200 + "Then he slept."
        assert _spans(self._rows(text))[:, 1].max() >= len(text) - 1

    def test_rows_have_the_boxes_of_the_words_that_they_touch(self) -> None:
        text = SAMPLE_TEXTS[0]
        words = boxes_by_word(text)
        encoded = self.encoder.encode_documents([passage(text, words=words)])[0]
        boxes = encoded.locators.boxes
        assert boxes is not None and boxes.shape == (len(_spans(encoded)), 4)
        for (start, end), box in zip(_spans(encoded).tolist(), boxes, strict=True):
            if start >= 0:
                assert _lies_around(box, start, end, words)

    def test_a_text_that_names_special_tokens_is_read_as_plain_characters(self) -> None:
        text = "ferry [SEP] [MASK] [unused0] [unused1] [CLS] <s> </s> harbour"
        tokens = [t for t in self.encoder.encode_query(text).tokens if t.kind == "token"]
        assert all(t.text not in ("[SEP]", "[MASK]", "[CLS]", "[unused1]") for t in tokens)
        spans = _spans(self._rows(text))
        assert spans[:, 1].max() == len(text)

    def test_a_text_finds_itself(self) -> None:
        encoded = self.encoder.encode_documents([passage(text) for text in SAMPLE_TEXTS])
        for i, text in enumerate(SAMPLE_TEXTS):
            query = self.encoder.encode_query(text)
            scores = [(query.vectors @ d.vectors.T).max(axis=1).sum() for d in encoded]
            assert int(np.argmax(scores)) == i


def _spans(encoded: MultiVector) -> Int32Array:
    spans = encoded.locators.spans
    assert spans is not None, "text rows need character spans"
    return spans


def _lies_around(box: Float32Array, start: int, end: int, words: WordBoxes) -> bool:
    touched = (words.spans[:, 0] < end) & (words.spans[:, 1] > start)
    inner = words.boxes[touched]
    return bool(
        np.allclose(box[:2], inner[:, :2].min(axis=0))
        and np.allclose(box[2:], inner[:, 2:].max(axis=0))
    )
