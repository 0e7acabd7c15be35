"""Texts as a visual model reads them: the user's characters between the model's own tokens.

A processor would write the user's text into one string with the markers and tokenise that, so that
a query with the words `<image>` or `<|image_pad|>` becomes a picture without one. Here the markers
are tokens from the start, and the user's text is tokenised with markers read as plain characters.
"""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from latelight.errors import ModelError, QueryError
from latelight.types import CharSpan, Int32Array, Int64Array, QueryToken

PROBE = "harbour"
NOWHERE = (-1, -1)


@dataclass(frozen=True, eq=False)
class Pieces:
    """A tokenised text.

    Attributes:
        ids: (n_tokens,) int64.
        spans: (n_tokens, 2) int32, characters of the text.
    """

    ids: Int64Array  # (n_tokens,)
    spans: Int32Array  # (n_tokens, 2)

    def __len__(self) -> int:
        return len(self.ids)


class PlainTokenizer:
    """A checkpoint's tokenizer that reads markers in a text as plain characters."""

    def __init__(self, tokenizer: Any, structural: Collection[int]) -> None:
        """Take over a fast tokenizer of transformers, which stays as it is.

        Args:
            tokenizer: of the checkpoint.
            structural: ids that no text may become: markers, and what stands for pictures.
        """
        from tokenizers import Tokenizer

        self._backend = Tokenizer.from_str(tokenizer.backend_tokenizer.to_str())
        self._backend.no_padding()
        self._backend.no_truncation()
        self._backend.encode_special_tokens = True
        self._structural = np.array(sorted(structural), np.int64)

    def split(self, text: str) -> Pieces:
        """Return the tokens of `text`, none of which is structural."""
        encoding = self._backend.encode(text, add_special_tokens=False)
        ids = np.array(encoding.ids, np.int64)
        spans = np.array(encoding.offsets, np.int32).reshape(-1, 2)
        wrong = np.isin(ids, self._structural)
        return self._spelt(text, ids, spans, wrong) if wrong.any() else Pieces(ids, spans)

    def _spelt(self, text: str, ids: Int64Array, spans: Int32Array, wrong: Any) -> Pieces:
        """Return the tokens with each wrong one replaced by those of its single characters."""
        found: list[tuple[int, int, int]] = []
        for token, (start, end), is_wrong in zip(ids, spans.tolist(), wrong, strict=True):
            if not is_wrong:
                found.append((int(token), start, end))
                continue
            for i in range(start, end):
                found += [(one, i, i + 1) for one in self._letter(text[i])]
        table = np.array(found, np.int64).reshape(-1, 3)
        return Pieces(table[:, 0], table[:, 1:].astype(np.int32))

    def _letter(self, character: str) -> list[int]:
        ids = self._backend.encode(character, add_special_tokens=False).ids
        return [one for one in ids if one not in self._structural]


@dataclass(frozen=True, eq=False)
class Rendered:
    """A text between a model's own tokens.

    Attributes:
        ids: (n_tokens,) int64, without padding.
        tokens: what each of them stands for.
        spans: (n_tokens, 2) int32, characters of the text; (-1, -1) for the model's own.
    """

    ids: Int64Array  # (n_tokens,)
    tokens: tuple[QueryToken, ...]
    spans: Int32Array  # (n_tokens, 2)


@dataclass(frozen=True, eq=False)
class TextTemplate:
    """What a model wants around a text.

    Attributes:
        tokenizer: for the text, together with the plain characters around it.
        before: (n,) int64, tokens in front.
        prefix: plain characters between these and the text.
        suffix: the same behind the text.
        after: (m,) int64, tokens behind.
        names: what to call tokens of `before` and `after`, by id.
        expansion: ids of tokens in `after` that only widen a query.
    """

    tokenizer: PlainTokenizer
    before: Int64Array
    prefix: str
    suffix: str
    after: Int64Array
    names: Mapping[int, str]
    expansion: frozenset[int] = frozenset()

    def render(self, text: str, most_tokens: int) -> Rendered:
        """Return `text` as the model reads it, cut after `most_tokens` tokens of its own.

        Raises:
            QueryError: there is nothing in it.
        """
        if not text.strip():
            raise QueryError(f"The query {text!r} holds no word or number; type at least one.")
        pieces = self.tokenizer.split(self.prefix + text + self.suffix)
        begin, end = len(self.prefix), len(self.prefix) + len(text)
        own = [_own(span, begin, end) for span in pieces.spans.tolist()]
        kept = _first(own, most_tokens)
        inner = [self._inner(pieces, i, own[i], text) for i in kept]
        tokens = (*self._outer(self.before), *inner, *self._outer(self.after))
        return Rendered(
            np.concatenate([self.before, pieces.ids[kept], self.after]),
            tokens,
            _spans(tokens),
        )

    def describe(self) -> str:
        """Return the template as text, with `{text}` where the user's comes."""
        before, after = (
            "".join(self.names.get(int(i), f"<{int(i)}>") for i in ids)
            for ids in (self.before, self.after)
        )
        return f"{before}{self.prefix}{{text}}{self.suffix}{after}"

    def _inner(
        self, pieces: Pieces, number: int, own: tuple[int, int] | None, text: str
    ) -> QueryToken:
        if own is None:
            whole = self.prefix + text + self.suffix
            start, end = pieces.spans[number]
            return QueryToken(whole[start:end].strip(), None, "marker")
        start, end = _trimmed(text, *own)
        return QueryToken(text[start:end], CharSpan(start, end))

    def _outer(self, ids: Int64Array) -> list[QueryToken]:
        return [
            QueryToken(
                self.names.get(int(one), f"<{int(one)}>"),
                None,
                "expansion" if int(one) in self.expansion else "marker",
            )
            for one in ids
        ]


