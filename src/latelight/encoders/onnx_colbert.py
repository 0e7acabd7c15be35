"""ColBERT and its kin run by ONNX Runtime, where the checkpoint holds an export; without torch.

The export is `model.onnx` (or `onnx/model.onnx`) beside `tokenizer.json` and the files that say how
texts are rendered. Its token states may be projected already; else the projection is read from the
checkpoint's safetensors, in PyLate's or Stanford's place.
"""

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from pathlib import Path

import numpy as np

from latelight.encoders.checkpoint import Checkpoint
from latelight.encoders.colbert import describe
from latelight.encoders.multivector import MultiVectorTextEncoder, TextParts
from latelight.encoders.onnx_model import ONNX_LIBRARIES, OnnxModel
from latelight.encoders.projection import load_projection, tensor_shape
from latelight.encoders.recipe import Recipe, read_modules, read_recipe
from latelight.encoders.renderer import Renderer, TokenSequence
from latelight.encoders.strict_loading import minor_version
from latelight.encoders.token_encoder import usable_cores
from latelight.errors import ModelError, WeightsNotFoundError
from latelight.kernels.product import product
from latelight.types import Float32Array

_IDENTITY = "torch.nn.modules.linear.Identity"


def open_onnx_colbert(checkpoint: Checkpoint, *, n_threads: int = 0) -> MultiVectorTextEncoder:
    """Return the encoder of an exported ColBERT checkpoint, not loaded yet.

    Args:
        checkpoint: with an export.
        n_threads: sequences that run at once; 0 takes every core.

    Raises:
        WeightsNotFoundError: it holds no export.
        ModelError: its files do not say how texts are rendered.
    """
    graph = checkpoint.onnx
    if graph is None:
        raise WeightsNotFoundError(
            f"{checkpoint.directory} holds no export for ONNX Runtime; expected model.onnx or "
            "onnx/model.onnx. Export it, or use the backend torch."
        )
    recipe = read_recipe(checkpoint)
    runtime = f"onnxruntime, tokenizers {minor_version('tokenizers')}"
    how = {"graph": graph.name, "runtime": runtime}
    info = describe(checkpoint, recipe, how, ONNX_LIBRARIES)

    def open_parts() -> TextParts:
        weights = checkpoint.digests()
        renderer = Renderer(checkpoint.directory / "tokenizer.json", recipe)
        return TextParts(renderer, OnnxRows(checkpoint, graph, recipe, n_threads), weights)

    return MultiVectorTextEncoder(info, open_parts)


def run_each(
    run: Callable[[TokenSequence], Float32Array], sequences: Sequence[TokenSequence], n_threads: int
) -> Iterator[tuple[int, Float32Array]]:
    """Yield (number of a sequence, what `run` gives for it) as they are done, the longest first.

    Args:
        run: safe to call from several threads.
        sequences: run one by one, never padded.
        n_threads: how many at once; 0 takes every core.
    """
    if len(sequences) == 1:
        yield 0, run(sequences[0])
        return
    longest_first = sorted(range(len(sequences)), key=lambda i: -len(sequences[i]))
    with ThreadPoolExecutor(n_threads or usable_cores()) as pool:
        futures = {pool.submit(run, sequences[i]): i for i in longest_first}
        try:
            for future in as_completed(futures):
                yield futures[future], future.result()
        except BaseException:  # an interrupted caller does not wait for what has not begun
            pool.shutdown(wait=False, cancel_futures=True)
            raise


class OnnxRows:
    """Rows of sequences by an exported graph; one sequence a run (decision 0011)."""

    def __init__(
        self, checkpoint: Checkpoint, graph: Path, recipe: Recipe, n_threads: int = 0
    ) -> None:
        self._model = OnnxModel(graph, None)
        self._checkpoint = checkpoint
        self._dim = recipe.dim
        self._n_threads = n_threads
        probe = self._model.hidden_states(np.zeros(4, np.int32))
        self._head = self._find_head(probe.shape[1])

    def rows(self, sequences: Sequence[TokenSequence]) -> Iterator[tuple[int, Float32Array]]:
        """Yield (number of a sequence, its rows (n_tokens, dim) float32) as they are done."""
        yield from run_each(self._run, sequences, self._n_threads)

    def _run(self, sequence: TokenSequence) -> Float32Array:
        states = self._model.hidden_states(sequence.ids, sequence.n_attended)
        return states if self._head is None else product(states, self._head)

    def _find_head(self, width: int) -> Float32Array | None:
        """Return the projection (width, dim) that the graph leaves out, None when it has it."""
        places = _projections(self._checkpoint)
        if width == self._dim:
            _refuse_square(places, self._dim)
            return None
        if not places:
            raise WeightsNotFoundError(
                f"{self._checkpoint.directory}: the graph gives {width} numbers a token, rows have "
                f"{self._dim}, and no projection is beside it; expected 1_Dense/model.safetensors "
                "or model.safetensors with linear.weight."
            )
        if len(places) > 1:
            raise ModelError(
                f"{self._checkpoint.directory} projects in {len(places)} steps after the graph; "
                "expected one. Export the graph with its projection."
            )
        return load_projection(places[0], (width, self._dim))


def _refuse_square(places: Sequence[Path], dim: int) -> None:
    """Raise when nobody can tell whether the graph has applied the projection."""
    for path in filter(Path.is_file, places):
        if tensor_shape(path) == (dim, dim):
            raise ModelError(
                f"The graph gives rows of {dim} numbers, and {path} holds a projection from {dim} "
                f"to {dim}: applied or not? Remove the one or the other."
            )


def _projections(checkpoint: Checkpoint) -> list[Path]:
    """Return the safetensors files of a checkpoint's projection, in order.

    Raises:
        ModelError: a step is more than a matrix.
    """
    dense = [path for kind, path in read_modules(checkpoint.directory) if kind == "Dense"]
    for path in dense:
        config = checkpoint.read_json(f"{path}/config.json")
        plain = config.get("activation_function", _IDENTITY) == _IDENTITY
        if config.get("bias") or config.get("use_residual") or not plain:
            raise ModelError(
                f"{checkpoint.directory / path} is more than a matrix (bias, residual or an "
                "activation); export the graph with its projection, or use the backend torch."
            )
    if dense:
        return [checkpoint.directory / path / "model.safetensors" for path in dense]
    inline = checkpoint.directory / "model.safetensors"
    if inline.is_file() and _has_projection(inline):
        return [inline]
    return []


def _has_projection(path: Path) -> bool:
    try:
        return len(tensor_shape(path)) == 2
    except ModelError:
        return False
