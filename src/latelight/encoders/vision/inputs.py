"""A model's input, prepared one by one and put together in batches.

Everything is prepared alone, so nothing but the padding can depend on neighbours; padding is
masked, and its rows are never looked at.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from latelight.encoders.vision.geometry import Places, nowhere
from latelight.errors import ModelError
from latelight.types import Float32Array, Int64Array

_BY_TOKEN = ("token_type_ids", "mm_token_type_ids", "position_ids")
_SMALLEST_NORM = 1e-12


@dataclass(frozen=True, eq=False)
class Prepared:
    """One picture, text or sound as a model's input.

    Attributes:
        ids: (n_tokens,) int64, without padding.
        places: where each of its rows comes from.
        tensors: the rest of the input by name, each with its batch or its patches first;
            `position_ids` is (1, n_tokens, axes).
    """

    ids: Int64Array  # (n_tokens,)
    places: Places
    tensors: Mapping[str, Any] = field(default_factory=dict)

    @property
    def n_tokens(self) -> int:
        """How many tokens the model reads."""
        return len(self.ids)


def text_input(ids: Int64Array, tensors: Mapping[str, Any] | None = None) -> Prepared:
    """Return tokens of text as an input."""
    return Prepared(ids, nowhere(len(ids)), tensors or {})


def from_batch(batch: Mapping[str, Any], places: Places) -> Prepared:
    """Return what a processor made of a single picture or sound.

    Args:
        batch: with `input_ids` (1, n_tokens), none of them padding.
        places: of its rows.
    """
    ids = batch["input_ids"][0].numpy().astype(np.int64)
    rest = {k: v for k, v in batch.items() if k not in ("input_ids", "attention_mask")}
    return Prepared(ids, places, rest)


def collate(inputs: Sequence[Prepared], pad_id: int, *, pads_left: bool) -> dict[str, Any]:
    """Return one batch of tensors: `input_ids` and `attention_mask` (batch, longest), and the rest.

    Tensors with a value for each token are padded as the tokens are. The others are put one behind
    the other along their first axis, after their further axes were filled up with zeros.

    Args:
        inputs: at least one; all with the same tensors.
        pad_id: token of the padding.
        pads_left: whether the padding is in front.
    """
    import torch

    longest = max(one.n_tokens for one in inputs)

    def pad(value: Any, filling: int) -> Any:
        shape = (value.shape[0], longest - value.shape[1], *value.shape[2:])
        space = torch.full(shape, filling, dtype=value.dtype)
        return torch.cat([space, value] if pads_left else [value, space], dim=1)

    ids = [torch.from_numpy(one.ids)[None] for one in inputs]
    batch = {
        "input_ids": torch.cat([pad(one, pad_id) for one in ids]),
        "attention_mask": torch.cat([pad(torch.ones_like(one), 0) for one in ids]),
    }
    for name in inputs[0].tensors:
        values = [one.tensors[name] for one in inputs]
        joined = [pad(v, 0) for v in values] if name in _BY_TOKEN else _filled(values)
        batch[name] = torch.cat(joined)
    return batch


def _filled(values: Sequence[Any]) -> list[Any]:
    """Return the tensors with zeros at the end of each axis but the first, so that they match."""
    import torch

    sizes = [max(v.shape[axis] for v in values) for axis in range(1, values[0].ndim)]
    filled = []
    for value in values:
        missing = [m for size, n in zip(sizes, value.shape[1:], strict=True) for m in (size - n, 0)]
        filled.append(torch.nn.functional.pad(value, missing[::-1]) if any(missing) else value)
    return filled


def rows_of(embeddings: Any, mask: Any, name: str) -> list[Float32Array]:
    """Return the rows of each input of a batch, those of the padding left out, of length 1.

    Args:
        embeddings: (batch, longest, dim) tensor of any float type.
        mask: (batch, longest) tensor, not 0 at tokens.
        name: of the model, for messages.

    Raises:
        ModelError: a row is not finite.
    """
    found = []
    for rows, kept in zip(embeddings, mask.bool(), strict=True):
        vectors = rows[kept].float().cpu().numpy().astype(np.float64)
        if not np.isfinite(vectors).all():
            raise ModelError(
                f"{name} gives rows that are not finite. Its numbers outgrow the number type: "
                "use bfloat16 or float32."
            )
        norms = np.linalg.norm(vectors, axis=1, keepdims=True)
        found.append((vectors / np.maximum(norms, _SMALLEST_NORM)).astype(np.float32))
    return found
