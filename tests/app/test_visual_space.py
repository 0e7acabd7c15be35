"""A space that looks at pages beside one that reads them, from files to heat maps."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from latelight.app import Collection, Library, engine
from latelight.encoders.pooled import PooledEncoder
from latelight.encoders.pooling import Pooling
from latelight.encoders.protocol import Encoder
from latelight.explain.lighting import lighting
from latelight.pipelines.spec import ExtractSpec, PipelineSpec, SpaceSpecification
from latelight.settings import Settings
from latelight.testing.encoders import FakeEncoder
from latelight.testing.files import text_pdf
from latelight.types import Box
from tests.encoders.vision.checkpoints import qwen
from tests.encoders.vision.making import Checkpoint, noise, png

pytest.importorskip("torch")
pytest.importorskip("transformers")

from latelight.encoders.vision import open_visual

TEXT = ("The ferry was refitted in 2019.", "The harbour master counts boats.")


@pytest.fixture(scope="module")
def checkpoint(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return qwen.build_colqwen2(tmp_path_factory.mktemp("colqwen2"))


@pytest.fixture
def library(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, checkpoint: Path) -> Iterator[Library]:
    def make(name: str, **_: object) -> Encoder:
        how, _, path = name.partition(":")
        if how == "words":
            return FakeEncoder(dim=64)
        looking = open_visual(Checkpoint(Path(path)), device="cpu", n_threads=1)
        if how == "pooled":
            return PooledEncoder(looking, Pooling("ward", factor=3))
        return looking

    monkeypatch.setattr(engine, "create_encoder", make)
    engine.shared_encoder.cache_clear()
    yield Library(tmp_path / "library", Settings(n_threads=1))
    engine.shared_encoder.cache_clear()


def filled(library: Library, look: str) -> Collection:
    spec = PipelineSpec(
        name="looking",
        extract=ExtractSpec(ocr="never"),
        spaces={
            "text": SpaceSpecification(encoder="words:"),
            "look": SpaceSpecification(encoder=look, store="float16", bits=0),
        },
    )
    pages = library.collection("pages", create=True, pipeline=spec)
    pages.add(text_pdf(*TEXT), name="two-pages.pdf", doc_id="pdf")
    report = pages.add(png(noise(300, 200)), name="photo.png", doc_id="photo").wait()
    assert report.failures == ()
    return pages


def test_pages_are_ranked_by_what_they_show_and_lit_patch_by_patch(
    library: Library, checkpoint: Path
) -> None:
    pages = filled(library, f"looking:{checkpoint}")
    hits = pages.search("when was the ferry refitted?", mode="maxsim", explain=True, k=5)
    assert {(hit.doc_id, hit.unit.unit_id) for hit in hits} == {
        ("pdf", "p1"),
        ("pdf", "p2"),
        ("photo", "i1"),
    }
    for hit in hits:
        looked = [e for e in hit.evidence if e.space == "look"]
        assert looked, "the page's picture takes part"
        assert sum(e.contribution for e in hit.evidence) == pytest.approx(hit.score, abs=1e-4)
        boxes = [place.box for e in looked for place in e.locators if place.box is not None]
        assert boxes, "some query tokens found a patch"
        assert all(0 <= b.left < b.right <= 1 and 0 <= b.top < b.bottom <= 1 for b in boxes)
        heatmap = hit.heatmap()
        assert heatmap.peak > 0
        assert isinstance(heatmap.image, Image.Image)
    photo = next(hit for hit in hits if hit.doc_id == "photo")
    assert all(e.contribution == 0 for e in photo.evidence if e.space == "text"), "no words"


def test_the_lock_tells_how_pages_are_rendered(library: Library, checkpoint: Path) -> None:
    pages = filled(library, f"looking:{checkpoint}")
    lock = pages.lock.encoders["look"]
    assert lock.rendering["query_template"].startswith("Query: {text}<|endoftext|>")
    assert lock.rendering["picture_max_pixels"] == str(qwen.MOST_TOKENS * 28 * 28)
    assert len(lock.weights["model.safetensors"]) == 64
    again = library.collection("pages")  # checks the lock against the encoder
    assert len(again.search("ferry", mode="maxsim")) == 3


def test_a_pooled_row_lights_every_patch_that_it_stands_for(
    library: Library, checkpoint: Path
) -> None:
    pages = filled(library, f"pooled:{checkpoint}")
    hits = pages.search("when was the ferry refitted?", mode="maxsim", explain=True, k=5)
    photo = next(hit for hit in hits if hit.doc_id == "photo")
    looking = PooledEncoder(
        open_visual(Checkpoint(checkpoint), device="cpu", n_threads=1), Pooling("ward", factor=3)
    )
    stored = pages.get("photo").units[0]
    rows = looking.encode_documents([replaced(stored)])[0]
    assert rows.locators.boxes is not None
    several = 0
    for item in photo.evidence:
        sources = rows.locators.boxes[list(rows.locators.sources_of(item.row))]
        expected = {tuple(box) for box in sources.tolist() if not np.isnan(box[0])}
        found = {corners(p.box) for p in item.locators if p.box is not None}
        assert len(found) == len(expected)
        assert all(min(distance(f, e) for e in expected) < 1e-4 for f in found)
        several += len(found) > 1
    assert several, "some evidence stands for more than one patch"
    item = max(photo.evidence, key=lambda e: len(e.locators))
    lit = lighting([item], (200, 300)).light > 0
    boxes = [p.box for p in item.locators if p.box is not None]
    assert (inside(boxes, lit.shape) <= lit).all(), "every patch is lit"
    assert (lit <= inside(boxes, lit.shape, margin=0.2)).all(), "and nothing but their margins"
    assert photo.heatmap().peak > 0


def replaced(unit: object) -> object:
    from dataclasses import replace

    return replace(unit, image=png(noise(300, 200)))  # type: ignore[type-var]


def inside(boxes: list[Box], size: tuple[int, ...], margin: float = 0.0) -> np.ndarray:
    """Return which pixels' middles lie in a box, or nearer to it than so much of its height."""
    y, x = ((np.arange(n) + 0.5) / n for n in size)
    found = np.zeros(size, np.bool_)
    for box in boxes:
        down = margin * (box.bottom - box.top)
        across = down * size[0] / size[1]
        pixel_y, pixel_x = (margin > 0) / size[0], (margin > 0) / size[1]
        rows = (y > box.top - down - pixel_y) & (y < box.bottom + down + pixel_y)
        columns = (x > box.left - across - pixel_x) & (x < box.right + across + pixel_x)
        found |= rows[:, None] & columns[None]
    return found


def corners(box: Box) -> tuple[float, float, float, float]:
    return (box.left, box.top, box.right, box.bottom)


def distance(one: tuple[float, ...], other: tuple[float, ...]) -> float:
    return max(abs(a - b) for a, b in zip(one, other, strict=True))
