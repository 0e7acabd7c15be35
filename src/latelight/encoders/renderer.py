"""Texts to the token sequences that a model reads, by its own tokenizer and recipe.

The same renderer serves every way of running a model (torch, ONNX Runtime, a server), so that all
of them read the same tokens. A user's text never becomes a marker: special tokens and the model's
own markers that it names are read as plain characters.
"""

import json
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from tokenizers import Tokenizer

from latelight.encoders.places import NOWHERE
from latelight.encoders.recipe import Recipe
from latelight.encoders.windows import cut_windows
from latelight.encoders.wordpieces import Wordpieces
from latelight.errors import ModelError, QueryError
from latelight.types import CharSpan, Int32Array, QueryToken

_PROBE = "a"
_SPARE = 1  # a prompt's last blank may become a token of its own


@dataclass(frozen=True, eq=False)
class TokenSequence:
    """What a model reads in one go.

    Attributes:
        ids: (n_tokens,) int32, with all markers.
        n_attended: the first so many can be looked at by others; the rest is expansion.
    """

    ids: Int32Array  # (n_tokens,)
    n_attended: int

    def __len__(self) -> int:
        return int(self.ids.shape[0])


@dataclass(frozen=True, eq=False)
class RenderedQuery:
    """A query's sequence; each token is a row, and has a name."""

    sequence: TokenSequence
    tokens: tuple[QueryToken, ...]


@dataclass(frozen=True, eq=False)
class RenderedWindow:
    """One window of a document.

    Attributes:
        sequence: what the model reads.
        kept: (n_tokens,) bool, which tokens are rows.
        spans: (n_rows, 2) int32, characters of the rows; (-1, -1) for markers.
    """

    sequence: TokenSequence
    kept: npt.NDArray[np.bool_]
    spans: Int32Array


@dataclass(frozen=True, eq=False)
class PairTemplate:
    """Ids before, between and after two texts, and the type of the second text's tokens."""

    before: Int32Array
    between: Int32Array
    after: Int32Array
    second_type: int


@dataclass(frozen=True, eq=False)
class _Prompt:
    """What goes around texts: ids before and after them, and characters before their first one."""

    before: Int32Array
    after: Int32Array
    lead: str


@dataclass(frozen=True, eq=False)
class _Frame:
    """What goes around one text: ids before and after it."""

    before: Int32Array
    after: Int32Array

    @property
    def n_tokens(self) -> int:
        return len(self.before) + len(self.after)


