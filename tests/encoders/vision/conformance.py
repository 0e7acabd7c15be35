"""What must hold of every family of visual models, whatever is inside."""

import io
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import pytest
from PIL import Image

from latelight.encoders.vision import VisualEncoder, open_visual, self_test
from latelight.encoders.vision.geometry import MARKER
from latelight.encoders.vision.inputs import Prepared
from latelight.errors import DamagedFileError, FileTooLargeError, ModelError, QueryError
from tests.encoders.vision.making import (
    SIZES,
    Checkpoint,
    blank_png,
    noise,
    pictures,
    png,
    unit,
)

NOISE = 1e-4
QUERIES = ("what did the refit cost?", "lighthouse")
INJECTIONS = (
    "ferry <image> harbour <|image_pad|> <pad> <bos> <|endoftext|> [MASK] <doc> <img> <row> "
    "<|im_end|> <end_of_utterance> <fake_token_around_image> <|AUDIO|> <|IMAGE|> [CLS] <mask>"
)


class VisualConformance:
    """Subclass it: `build` makes a tiny checkpoint, the rest says what is special about it."""

    build: ClassVar[Callable[[Path], Path]]
    family: ClassVar[str]
    dim: ClassVar[int] = 128
    image_rows: ClassVar[tuple[int, int]]
    """How many rows with a place the two pictures have."""

    @pytest.fixture(scope="class")
    @classmethod
    def directory(cls, tmp_path_factory: pytest.TempPathFactory) -> Path:
        return cls.build(tmp_path_factory.mktemp(cls.family))

    @pytest.fixture(scope="class")
    @classmethod
    def encoder(cls, directory: Path) -> VisualEncoder:
        encoder = open_visual(Checkpoint(directory), device="cpu", n_threads=1)
        encoder.load()
        return encoder

    # -- what it says of itself ----------------------------------------------------------------

    def test_it_declares_itself_before_it_is_loaded(self, directory: Path) -> None:
        info = open_visual(Checkpoint(directory), device="cpu").info
        assert (info.dim, info.sees_images) == (self.dim, True)
        assert {"page", "image", "frame"} <= set(info.unit_kinds)
        assert info.rendering["family"] == self.family

    def test_loading_tells_what_shapes_vectors(self, encoder: VisualEncoder) -> None:
        info = encoder.info
        assert "{text}" in info.rendering["query_template"]
        assert info.rendering["dtype"] == "float32"
        assert "model.safetensors" in " ".join(info.weights)
        assert all(len(digest) == 64 for digest in info.weights.values())

    # -- rows ----------------------------------------------------------------------------------

    def test_two_pictures_have_rows_of_length_one(self, encoder: VisualEncoder) -> None:
        encoded = encoder.encode_documents([unit(one) for one in pictures()])
        for rows, n_placed in zip(encoded, self.image_rows, strict=True):
            assert rows.vectors.dtype == np.float32
            assert rows.vectors.shape[1] == self.dim
            np.testing.assert_allclose(np.linalg.norm(rows.vectors, axis=1), 1, atol=1e-4)
            boxes = rows.locators.boxes
            assert boxes is not None and boxes.shape == (rows.n_rows, 4)
            assert (~np.isnan(boxes).any(axis=1)).sum() == n_placed
            assert rows.n_rows > n_placed, "the prompt's rows are there, without a place"

    def test_rows_do_not_depend_on_the_batch_or_its_order(self, encoder: VisualEncoder) -> None:
        units = [unit(noise(*size, seed=i)) for i, size in enumerate([*SIZES, (64, 64), SIZES[0]])]
        together = encoder.encode_documents(units)
        backwards = encoder.encode_documents(units[::-1])[::-1]
        for one, other, alone in zip(units, together, backwards, strict=True):
            rows = encoder.encode_documents([one])[0].vectors
            np.testing.assert_allclose(other.vectors, rows, atol=NOISE)
            np.testing.assert_allclose(alone.vectors, rows, atol=NOISE)

    def test_a_unit_without_picture_or_words_has_no_rows(self, encoder: VisualEncoder) -> None:
        counts: list[int] = []
        units = [unit(None), unit(noise(60, 60)), unit(None, "image", "  ")]
        encoded = encoder.encode_documents(units, progress=counts.append)
        assert [one.vectors.shape[0] > 0 for one in encoded] == [False, True, False]
        assert encoded[0].vectors.shape == (0, self.dim)
        assert sum(counts) == 3

    def test_no_units_give_no_multi_vectors(self, encoder: VisualEncoder) -> None:
        assert encoder.encode_documents([]) == []

    def test_pictures_are_turned_upright_and_put_on_white(self, encoder: VisualEncoder) -> None:
        upright = noise(120, 80)
        rows = encoder.encode_documents([unit(upright)])[0].vectors
        turned = upright.rotate(90, expand=True)
        exif = Image.Exif()
        exif[0x0112] = 6  # shown after a quarter turn clockwise
        buffer = io.BytesIO()
        turned.save(buffer, "PNG", exif=exif)
        see_through = Image.new("RGBA", (120, 80), (0, 0, 0, 0))
        white = encoder.encode_documents([unit(Image.new("RGB", (120, 80), "white"))])[0].vectors
        again, clear = encoder.encode_documents([unit(buffer.getvalue()), unit(png(see_through))])
        np.testing.assert_allclose(again.vectors, rows, atol=NOISE)
        np.testing.assert_allclose(clear.vectors, white, atol=NOISE)

    def test_what_is_no_picture_is_an_error(self, encoder: VisualEncoder) -> None:
        with pytest.raises(DamagedFileError, match="cannot be decoded"):
            encoder.encode_documents([unit(b"%PDF-1.4 no picture")])
        for size in ((12_000, 10_000), (20_000, 10_000)):  # Pillow refuses the second itself
            with pytest.raises(FileTooLargeError, match="t most 100,000,000"):
                encoder.encode_documents([unit(blank_png(*size))])

    # -- queries -------------------------------------------------------------------------------

    def test_queries_have_rows_of_length_one_with_names(self, encoder: VisualEncoder) -> None:
        for text, query in zip(QUERIES, encoder.encode_queries(QUERIES), strict=True):
            assert query.vectors.shape == (len(query.tokens), self.dim)
            np.testing.assert_allclose(np.linalg.norm(query.vectors, axis=1), 1, atol=1e-4)
            own = [t for t in query.tokens if t.kind == "token"]
            assert "".join(t.text for t in own) == text.replace(" ", "")
            for token in own:
                assert token.span is not None
                assert text[token.span.start : token.span.end] == token.text
            np.testing.assert_array_equal(encoder.encode_query(text).vectors, query.vectors)

    def test_queries_are_rendered_as_the_processor_does(
        self, encoder: VisualEncoder, directory: Path
    ) -> None:
        for text in QUERIES:
            given = encoder.loaded().query.render(text, 128).ids.tolist()
            assert given == self.reference_query(directory, text)

    def test_rows_are_those_of_the_reference(self, encoder: VisualEncoder, directory: Path) -> None:
        rows, asked = self.reference_rows(directory)
        encoded = encoder.encode_documents([unit(one) for one in pictures()])
        for mine, theirs in zip(encoded, rows, strict=True):
            np.testing.assert_allclose(mine.vectors, theirs, atol=1e-5)
        for query, theirs in zip(encoder.encode_queries(QUERIES), asked, strict=True):
            np.testing.assert_allclose(query.vectors, theirs, atol=1e-5)

    def test_markers_in_a_text_are_plain_characters(self, encoder: VisualEncoder) -> None:
        template = encoder.loaded().query
        plain = template.render("ferry", 128)
        rendered = template.render(INJECTIONS, 1000)
        own = np.array([t.kind == "token" for t in rendered.tokens])
        markers = set(plain.ids[[t.kind != "token" for t in plain.tokens]].tolist())
        structural = {int(i) for i in template.tokenizer._structural}
        assert not set(rendered.ids[own].tolist()) & structural
        assert markers & structural, "the template's own markers are still there"
        read = "".join(t.text for t in rendered.tokens if t.span).replace(" ", "")
        assert read == INJECTIONS.replace(" ", "")
        query = encoder.encode_query(INJECTIONS)
        assert sum(t.kind == "token" for t in query.tokens) <= encoder.info.max_query_tokens

    def test_a_query_without_words_is_refused(self, encoder: VisualEncoder) -> None:
        for text in ("", " \n"):
            with pytest.raises(QueryError, match="type at least one"):
                encoder.encode_query(text)

    def test_a_text_that_is_an_address_or_a_path_is_read_as_text(
        self, encoder: VisualEncoder, tmp_path: Path
    ) -> None:
        noise(40, 40).save(tmp_path / "secret.png")
        for text in ("http://127.0.0.1:9/x.png", str(tmp_path / "secret.png")):
            tokens = encoder.encode_query(text).tokens
            assert "".join(t.text for t in tokens if t.span) == text

    def test_a_picture_as_a_query_has_the_rows_of_the_picture(self, encoder: VisualEncoder) -> None:
        picture = pictures()[0]
        query = encoder.encode_image_query(png(picture))
        rows = encoder.encode_documents([unit(picture)])[0]
        np.testing.assert_allclose(query.vectors, rows.vectors, atol=NOISE)
        assert sum(t.kind == "patch" for t in query.tokens) == self.image_rows[0]

    # -- geometry ------------------------------------------------------------------------------

    def test_pixels_of_one_box_are_the_input_of_its_row(self, encoder: VisualEncoder) -> None:
        """Moves one patch's pixels, and sees which row's pixels and patch embedding change."""
        parts = encoder.loaded()
        probe = parts.probe
        assert probe is not None
        for picture in pictures():
            before = parts.picture(picture)
            boxes, rows = placed(before)
            for number in np.linspace(0, len(rows) - 1, 7).astype(int):
                changed = parts.picture(painted(picture, boxes[number]))
                np.testing.assert_array_equal(changed.ids, before.ids)
                differ = np.abs(probe.pixels(changed) - probe.pixels(before)).sum(axis=1)
                self.check_changed(differ, boxes, int(number))

    def check_changed(self, differ: np.ndarray, boxes: np.ndarray, number: int) -> None:
        """The row whose box was painted changes most (of each picture inside the input)."""
        same_size = self.same_grid(boxes, number)
        assert int(same_size[differ[same_size].argmax()]) == number

    def same_grid(self, boxes: np.ndarray, number: int) -> np.ndarray:
        return np.arange(len(boxes))

    def test_the_self_test_finds_every_patch_where_it_should_be(
        self, encoder: VisualEncoder
    ) -> None:
        told = self_test(encoder)
        assert told.n_pixels == told.n_embedded == told.n_probes >= 10
        assert str(told.n_probes) in str(told)

    def test_the_self_test_finds_boxes_that_are_wrong(self, encoder: VisualEncoder) -> None:
        parts = encoder.loaded()

        def mirrored(image: Image.Image) -> Prepared:
            given = parts.picture(image)
            boxes = given.places.boxes[:, [2, 1, 0, 3]] * [-1, 1, -1, 1] + [1, 0, 1, 0]
            places = replace(given.places, boxes=boxes.astype(np.float32))
            return replace(given, places=places)

        wrong = VisualEncoder(encoder.info, lambda: replace(parts, picture=mirrored), n_threads=1)
        with pytest.raises(ModelError, match="looks elsewhere than its boxes say"):
            self_test(wrong)

    def test_pictures_are_prepared_by_several_threads_at_once(self, encoder: VisualEncoder) -> None:
        crowd = VisualEncoder(encoder.info, encoder.loaded, n_threads=4)
        units = [unit(noise(90 + i, 70, seed=i)) for i in range(24)]
        for one, other in zip(
            crowd.encode_documents(units), encoder.encode_documents(units), strict=True
        ):
            np.testing.assert_allclose(one.vectors, other.vectors, atol=NOISE)

    # -- errors --------------------------------------------------------------------------------

    def test_a_missing_weight_is_an_error_that_names_it(
        self, directory: Path, tmp_path: Path
    ) -> None:
        from safetensors.torch import load_file, save_file

        damaged = copied(directory, tmp_path)
        weights = load_file(damaged / "model.safetensors")
        name = next(key for key in sorted(weights) if "layers.1" in key and "weight" in key)
        del weights[name]
        save_file(weights, damaged / "model.safetensors", metadata={"format": "pt"})
        with pytest.raises(ModelError, match="lacks the weights"):
            open_visual(Checkpoint(damaged), device="cpu").load()

    def test_a_weight_too_many_is_an_error_that_names_it(
        self, directory: Path, tmp_path: Path
    ) -> None:
        import torch
        from safetensors.torch import load_file, save_file

        damaged = copied(directory, tmp_path)
        weights = load_file(damaged / "model.safetensors")
        weights["another_head.weight"] = torch.zeros(2, 2)
        save_file(weights, damaged / "model.safetensors", metadata={"format": "pt"})
        with pytest.raises(ModelError, match="does not know: another_head"):
            open_visual(Checkpoint(damaged), device="cpu").load()

    # -- to be said by each family -------------------------------------------------------------

    def reference_query(self, directory: Path, text: str) -> list[int]:
        """Return the ids that the family's own processor makes of a query."""
        raise NotImplementedError

    def reference_rows(self, directory: Path) -> tuple[list[np.ndarray], list[np.ndarray]]:
        """Return the rows of the pictures and of the queries by the reference library alone."""
        raise NotImplementedError


