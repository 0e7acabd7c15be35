"""ColBERT and its kin (Khattab and Zaharia, 2020) run by torch.

sentence-transformers' MultiVectorEncoder loads the checkpoint, whichever layout it has: its own,
PyLate's, Stanford's, or an adapter over one of them. The texts are rendered here (`renderer.py`),
since rows need their characters, long documents their windows, and users' words must not become
markers; at load both ways of rendering are compared.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from latelight.encoders.checkpoint import Checkpoint
from latelight.encoders.model_options import ModelOptions
from latelight.encoders.multivector import MultiVectorTextEncoder, TextParts
from latelight.encoders.recipe import Recipe, read_modules, read_recipe
from latelight.encoders.remote_code import check_code, code_digests
from latelight.encoders.renderer import Renderer, TokenSequence
from latelight.encoders.strict_loading import minor_version, need, strict_loading
from latelight.encoders.torch_runtime import (
    Replica,
    Runner,
    limit_threads,
    pick_devices,
    run_on,
)
from latelight.errors import ModelError
from latelight.types import UNIT_KINDS, EncoderInfo, Float32Array

VERSION = "1"
TORCH_LIBRARIES = ("torch", "transformers", "sentence-transformers", "tokenizers")
_PROBES = ("The ferry was refitted in 2019, for 4.2 million crowns!", "naïve café; 日本語")
_INLINE_PROJECTION = "linear.weight"


def open_colbert(
    checkpoint: Checkpoint, options: ModelOptions | None = None, *, n_threads: int = 0
) -> MultiVectorTextEncoder:
    """Return the encoder of a ColBERT checkpoint, not loaded yet; only its configuration is read.

    Args:
        checkpoint: in one of the layouts multi-vector, pylate, stanford, adapter.
        options: how to run it.
        n_threads: of torch on a CPU; 0 leaves them as they are.

    Raises:
        ModelError: its files do not say how texts are rendered.
    """
    given = options or ModelOptions()
    recipe = read_recipe(checkpoint)
    how = {"dtype": given.text_dtype, "runtime": runtime()}
    info = describe(checkpoint, recipe, how, TORCH_LIBRARIES)
    return MultiVectorTextEncoder(
        info, lambda: _open_parts(checkpoint, recipe, given, n_threads=n_threads)
    )


def describe(
    checkpoint: Checkpoint, recipe: Recipe, also: Mapping[str, str], libraries: tuple[str, ...]
) -> EncoderInfo:
    """Return what is known of a checkpoint's encoder from its configuration alone.

    Args:
        checkpoint: of text.
        recipe: its recipe.
        also: more that shapes vectors, for the lock.
        libraries: that compute its rows.
    """
    return EncoderInfo(
        name=checkpoint.name,
        version=VERSION,
        dim=recipe.dim,
        unit_kinds=UNIT_KINDS,
        licence=checkpoint.licence,
        similarity=recipe.similarity,
        max_query_tokens=recipe.longest_query,
        rendering={"layout": checkpoint.layout, **recipe.rendering(), **also},
        libraries=libraries,
    )


def runtime() -> str:
    """Return the versions of the libraries that render and run models of text, for the lock."""
    packages = ("sentence-transformers", "transformers", "tokenizers")
    return ", ".join(f"{package} {minor_version(package)}" for package in packages)


def _open_parts(
    checkpoint: Checkpoint, recipe: Recipe, options: ModelOptions, *, n_threads: int
) -> TextParts:
    need("torch", "transformers", "sentence-transformers", *_adapter_packages(checkpoint))
    code = code_digests(checkpoint, is_trusted=options.trust_remote_code)
    weights = checkpoint.digests() | code
    devices = pick_devices(options.device)
    model = _load(checkpoint, options)
    renderer = Renderer(checkpoint.directory / "tokenizer.json", recipe)
    _check_rendering(checkpoint.name, model, renderer)
    limit_threads(devices, n_threads)
    runner = run_on(model, devices, options.batch_tokens, is_stateless=True)
    return TextParts(renderer, TorchRows(runner, recipe.dim), weights)


def _adapter_packages(checkpoint: Checkpoint) -> tuple[str, ...]:
    return ("peft",) if checkpoint.layout == "adapter" else ()


def _load(checkpoint: Checkpoint, options: ModelOptions) -> Any:
    """Return the loaded MultiVectorEncoder on the processor, its modules and keys checked."""
    import torch
    from sentence_transformers import MultiVectorEncoder

    read_modules(checkpoint.directory)  # refuses what is not known before anything is run
    check_code(checkpoint, is_trusted=options.trust_remote_code)
    inline = [_INLINE_PROJECTION] if checkpoint.layout == "stanford" else []
    dtype = getattr(torch, options.text_dtype)
    with strict_loading(checkpoint.name, inline):
        model = MultiVectorEncoder(
            str(checkpoint.directory),
            device="cpu",
            local_files_only=True,
            trust_remote_code=options.trust_remote_code,
            model_kwargs={"dtype": dtype},
        )
    if checkpoint.layout == "adapter":
        _check_adapter(checkpoint, model)
    return model.to(dtype).eval()


def _check_adapter(checkpoint: Checkpoint, model: Any) -> None:
    """Raise when the adapter's weights are not exactly those that the model asks for."""
    from safetensors import safe_open

    path = checkpoint.directory / "adapter_model.safetensors"
    with safe_open(str(path), "pt") as file:
        stored = {key.removeprefix("base_model.model.") for key in file.keys()}  # noqa: SIM118
    asked = {
        name.replace(".default.", ".").removeprefix("base_model.model.")
        for name, _ in model[0].named_parameters()
        if ".lora_" in name
    }
    asked = {name.removeprefix("model.base_model.model.").removeprefix("model.") for name in asked}
    stored = {name.removeprefix("model.") for name in stored}
    if not asked or asked != stored:
        differing = sorted(asked ^ stored)[:5]
        raise ModelError(
            f"The adapter {checkpoint.name} and its base {checkpoint.base} do not fit: "
            f"{', '.join(differing) or 'no adapter weights were applied'}. Expected the base that "
            "adapter_config.json names, in its revision."
        )