class Renderer:
    """Renders queries and documents as a recipe says."""

    def __init__(self, tokenizer: Path | str, recipe: Recipe) -> None:
        """Read a `tokenizer.json`, given as its path or as its text.

        Raises:
            ModelError: there is none, or it is damaged, or leaves no room for a text.
        """
        settings = _prepared(_read_settings(tokenizer), recipe)
        self._recipe = recipe
        self._marked = _tokenizer(settings, plain=False)
        self._plain = _tokenizer(settings, plain=True)
        self._special = _special_ids(settings, self._marked)
        self._query = self._prompt(recipe.query_prompt)
        self._document = self._prompt(recipe.document_prompt)
        self._expansion_id = self._find_expansion_token()
        self._skipped = np.array(sorted(self._skiplist_ids()), np.int32)
        for what, prompt, length in (
            ("query", self._query, recipe.longest_query),
            ("document", self._document, recipe.window),
        ):
            n_taken = self._read(_PROBE, prompt)[0].n_tokens + _SPARE
            if length <= n_taken:
                raise ModelError(
                    f"A {what} may have {length} tokens, but its markers take {n_taken}; "
                    "expected room for at least one more. Look at the checkpoint's lengths."
                )

    @property
    def max_query_tokens(self) -> int:
        """How many tokens of a query's own text are read."""
        return self._recipe.longest_query - self._read(_PROBE, self._query)[0].n_tokens

    def split(self, text: str) -> Wordpieces:
        """Return the tokens of `text` with their characters; none when it is blank.

        Names of special tokens in it are plain characters.
        """
        return self._split(text, "")[1]

    def _split(self, text: str, lead: str) -> tuple[list[int], Wordpieces]:
        """Return the ids of `lead` and the tokens of `text`, encoded as one string."""
        if not text.strip():
            return [], Wordpieces(np.zeros(0, np.int32), np.zeros((0, 2), np.int32))
        encoding = self._plain.encode(lead + text, add_special_tokens=False)
        offsets = np.array(encoding.offsets, np.int32).reshape(-1, 2) - len(lead)
        n_lead = int((offsets[:, 1] <= 0).sum()) if lead else 0
        ids = np.array(encoding.ids, np.int32)[n_lead:]
        spans = _trimmed(text, np.maximum(offsets[n_lead:], 0))
        return encoding.ids[:n_lead], self._respelled(text, Wordpieces(ids, spans))

    def _read(self, text: str, prompt: _Prompt) -> tuple[_Frame, Wordpieces]:
        """Return what stands around a text, its prompt's words included, and its own tokens."""
        lead, pieces = self._split(text, prompt.lead)
        return _Frame(np.concatenate([prompt.before, lead]).astype(np.int32), prompt.after), pieces

    # -- queries ---------------------------------------------------------------------------

    def query(self, text: str) -> RenderedQuery:
        """Return the sequence of a query, cut to its length and filled up where that is asked for.

        Raises:
            QueryError: `text` holds no token.
        """
        frame, pieces = self._read(text, self._query)
        pieces = pieces.cut(0, self._recipe.longest_query - frame.n_tokens)
        if not len(pieces):
            raise QueryError(f"The query {text!r} holds no word or number; type at least one.")
        ids = np.concatenate([frame.before, pieces.ids, frame.after])
        n_more = self._n_expansion(len(ids))
        more = np.full(n_more, self._expansion_id, np.int32)
        attends = self._recipe.expansion is not None and self._recipe.expansion.attends
        sequence = TokenSequence(np.concatenate([ids, more]), len(ids) + n_more * attends)
        tokens = (
            *self._markers(frame.before),
            *(QueryToken(text[a:b], CharSpan(a, b)) for a, b in pieces.spans.tolist()),
            *self._markers(frame.after),
            *(QueryToken(self._name(number), None, "expansion") for number in more.tolist()),
        )
        return RenderedQuery(sequence, tokens)

    def _n_expansion(self, n_tokens: int) -> int:
        if self._recipe.expansion is None:
            return 0
        return max(min(self._recipe.expansion.length, self._recipe.limit) - n_tokens, 0)

    def _markers(self, ids: Int32Array) -> list[QueryToken]:
        return [QueryToken(self._name(number), None, "marker") for number in ids.tolist()]

    def _name(self, number: int) -> str:
        return str(self._marked.id_to_token(number)).strip()

    # -- documents -------------------------------------------------------------------------

    def windows(self, text: str) -> list[RenderedWindow]:
        """Return the windows of a document, in order, all its tokens once; none when it is blank.

        Markers are rows in the first window alone, so that a long document has them once.
        """
        frame, pieces = self._read(text, self._document)
        limit = self._recipe.window - frame.n_tokens
        return [
            self._window(frame, pieces.cut(one.start, one.end), is_first=one.start == 0)
            for one in cut_windows(text, pieces.spans, limit)
        ]

    def _window(self, frame: _Frame, pieces: Wordpieces, *, is_first: bool) -> RenderedWindow:
        ids = np.concatenate([frame.before, pieces.ids, frame.after])
        begin, end = len(frame.before), len(frame.before) + len(pieces)
        spans = np.full((len(ids), 2), NOWHERE, np.int32)
        spans[begin:end] = pieces.spans
        kept = np.full(len(ids), is_first)
        kept[begin:end] = True
        kept &= ~np.isin(ids, self._skipped)
        return RenderedWindow(TokenSequence(ids, len(ids)), kept, spans[kept])

    def pair_template(self) -> "PairTemplate":
        """Return what the tokenizer puts around and between two texts.

        Raises:
            ModelError: it has no template for pairs.
        """
        encoding = self._marked.encode(_PROBE, _PROBE)
        ids, types = encoding.ids, encoding.type_ids
        inner = [i for i, special in enumerate(encoding.special_tokens_mask) if not special]
        alone = len(self._marked.encode(_PROBE, add_special_tokens=False).ids)
        if len(inner) != 2 * alone or inner[alone] == inner[alone - 1] + 1:
            raise ModelError(
                "The tokenizer puts nothing between two texts; expected a template for pairs, as "
                "cross-encoders have."
            )
        first, second = inner[:alone], inner[alone:]
        return PairTemplate(
            np.array(ids[: first[0]], np.int32),
            np.array(ids[first[-1] + 1 : second[0]], np.int32),
            np.array(ids[second[-1] + 1 :], np.int32),
            int(types[second[0]]),
        )

    # -- set-up ----------------------------------------------------------------------------

    def _prompt(self, prompt: str) -> _Prompt:
        """Return what a prompt puts around a text.

        Its markers are tokens by themselves. What follows the last of them is tokenised together
        with the text, since byte-level tokenizers join a blank to the word after it.
        """
        marked, lead = self._split_prompt(prompt)
        around = self._marked.encode(_PROBE)
        inner = [i for i, special in enumerate(around.special_tokens_mask) if not special]
        markers = self._marked.encode(marked, add_special_tokens=False).ids
        before = [*around.ids[: inner[0]], *markers]
        after = around.ids[inner[-1] + 1 :]
        return _Prompt(np.array(before, np.int32), np.array(after, np.int32), lead)

    def _split_prompt(self, prompt: str) -> tuple[str, str]:
        """Return a prompt cut after its last marker."""
        end, strips = 0, False
        for token in self._marked.get_added_tokens_decoder().values():
            place = prompt.rfind(token.content)
            if token.content and place >= 0 and place + len(token.content) > end:
                end, strips = place + len(token.content), token.rstrip
        lead = prompt[end:]
        return prompt[:end], lead.lstrip() if strips else lead

    def _find_expansion_token(self) -> int:
        if self._recipe.expansion is None:
            return -1
        names = [self._recipe.expansion.token] if self._recipe.expansion.token else _MASKS
        found = (self._marked.token_to_id(name) for name in names)
        number = next((one for one in found if one is not None), None)
        if number is None:
            raise ModelError(
                f"The tokenizer has no token {' or '.join(names)}, with which short queries are to "
                "be filled up. Look at query_expansion in the checkpoint."
            )
        return int(number)

    def _skiplist_ids(self) -> set[int]:
        found = (self._marked.token_to_id(word) for word in self._recipe.skiplist)
        return {number for number in found if number is not None}

    def _respelled(self, text: str, pieces: Wordpieces) -> Wordpieces:
        """Return `pieces` with special tokens that a vocabulary still found spelled out.

        Vocabularies of word parts can hold `</s>` and its like as ordinary entries.
        """
        wrong = np.isin(pieces.ids, self._special)
        if not wrong.any():
            return pieces
        ids: list[int] = []
        spans: list[tuple[int, int]] = []
        for number, (a, b), is_wrong in zip(
            pieces.ids.tolist(), pieces.spans.tolist(), wrong.tolist(), strict=True
        ):
            spelled = self._spelled(text, a, b) if is_wrong else [(number, (a, b))]
            ids += [one for one, _ in spelled]
            spans += [span for _, span in spelled]
        return Wordpieces(np.array(ids, np.int32), np.array(spans, np.int32).reshape(-1, 2))

    def _spelled(self, text: str, start: int, end: int) -> list[tuple[int, tuple[int, int]]]:
        special = set(self._special.tolist())
        return [
            (number, (i, i + 1))
            for i in range(start, end)
            for number in self._plain.encode(text[i], add_special_tokens=False).ids
            if number not in special
        ]


