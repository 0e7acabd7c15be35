from pathlib import Path
from typing import Any

import numpy as np
import pytest

from latelight.encoders.vision import VisualEncoder
from latelight.encoders.vision.geometry import PATCH, THUMBNAIL, tile_grid
from tests.encoders.vision.checkpoints import tiled
from tests.encoders.vision.conformance import (
    QUERIES,
    VisualConformance,
    engine_rows,
    native_rows,
    with_pillow,
)
from tests.encoders.vision.making import SIZES, noise, pictures

pytest.importorskip("torch")
pytest.importorskip("transformers")


class Tiled(VisualConformance):
    image_rows = (13 * 4, 9 * 4)

    def same_grid(self, boxes: np.ndarray, number: int) -> np.ndarray:
        """A part of the picture is in a tile and in the thumbnail: each is looked at alone."""
        n_in_tiles = len(boxes) - tiled.ROWS_PER_TILE
        rows = np.arange(len(boxes))
        return rows[rows < n_in_tiles] if number < n_in_tiles else rows[rows >= n_in_tiles]

    def test_tiles_are_counted_by_their_markers(self, encoder: VisualEncoder) -> None:
        for size in [*SIZES, (10, 300), (32, 32), (500, 90)]:
            places = encoder.loaded().picture(noise(*size)).places
            down, across = tile_grid(*size, longest=tiled.LONGEST, tile=tiled.TILE)
            n_rows = down * across * tiled.ROWS_PER_TILE
            assert (places.roles == PATCH).sum() == n_rows
            assert (places.roles == THUMBNAIL).sum() == tiled.ROWS_PER_TILE


class TestColModernVBert(Tiled):
    build = staticmethod(tiled.build_colmodernvbert)
    family = "colmodernvbert"

    def reference_query(self, directory: Path, text: str) -> list[int]:
        return modernvbert_processor(directory).process_queries([text])["input_ids"][0].tolist()

    def reference_rows(self, directory: Path) -> Any:
        from transformers import ColModernVBertForRetrieval

        return native_rows(ColModernVBertForRetrieval, modernvbert_processor(directory), directory)


def modernvbert_processor(directory: Path) -> Any:
    from transformers import ColModernVBertProcessor

    return with_pillow(ColModernVBertProcessor.from_pretrained(directory), directory)


class TestColIdefics3(Tiled):
    build = staticmethod(tiled.build_colidefics3)
    family = "idefics3"

    def reference_query(self, directory: Path, text: str) -> list[int]:
        return idefics3_queries(directory, [text])["input_ids"][0].tolist()

    def reference_rows(self, directory: Path) -> Any:
        model = tiled.engine_class().from_pretrained(directory).eval()
        processor = idefics3_processor(directory)
        text = "<|im_start|>User:<image>Describe the image.<end_of_utterance>\nAssistant:"
        shown = processor(
            text=[text] * 2,
            images=[[one] for one in pictures()],
            return_tensors="pt",
            padding="longest",
        )
        asked = idefics3_queries(directory, list(QUERIES))
        run = lambda batch: model.linear(model.model(**batch)[0])  # noqa: E731
        return engine_rows(run, shown), engine_rows(run, asked)


def idefics3_processor(directory: Path) -> Any:
    from transformers import Idefics3Processor

    return with_pillow(Idefics3Processor.from_pretrained(directory), directory)


def idefics3_queries(directory: Path, texts: list[str]) -> Any:
    """Return queries as colpali-engine 0.3.18 renders them."""
    rendered = [text + "<end_of_utterance>" * 10 for text in texts]
    return idefics3_processor(directory)(text=rendered, return_tensors="pt", padding="longest")
