"""The patch encoder's network: a page's pixels to kinds, attributes and boxes of a grid of cells.

The first stages are EfficientNet-Lite0 (Tan and Le, 2019; "lite": no squeeze-and-excitation, ReLU6)
with ImageNet weights; then dilated depthwise blocks on a coarser grid let each cell see what it is
part of. Needs torch 2.13.0.
"""

from dataclasses import dataclass
from pathlib import Path

import torch
from torch import nn

BN_EPS = 1e-3
BN_MOMENTUM = 0.02
# kernel, stride, expansion, width out; EfficientNet-Lite0 up to its fifth stage (stride 16)
BLOCKS = (
    (3, 1, 1, 16),
    (3, 2, 6, 24), (3, 1, 6, 24),
    (5, 2, 6, 40), (5, 1, 6, 40),
    (3, 2, 6, 80), (3, 1, 6, 80), (3, 1, 6, 80),
    (5, 1, 6, 112), (5, 1, 6, 112), (5, 1, 6, 112),
)  # fmt: skip
N_FROZEN = 3  # blocks (and the stem) that stay as ImageNet left them: stride 4


@dataclass(frozen=True)
class Shape:
    """What the network says about each cell.

    Attributes:
        n_kinds: exclusive kinds, background first.
        n_attributes: independent attributes.
    """

    n_kinds: int
    n_attributes: int


class Inverted(nn.Module):
    """One inverted residual block, named as in the published checkpoint."""

    def __init__(self, width: int, kernel: int, stride: int, expansion: int, out: int) -> None:
        super().__init__()
        hidden = width * expansion
        self.expands = expansion > 1
        self.skips = stride == 1 and width == out
        if self.expands:
            self._expand_conv = nn.Conv2d(width, hidden, 1, bias=False)
            self._bn0 = nn.BatchNorm2d(hidden, BN_EPS, BN_MOMENTUM)
        self._depthwise_conv = nn.Conv2d(
            hidden, hidden, kernel, stride, kernel // 2, groups=hidden, bias=False
        )
        self._bn1 = nn.BatchNorm2d(hidden, BN_EPS, BN_MOMENTUM)
        self._project_conv = nn.Conv2d(hidden, out, 1, bias=False)
        self._bn2 = nn.BatchNorm2d(out, BN_EPS, BN_MOMENTUM)

    def forward(self, given: torch.Tensor) -> torch.Tensor:
        """Return (n, out, h, w) of (n, width, h, w)."""
        x = given
        if self.expands:
            x = nn.functional.relu6(self._bn0(self._expand_conv(x)))
        x = nn.functional.relu6(self._bn1(self._depthwise_conv(x)))
        x = self._bn2(self._project_conv(x))
        return x + given if self.skips else x


class Context(nn.Module):
    """A residual depthwise 5 x 5 block: dilated, so that few of them see a whole page."""

    def __init__(self, width: int, dilation: int) -> None:
        super().__init__()
        hidden = width * 2
        self.inner = nn.Sequential(
            nn.Conv2d(width, hidden, 1, bias=False),
            nn.BatchNorm2d(hidden),
            nn.ReLU6(),
            nn.Conv2d(
                hidden, hidden, 5, 1, 2 * dilation, dilation=dilation, groups=hidden, bias=False
            ),
            nn.BatchNorm2d(hidden),
            nn.ReLU6(),
            nn.Conv2d(hidden, width, 1, bias=False),
            nn.BatchNorm2d(width),
        )

    def forward(self, given: torch.Tensor) -> torch.Tensor:
        """Return (n, width, h, w) of the same."""
        return given + self.inner(given)


class Sight(nn.Module):
    """Pixels (n, 3, h, w) in -1 to 1, h and w multiples of 32, to a grid of stride 16."""

    def __init__(self, shape: Shape, width: int = 128) -> None:
        super().__init__()
        self.shape = shape
        self._conv_stem = nn.Conv2d(3, 32, 3, 2, 1, bias=False)
        self._bn0 = nn.BatchNorm2d(32, BN_EPS, BN_MOMENTUM)
        blocks, last = [], 32
        for kernel, stride, expansion, out in BLOCKS:
            blocks.append(Inverted(last, kernel, stride, expansion, out))
            last = out
        self._blocks = nn.ModuleList(blocks)
        self.fine = nn.Sequential(nn.Conv2d(last, width, 1, bias=False), nn.BatchNorm2d(width))
        self.coarse = nn.Sequential(nn.Conv2d(last, width, 1, bias=False), nn.BatchNorm2d(width))
        self.pool = nn.AvgPool2d(2)
        self.context = nn.Sequential(*(Context(width, d) for d in (1, 2, 3, 1)))
        self.join = nn.Sequential(nn.ReLU6(), Context(width, 1), nn.ReLU6())
        self.kinds = nn.Conv2d(width, shape.n_kinds, 1)
        self.attributes = nn.Conv2d(width, shape.n_attributes, 1)
        self.boxes = nn.Conv2d(width, 4, 1)

    def forward(self, pixels: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
        """Return logits of kinds and attributes, and log distances (left, top, right, bottom).

        Each is (n, channels, h / 16, w / 16); distances are in cells from a cell's middle.
        """
        cells = self.features(pixels)
        return self.kinds(cells), self.attributes(cells), self.boxes(cells)

    def features(self, pixels: torch.Tensor) -> torch.Tensor:
        """Return what the outputs are linear maps of: (n, width, h / 16, w / 16)."""
        early = self._early(pixels)
        for block in self._blocks[N_FROZEN:]:
            early = block(early)
        wide = self.context(self.coarse(self.pool(early)))
        wide = nn.functional.interpolate(wide, scale_factor=2.0, mode="nearest")
        joined: torch.Tensor = self.join(self.fine(early) + wide)
        return joined

    def _early(self, pixels: torch.Tensor) -> torch.Tensor:
        frozen = not self._conv_stem.weight.requires_grad
        with torch.set_grad_enabled(torch.is_grad_enabled() and not frozen):
            x = nn.functional.relu6(self._bn0(self._conv_stem(pixels)))
            for block in self._blocks[:N_FROZEN]:
                x = block(x)
        return x

    def freeze_early(self) -> None:
        """Keep the stem and first blocks as they are from here on, statistics included."""
        for module in (self._conv_stem, self._bn0, *self._blocks[:N_FROZEN]):
            module.requires_grad_(False)

    def train(self, mode: bool = True) -> "Sight":
        """Switch to training; frozen modules and their statistics stay in evaluation."""
        super().train(mode)
        if not self._conv_stem.weight.requires_grad:
            for module in (self._bn0, *self._blocks[:N_FROZEN]):
                module.eval()
        return self


def load_backbone(model: Sight, checkpoint: Path) -> None:
    """Put the ImageNet weights of EfficientNet-Lite0 into the first stages.

    Raises:
        KeyError: the checkpoint lacks one of them.
    """
    published = torch.load(checkpoint, map_location="cpu", weights_only=True)
    own = model.state_dict()
    named = [name for name in own if name.startswith(("_conv_stem", "_bn0", "_blocks"))]
    model.load_state_dict({name: published[name] for name in named}, strict=False)
