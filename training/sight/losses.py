"""What training makes small: focal loss of kinds, loss of attributes, overlap of boxes."""

from dataclasses import dataclass

import numpy as np
import torch
from torch.nn import functional

from training.sight.targets import Targets

FOCUS = 1.5  # exponent of the focal loss (Lin et al., 2017)
ATTRIBUTE_WEIGHT, BOX_WEIGHT = 0.5, 0.5


@dataclass(frozen=True)
class Batch:
    """Pages as tensors: pixels (n, 3, h, w) in -1 to 1, and their targets stacked."""

    pixels: torch.Tensor
    kinds: torch.Tensor
    attributes: torch.Tensor
    boxes: torch.Tensor
    is_boxed: torch.Tensor
    weights: torch.Tensor


def stacked(pages: list[tuple[np.ndarray, Targets]]) -> Batch:
    """Return a batch of pages of one size."""
    pixels = torch.from_numpy(np.stack([page for page, _ in pages])).permute(0, 3, 1, 2)
    every = [targets for _, targets in pages]

    def stack(name: str) -> torch.Tensor:
        return torch.from_numpy(np.stack([getattr(one, name) for one in every]))

    scaled = (pixels.float() / 127.5 - 1).contiguous(memory_format=torch.channels_last)
    return Batch(scaled, stack("kinds"), stack("attributes"), stack("boxes"), stack("is_boxed"),
                 stack("weights"))  # fmt: skip


def losses(said: tuple[torch.Tensor, torch.Tensor, torch.Tensor], batch: Batch) -> torch.Tensor:
    """Return the three losses, weighted: (3,)."""
    kinds, attributes, boxes = said
    return torch.stack([
        _kind_loss(kinds, batch),
        ATTRIBUTE_WEIGHT * _attribute_loss(attributes, batch),
        BOX_WEIGHT * _box_loss(boxes, batch),
    ])  # fmt: skip


def _kind_loss(logits: torch.Tensor, batch: Batch) -> torch.Tensor:
    each = functional.cross_entropy(logits, batch.kinds, reduction="none", label_smoothing=0.02)
    right = logits.softmax(1).gather(1, batch.kinds[:, None])[:, 0]
    weights = batch.weights * (1 - right.detach()) ** FOCUS
    return (each * weights).sum() / batch.weights.sum()


def _attribute_loss(logits: torch.Tensor, batch: Batch) -> torch.Tensor:
    known = (batch.attributes >= 0).float() * batch.weights[:, None]
    wanted = batch.attributes.clamp(min=0).float()
    each = functional.binary_cross_entropy_with_logits(logits, wanted, reduction="none")
    return (each * known).sum() / known.sum().clamp(min=1)


def _box_loss(logs: torch.Tensor, batch: Batch) -> torch.Tensor:
    """Return 1 - generalised IoU (Rezatofighi et al., 2019) of boxes that share a middle."""
    ours, theirs = logs.clamp(-4, 5).exp(), batch.boxes.exp()
    common, around = torch.minimum(ours, theirs), torch.maximum(ours, theirs)
    inner = (common[:, 0] + common[:, 2]) * (common[:, 1] + common[:, 3])
    hull = (around[:, 0] + around[:, 2]) * (around[:, 1] + around[:, 3])
    area = (ours[:, 0] + ours[:, 2]) * (ours[:, 1] + ours[:, 3])
    union = area + (theirs[:, 0] + theirs[:, 2]) * (theirs[:, 1] + theirs[:, 3]) - inner
    each = 1 - inner / union + (hull - union) / hull
    weights = batch.weights * batch.is_boxed.float()
    return (each * weights).sum() / weights.sum().clamp(min=1)