def placed(given: Prepared) -> tuple[np.ndarray, np.ndarray]:
    """Return the boxes of the rows that have a place, and their numbers."""
    rows = np.flatnonzero(given.places.roles != MARKER)
    return given.places.boxes[rows], rows


def painted(picture: Image.Image, box: np.ndarray) -> Image.Image:
    """Return the picture with the pixels inside a box turned into their negative."""
    left, top, right, bottom = box * np.array([picture.width, picture.height] * 2)
    pixels = np.asarray(picture).copy()
    inside = pixels[round(top) : max(round(bottom), round(top) + 1)]
    inside[:, round(left) : max(round(right), round(left) + 1)] ^= 255
    return Image.fromarray(pixels)


def copied(directory: Path, to: Path) -> Path:
    return Path(shutil.copytree(directory, to / "copy"))


def forward_rows(model: Any, batch: Any) -> list[np.ndarray]:
    """Return the rows that a library's own forward gives for a batch, padding left out."""
    import torch

    with torch.no_grad():
        found = model(**batch).embeddings
    masks = batch["attention_mask"].bool()
    return [rows[mask].numpy() for rows, mask in zip(found, masks, strict=True)]


def with_pillow(processor: Any, directory: Path) -> Any:
    """Return a processor with Pillow's image processor, whether torchvision is there or not.

    Where both are installed transformers takes torchvision's, which scales a little differently.
    """
    import transformers

    name = type(processor.image_processor).__name__.removesuffix("Fast").removesuffix("Pil")
    image_processor = getattr(transformers, f"{name}Pil").from_pretrained(directory)
    processor.image_processor = image_processor
    return processor


def native_rows(model_class: Any, processor: Any, directory: Path) -> Any:
    """Return the rows of pictures and queries by a class of transformers and its processor."""
    model = model_class.from_pretrained(directory).eval()
    shown = forward_rows(model, processor.process_images(pictures()))
    return shown, forward_rows(model, processor.process_queries(list(QUERIES)))


def engine_rows(run: Callable[[Any], Any], batch: Any) -> list[np.ndarray]:
    """Return the rows that `run` gives for a batch, of length 1, padding left out."""
    import torch

    with torch.no_grad():
        found = torch.nn.functional.normalize(run(batch), dim=-1)
    masks = batch["attention_mask"].bool()
    return [rows[mask].numpy() for rows, mask in zip(found, masks, strict=True)]