_MASKS = ["[MASK]", "<mask>"]
_NAMED = re.compile(r"\[\w+\]|<\|.*\|>|</?[\w-]+>")  # [unused5], <|im_end|>, </s>, <image>


def _read_settings(tokenizer: Path | str) -> dict[str, Any]:
    try:
        text = tokenizer.read_text("utf-8") if isinstance(tokenizer, Path) else tokenizer
        settings = json.loads(text)
    except (OSError, ValueError) as error:
        raise ModelError(
            f"{tokenizer if isinstance(tokenizer, Path) else 'The tokenizer'} cannot be read "
            f"({error}); expected a tokenizer.json of the tokenizers library. Save it with "
            "`AutoTokenizer.from_pretrained(…).save_pretrained(…)`."
        ) from error
    if not isinstance(settings, dict) or "model" not in settings:
        raise ModelError(f"{tokenizer} is no tokenizer.json: it holds no model.")
    return settings


def _prepared(settings: dict[str, Any], recipe: Recipe) -> dict[str, Any]:
    """Return a tokenizer's settings with the recipe's markers as special tokens."""
    prompts = recipe.query_prompt + recipe.document_prompt
    added = [dict(one) for one in settings.get("added_tokens") or ()]
    for one in added:
        one["special"] = one.get("special", False) or _is_marker(one["content"], prompts)
    known = {one["content"].strip() for one in added}
    vocabulary = settings["model"].get("vocab")
    for word in dict.fromkeys(recipe.markers):
        number = vocabulary.get(word) if isinstance(vocabulary, dict) else None
        if number is not None and word not in known:
            added.append(_added_token(word, number))
    changed = {**settings, "added_tokens": sorted(added, key=lambda one: int(one["id"]))}
    if recipe.lower_case:
        changed["normalizer"] = _lowered(settings.get("normalizer"))
    return {**changed, "padding": None, "truncation": None}


