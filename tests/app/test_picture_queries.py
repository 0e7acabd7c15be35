"""A picture as a query, in a space that sees and in one that reads."""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from latelight.app import Library, engine
from latelight.encoders.protocol import Progress, no_progress
from latelight.errors import QueryError
from latelight.pipelines.spec import parse_spec
from latelight.settings import Settings
from latelight.testing.encoders import FakeEncoder
from latelight.testing.files import picture_bytes
from latelight.types import EncoderInfo, MultiVector, QueryToken, QueryVectors, RowLocators, Unit


class Colours(FakeEncoder):
    """Sees the mean colour of each quarter of a picture: four rows with boxes."""

    @property
    def info(self) -> EncoderInfo:
        return replace(super().info, name="colours", sees_images=True, unit_kinds=("image",))

    def _quarters(self, image: bytes) -> list[str]:
        import io

        small = np.asarray(Image.open(io.BytesIO(image)).convert("RGB").resize((2, 2)))
        return [
            "c" + "x".join(str(level // 64) for level in pixel) for pixel in small.reshape(4, 3)
        ]

    def encode_image_query(self, image: bytes) -> QueryVectors:
        rows = self._stack(self._quarters(image))
        return QueryVectors(rows, tuple(QueryToken(f"patch {i}", None, "patch") for i in range(4)))

    def encode_documents(
        self, units: Sequence[Unit], *, progress: Progress = no_progress
    ) -> list[MultiVector]:
        corners = [(0, 0, 0.5, 0.5), (0.5, 0, 1, 0.5), (0, 0.5, 0.5, 1), (0.5, 0.5, 1, 1)]
        places = RowLocators(boxes=np.array(corners, np.float32))
        return [MultiVector(self._stack(self._quarters(u.image or b"")), places) for u in units]


@pytest.fixture
def seeing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Library]:
    makers = {"colours": Colours, "words": FakeEncoder}
    monkeypatch.setattr(engine, "create_encoder", lambda name, **_: makers[name](dim=32))
    engine.shared_encoder.cache_clear()
    yield Library(tmp_path / "library", Settings(n_threads=1))
    engine.shared_encoder.cache_clear()


def painted(*colours: str) -> bytes:
    picture = Image.new("RGB", (64, 64))
    for i, colour in enumerate(colours):
        picture.paste(colour, (32 * (i % 2), 32 * (i // 2), 32 * (i % 2) + 32, 32 * (i // 2) + 32))
    return picture_bytes(picture)


FLAG, SKY = painted("red", "white", "red", "white"), painted("blue", "blue", "white", "green")


def test_a_picture_without_words_finds_what_looks_like_it(seeing: Library) -> None:
    spec = parse_spec(
        "extract: {ocr: never}\nspaces: {look: {encoder: colours}, text: {encoder: words}}"
    )
    target = seeing.collection("c", create=True, pipeline=spec)
    target.add(FLAG, name="flag.png")
    target.add(SKY, name="sky.png")
    hits = target.search(image=painted("white", "red", "white", "red"), explain=True)
    assert hits[0].document.source == "flag.png"
    assert [one.kind for one in hits[0].evidence] == ["patch"] * 4
    assert sum(one.contribution for one in hits[0].evidence) == pytest.approx(
        hits[0].score, abs=1e-4
    )
    assert hits[0].evidence[0].locator.box is not None


def test_where_nothing_sees_words_are_needed(seeing: Library) -> None:
    spec = parse_spec("extract: {ocr: never}\nspaces: {text: {encoder: words}}")
    target = seeing.collection("c", create=True, pipeline=spec)
    target.add({"id": "a", "text": "ferry"})
    with pytest.raises(QueryError, match="No words were found"):
        target.search(image=FLAG)
