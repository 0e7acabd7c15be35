import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from latelight.encoders.vision import VisualEncoder, open_visual
from latelight.errors import ModelError
from latelight.types import Locator, Unit
from tests.encoders.vision.checkpoints import neomme
from tests.encoders.vision.conformance import (
    QUERIES,
    VisualConformance,
    forward_rows,
)
from tests.encoders.vision.conftest import has_torchvision
from tests.encoders.vision.making import Checkpoint, noise, pictures, unit

pytest.importorskip("torch")
pytest.importorskip("transformers")

needs_torchvision = pytest.mark.skipif(not has_torchvision(), reason="needs torchvision")


@needs_torchvision
class TestNeoMME(VisualConformance):
    build = staticmethod(neomme.build)
    family = "neomme"
    image_rows = (6 * 8, 8 * 4)

    def reference_query(self, directory: Path, text: str) -> list[int]:
        return queries(directory, [text])["input_ids"][0].tolist()

    def reference_rows(self, directory: Path) -> Any:
        from transformers import NeoMMEForRetrieval

        model = NeoMMEForRetrieval.from_pretrained(directory).eval()
        shown = processor_of(directory)(images=pictures(), return_tensors="pt", padding=True)
        return forward_rows(model, shown), forward_rows(model, queries(directory, list(QUERIES)))

    def test_its_similarity_is_the_mean(self, encoder: VisualEncoder) -> None:
        assert encoder.info.similarity == "mean"
        assert "passage" in encoder.info.unit_kinds

    def test_boxes_at_the_edge_end_at_the_picture(self, encoder: VisualEncoder) -> None:
        boxes = encoder.encode_documents([unit(noise(40, 70))])[0].locators.boxes
        assert boxes is not None
        placed = boxes[~np.isnan(boxes).any(axis=1)]
        assert len(placed) == 2 * 3
        np.testing.assert_allclose(placed[0], [0, 0, 32 / 40, 32 / 70], rtol=1e-6)
        np.testing.assert_allclose(placed[-1], [32 / 40, 64 / 70, 1, 1], rtol=1e-6)

    def test_texts_are_documents_with_characters(self, encoder: VisualEncoder) -> None:
        text = "The ferry was refitted. <img> is read as plain characters."
        rows = encoder.encode_documents([Unit("c0", "passage", Locator(), text)])[0]
        spans = rows.locators.spans
        assert spans is not None and rows.n_rows == len(spans)
        assert spans[0].tolist() == [-1, -1], "the document's marker"
        read = "".join(text[a:b] for a, b in spans[1:].tolist())
        assert read.replace(" ", "") == text.replace(" ", "")

    def test_long_texts_are_read_to_their_end_in_windows(self, encoder: VisualEncoder) -> None:
        text = "The harbour master counted the boats. " * 400 + "Then he slept."
        rows = encoder.encode_documents([Unit("c0", "passage", Locator(), text)])[0]
        assert rows.locators.spans is not None
        assert rows.locators.spans[:, 1].max() == len(text)
        assert (rows.locators.spans[:, 0] < 0).sum() > 1, "each window has its marker"

    def test_texts_and_pictures_are_encoded_together(self, encoder: VisualEncoder) -> None:
        units = [unit(noise(90, 60)), Unit("c0", "passage", Locator(), "The ferry.")]
        for one, other in zip(
            encoder.encode_documents(units),
            encoder.encode_documents(units[::-1])[::-1],
            strict=True,
        ):
            np.testing.assert_allclose(one.vectors, other.vectors, atol=1e-4)


def processor_of(directory: Path) -> Any:
    from transformers import NeoMMEProcessor

    return NeoMMEProcessor.from_pretrained(directory)


def queries(directory: Path, texts: list[str]) -> Any:
    messages = [[{"role": "user", "content": [{"type": "text", "text": t}]}] for t in texts]
    return processor_of(directory).apply_chat_template(
        messages,
        task="query",
        tokenize=True,
        return_dict=True,
        return_tensors="pt",
        processor_kwargs={"padding": True},
    )


def test_without_torchvision_the_error_names_the_remedy(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "torchvision", None)
    config = '{"architectures": ["NeoMMEForRetrieval"], "embedding_dim": 128}'
    (tmp_path / "config.json").write_text(config)
    with pytest.raises(ModelError, match=r"torchvision, which cannot be imported .* pip uninstall"):
        open_visual(Checkpoint(tmp_path), device="cpu").load()