def _check_rendering(name: str, model: Any, renderer: Renderer) -> None:
    """Raise when sentence-transformers would read other tokens than this package does."""
    for text in _PROBES:
        for task in ("query", "document"):
            expected, scored = _theirs(model, text, task)
            found, kept = _ours(renderer, text, task)
            if found != expected or kept != scored:
                raise ModelError(
                    f"{name}: the {task} {text!r} is read as {found[:12]}… here, but as "
                    f"{expected[:12]}… by sentence-transformers. Its tokenizer.json, prompts or "
                    "lengths say different things; save the checkpoint again with "
                    "MultiVectorEncoder.save_pretrained."
                )


def _ours(renderer: Renderer, text: str, task: str) -> tuple[list[int], list[bool]]:
    """Return the ids of a probe and which of them are rows, as they are rendered here."""
    if task == "query":
        ids = renderer.query(text).sequence.ids.tolist()
        return ids, [True] * len(ids)
    window = renderer.windows(text)[0]
    return window.sequence.ids.tolist(), window.kept.tolist()


def _theirs(model: Any, text: str, task: str) -> tuple[list[int], list[bool]]:
    """Return the same as sentence-transformers renders it."""
    features = model.preprocess([text], prompt=_prompt(model, task), task=task)
    ids = features["input_ids"][0].tolist()
    for module in model:
        if type(module).__name__ == "MultiVectorMask":
            features = module(features, task=task)
    return ids, features["attention_mask"][0].bool().tolist()


def _prompt(model: Any, task: str) -> str | None:
    """Return the prompt that sentence-transformers puts before a query or a document."""
    names = ("query",) if task == "query" else ("document", "passage", "corpus")
    return next((model.prompts[name] for name in names if model.prompts.get(name)), None)


class TorchRows:
    """Rows of sequences by the body and the dense modules of a MultiVectorEncoder."""

    output = "token_embeddings"

    def __init__(self, runner: Runner[Any], dim: int) -> None:
        """Run the copies of a model that `runner` has; its rows have `dim` numbers."""
        self._runner = runner
        self._dim = dim

    def modules_of(self, model: Any) -> Sequence[Any]:
        """Return the modules that make `output`, in order."""
        return [m for m in model if type(m).__name__ in ("Transformer", "Dense")]

    def rows(self, sequences: Sequence[TokenSequence]) -> Iterator[tuple[int, Float32Array]]:
        """Yield (number of a sequence, its rows (n_tokens, dim) float32), batch by batch.

        Raises:
            ModelError: the model gives rows of another length than its files said.
        """
        for number, own in self.outputs(sequences):
            yield number, own[: len(sequences[number])]  # what follows is padding

    def outputs(self, sequences: Sequence[TokenSequence]) -> Iterator[tuple[int, Float32Array]]:
        """Yield (number of a sequence, what the modules make of it, float32), batch by batch."""
        batches = self._runner.run(
            [len(one) for one in sequences],
            lambda replica, part: self._run(replica, [sequences[i] for i in part]),
        )
        for part, found in batches:
            yield from zip(part, found, strict=True)

    def _run(self, replica: Replica[Any], sequences: Sequence[TokenSequence]) -> Float32Array:
        """Return the output of each sequence, padding's included; (n_sequences, ..., dim)."""
        import torch

        ids, mask = padded(sequences)
        features = {
            "input_ids": torch.from_numpy(ids).to(replica.device),
            "attention_mask": torch.from_numpy(mask).to(replica.device),
        }
        with torch.inference_mode():
            for module in self.modules_of(replica.model):
                features = module(features)
            found = features[self.output].float().cpu().numpy()
        if found.shape[-1] != self._dim:
            raise ModelError(
                f"The model gives rows of {found.shape[-1]} dims; its files say {self._dim}. "
                "Download the checkpoint again."
            )
        return np.asarray(found, np.float32)


def padded(sequences: Sequence[TokenSequence]) -> tuple[Any, Any]:
    """Return ids and mask, both (n_sequences, n_longest) int64, filled up on the right.

    The mask is 0 for padding and for expansion that is not attended to; what stands there changes
    no other row.
    """
    longest = max(len(one) for one in sequences)
    ids = np.zeros((len(sequences), longest), np.int64)
    mask = np.zeros((len(sequences), longest), np.int64)
    for i, one in enumerate(sequences):
        ids[i, : len(one)] = one.ids
        mask[i, : one.n_attended] = 1
    return ids, mask