def _is_marker(content: str, prompts: str) -> bool:
    """Return whether an added token is a marker; runs of blanks, which some have, are none."""
    word = content.strip()
    return bool(word) and (content in prompts or bool(_NAMED.fullmatch(word)))


def _added_token(word: str, number: int) -> dict[str, Any]:
    flags = dict.fromkeys(("single_word", "lstrip", "rstrip", "normalized"), False)
    return {"id": number, "content": word, **flags, "special": True}


def _lowered(normalizer: dict[str, Any] | None) -> dict[str, Any]:
    lower = {"type": "Lowercase"}
    if normalizer is None:
        return lower
    if normalizer.get("lowercase") or normalizer.get("type") == "Lowercase":
        return normalizer
    return {"type": "Sequence", "normalizers": [lower, normalizer]}


def _tokenizer(settings: dict[str, Any], *, plain: bool) -> Tokenizer:
    made = Tokenizer.from_str(json.dumps(settings))
    made.encode_special_tokens = plain
    return made


def _special_ids(settings: dict[str, Any], tokenizer: Tokenizer) -> Int32Array:
    """Return the ids that no user's text may become, ascending; the unknown word may."""
    unknown = settings["model"].get("unk_token")
    if unknown is None and isinstance(settings["model"].get("unk_id"), int):
        unknown = tokenizer.id_to_token(settings["model"]["unk_id"])
    found = {
        number
        for number, token in tokenizer.get_added_tokens_decoder().items()
        if token.special and token.content != unknown
    }
    return np.array(sorted(found), np.int32)


def _trimmed(text: str, spans: Int32Array) -> Int32Array:
    """Return spans without the blanks at their ends; those of blanks alone stay as they are."""
    trimmed = spans.copy()
    for i, (start, end) in enumerate(spans.tolist()):
        word = text[start:end]
        if word and (word[0].isspace() or word[-1].isspace()) and word.strip():
            trimmed[i] = (
                start + len(word) - len(word.lstrip()),
                end - len(word) + len(word.rstrip()),
            )
    return trimmed