def find_template(
    ids: Sequence[int],
    tokenizer: PlainTokenizer,
    name_of: Callable[[int], str],
    *,
    prefix: str = "",
    suffix: str = "",
    expansion: Collection[int] = (),
) -> TextTemplate:
    """Return the template by which a processor made `ids` of the text `PROBE`.

    Args:
        ids: what the processor made.
        tokenizer: reads the text.
        name_of: what to call a token.
        prefix: plain characters that the processor puts in front of the text.
        suffix: the same behind it.
        expansion: ids of tokens behind the text that only widen a query.

    Raises:
        ModelError: the tokens of the text are not in `ids` exactly once.
    """
    whole = np.asarray(ids, np.int64)
    inner = tokenizer.split(prefix + PROBE + suffix).ids
    found = [
        i
        for i in range(len(whole) - len(inner) + 1)
        if np.array_equal(whole[i : i + len(inner)], inner)
    ]
    if len(found) != 1:
        raise ModelError(
            f"The processor writes the text {prefix + PROBE + suffix!r} as tokens that are in its "
            f"own input {len(found)} times, expected once. Its template is not one that Latelight "
            "can fill safely; take another revision of the checkpoint."
        )
    begin, end = found[0], found[0] + len(inner)
    after = whole[end:]
    return TextTemplate(
        tokenizer,
        whole[:begin],
        prefix,
        suffix,
        after,
        {int(one): name_of(int(one)) for one in {*whole[:begin].tolist(), *after.tolist()}},
        frozenset(map(int, expansion)) & frozenset(after.tolist()),
    )


def plain_surroundings(rendered: str, special: Collection[str]) -> tuple[str, str]:
    """Return the plain characters around `PROBE` in a rendered string, up to the next markers.

    Args:
        rendered: what a chat template made of the text `PROBE`.
        special: the tokenizer's markers.
    """
    before, _, after = rendered.partition(PROBE)
    starts = [before.rfind(one) + len(one) for one in special if one and one in before]
    ends = [after.find(one) for one in special if one and one in after]
    return before[max(starts, default=0) :], after[: min(ends, default=len(after))]


def token_names(tokenizer: Any) -> Callable[[int], str]:
    """Return what tells a token's text by its id."""
    return lambda number: str(tokenizer.decode([number]))


def _own(span: Sequence[int], begin: int, end: int) -> tuple[int, int] | None:
    """Return a token's characters of the user's text, None when it has none."""
    start, stop = max(span[0], begin), min(span[1], end)
    return (start - begin, stop - begin) if start < stop else None


def _first(own: Sequence[tuple[int, int] | None], most: int) -> list[int]:
    """Return the numbers of tokens to keep: all but the user's beyond the first `most`."""
    numbers = [i for i, span in enumerate(own) if span is not None]
    dropped = set(numbers[most:])
    return [i for i in range(len(own)) if i not in dropped]


def _trimmed(text: str, start: int, end: int) -> tuple[int, int]:
    """Return the characters without white space around them, unless there is nothing else."""
    while start < end and text[start].isspace():
        start += 1
    stop = end
    while stop > start and text[stop - 1].isspace():
        stop -= 1
    return (start, stop) if start < stop else (end - 1, end)


def _spans(tokens: Sequence[QueryToken]) -> Int32Array:
    pairs = [NOWHERE if t.span is None else (t.span.start, t.span.end) for t in tokens]
    return np.array(pairs, np.int32).reshape(-1, 2)
