"""Exports of tiny ColBERT checkpoints: ONNX Runtime gives the rows that torch gives."""

import shutil
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("sentence_transformers")
pytest.importorskip("onnx")
pytest.importorskip("onnxscript")

from latelight.encoders.checkpoint import open_checkpoint  # noqa: E402
from latelight.encoders.colbert import open_colbert  # noqa: E402
from latelight.encoders.model_options import ModelOptions  # noqa: E402
from latelight.encoders.onnx_colbert import open_onnx_colbert  # noqa: E402
from latelight.encoders.protocol import Encoder  # noqa: E402
from latelight.encoders.registry import create_encoder  # noqa: E402
from latelight.errors import ModelError, WeightsNotFoundError  # noqa: E402
from latelight.testing.encoders import passage  # noqa: E402
from tests.encoders.checkpoints import text_models as build  # noqa: E402
from tests.encoders.checkpoints.conformance import TinyConformance  # noqa: E402

CPU = ModelOptions(device="cpu")
TEXTS = ["The ferry was refitted in 2019, twice.", "boats", "The boats; counted. " * 30]


class _Graph(torch.nn.Module):
    """A body, with its projection or without."""

    def __init__(self, body: Any, head: Any = None) -> None:
        super().__init__()
        self.body = body
        self.head = head

    def forward(self, input_ids: Any, attention_mask: Any) -> Any:
        states = self.body(input_ids=input_ids, attention_mask=attention_mask).last_hidden_state
        return states if self.head is None else self.head(states)


def export(checkpoint: Path, target: Path, *, projected: bool) -> None:
    """Write `target`: the body of a checkpoint as ONNX, of any number and length of sequences."""
    model = open_colbert(open_checkpoint(checkpoint), CPU)._loaded().model._runner.replicas[0].model
    graph = _Graph(model[0].model, model[1].linear if projected else None).eval()
    # Two tensors: one given twice would be taken for one input.
    examples = tuple(torch.ones(2, 9, dtype=torch.long) for _ in range(2))
    batch, length = torch.export.Dim("batch", max=64), torch.export.Dim("length", min=2, max=128)
    shapes = {name: {0: batch, 1: length} for name in ("input_ids", "attention_mask")}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of the exporter, about itself
        torch.onnx.export(
            graph,
            examples,
            str(target),
            dynamo=True,
            input_names=["input_ids", "attention_mask"],
            output_names=["rows"],
            dynamic_shapes=shapes,
            external_data=False,
            verbose=False,
        )


@pytest.fixture(scope="module")
def exported(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    root = tmp_path_factory.mktemp("onnx")
    made = {
        "stanford": build.build_stanford(root / "stanford"),
        "pylate": build.build_pylate(root / "pylate"),
    }
    export(made["stanford"], made["stanford"] / "model.onnx", projected=False)
    (made["pylate"] / "onnx").mkdir()
    export(made["pylate"], made["pylate"] / "onnx" / "model.onnx", projected=True)
    alone = root / "alone"  # the graph with its projection, and no weights beside it
    shutil.copytree(made["pylate"], alone)
    shutil.move(alone / "onnx" / "model.onnx", alone / "model.onnx")
    for path in alone.rglob("*.safetensors"):
        path.unlink()
    return {**made, "alone": alone}


class TestExportConforms(TinyConformance):
    tolerance = 0.0  # sequences run one by one

    @pytest.fixture(autouse=True)
    def _place(self, exported: dict[str, Path]) -> None:
        type(self).directory = exported["stanford"]

    def make_encoder(self) -> Encoder:
        return create_encoder(str(self.directory), options=ModelOptions(backend="onnx"))


@pytest.mark.parametrize("layout", ["stanford", "pylate"])
def test_rows_are_those_of_torch(layout: str, exported: dict[str, Path]) -> None:
    checkpoint = open_checkpoint(exported[layout])
    ours, theirs = open_onnx_colbert(checkpoint, n_threads=2), open_colbert(checkpoint, CPU)
    for text in TEXTS:
        one, other = ours.encode_query(text), theirs.encode_query(text)
        np.testing.assert_allclose(one.vectors, other.vectors, atol=1e-5)
        assert one.tokens == other.tokens
    units = [passage(text) for text in TEXTS]
    for found, expected in zip(
        ours.encode_documents(units), theirs.encode_documents(units), strict=True
    ):
        np.testing.assert_allclose(found.vectors, expected.vectors, atol=1e-5)


def test_an_export_alone_needs_no_torch(exported: dict[str, Path]) -> None:
    encoder = create_encoder(str(exported["alone"]))
    assert encoder.info.rendering["graph"] == "model.onnx"
    whole = create_encoder(str(exported["pylate"]), options=ModelOptions(backend="onnx"))
    one, other = (made.encode_query(TEXTS[0]).vectors for made in (encoder, whole))
    np.testing.assert_array_equal(one, other)


def test_torch_goes_first_where_both_are_there(exported: dict[str, Path]) -> None:
    assert "transformers" in create_encoder(str(exported["pylate"])).info.rendering["runtime"]


def test_a_projection_that_is_missing_is_named(exported: dict[str, Path], tmp_path: Path) -> None:
    shutil.copytree(exported["stanford"], tmp_path / "bare")
    (tmp_path / "bare" / "model.safetensors").unlink()
    with pytest.raises(WeightsNotFoundError, match="no projection is beside it"):
        open_onnx_colbert(open_checkpoint(tmp_path / "bare")).load()


def test_a_projection_of_more_than_a_matrix_is_refused(
    exported: dict[str, Path], tmp_path: Path
) -> None:
    place = tmp_path / "more"
    shutil.copytree(exported["pylate"], place)
    shutil.copy(exported["stanford"] / "model.onnx", place / "onnx" / "model.onnx")
    config = (place / "1_Dense/config.json").read_text()
    (place / "1_Dense/config.json").write_text(config.replace('"bias": false', '"bias": true'))
    with pytest.raises(ModelError, match="more than a matrix"):
        open_onnx_colbert(open_checkpoint(place)).load()


def test_without_an_export_torch_is_named(tmp_path: Path) -> None:
    place = build.build_stanford(tmp_path / "plain")
    with pytest.raises(WeightsNotFoundError, match="holds no export"):
        create_encoder(str(place), options=ModelOptions(backend="onnx"))
