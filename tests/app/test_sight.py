"""A pipeline whose text space also sees: from pictures to named evidence."""

import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageDraw

from latelight.app import Collection, Library, engine
from latelight.errors import QueryError, SettingError
from latelight.pipelines.spec import (
    ExtractSpec,
    PipelineSpec,
    SpaceSpecification,
    parse_spec,
    parse_stored,
)
from latelight.settings import Settings
from latelight.testing.encoders import FakeEncoder
from latelight.testing.files import text_pdf
from latelight.types import EncoderInfo, Float32Array
from tests.encoders.test_seeing import Patches
from tests.encoders.vision.making import png

SIGHT = PipelineSpec(
    name="sight",
    extract=ExtractSpec(ocr="never"),
    spaces={"text": SpaceSpecification()},
)


class Text(FakeEncoder):
    """A fake that says it is the encoder whose space is looked into."""

    @property
    def info(self) -> EncoderInfo:
        return replace(super().info, name="latelight-small")


class Reading(Patches):
    """Sees what the fake text encoder calls a chart, so that a query for it finds it."""

    sizes: list[tuple[int, int]]

    def __init__(self) -> None:
        self.sizes = []
        encoder = Text(dim=128)
        self._rows = {
            "line chart": encoder.encode_query("chart").vectors,
            "table": encoder.encode_query("ledger").vectors,
        }

    def rows(self) -> dict[str, Float32Array]:
        return self._rows

    def look(self, image: Image.Image):  # type: ignore[no-untyped-def]
        self.sizes.append(image.size)
        pixels = np.asarray(image.convert("RGB")).astype(int)
        if (pixels[..., 2] - pixels[..., 0]).max() < 60:  # nothing blue
            return ()
        chart, table = super().look(image)
        return (
            replace(chart, rows=self._rows["line chart"], names=("line chart",)),
            replace(table, rows=self._rows["table"], names=("table",)),
        )


@pytest.fixture
def patches() -> Reading:
    return Reading()


@pytest.fixture
def library(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, patches: Reading) -> Iterator[Library]:
    monkeypatch.setattr(engine, "create_encoder", lambda *_, **__: Text(dim=128))
    monkeypatch.setattr(engine, "shared_patch_encoder", lambda: patches)
    engine.shared_encoder.cache_clear()
    yield Library(tmp_path / "library", Settings(n_threads=1))
    engine.shared_encoder.cache_clear()


def chart(width: int, height: int) -> Image.Image:
    image = Image.new("RGB", (width, height), "white")
    ImageDraw.Draw(image).rectangle((10, 10, width // 2, height // 2), fill="navy")
    return image


@pytest.fixture
def pages(library: Library) -> Collection:
    made = library.collection("pages", create=True, pipeline=SIGHT)
    made.add(text_pdf("The ferry was refitted.", "Harbour dues."), name="a.pdf", doc_id="pdf")
    report = made.add(png(chart(3000, 1500)), name="chart.png", doc_id="chart").wait()
    assert report.failures == ()
    return made


def test_what_is_seen_is_found_named_and_adds_up(pages: Collection) -> None:
    first, *_ = pages.search("chart", mode="maxsim", explain=True)
    assert first.doc_id == "chart"
    (own,) = [e for e in first.evidence if e.contribution > 0]
    assert (own.text, own.seen, own.found) == ("", "line chart", "[line chart]")
    assert own.locator.box is not None and own.locator.box.bottom == pytest.approx(0.5, abs=1e-3)
    assert sum(e.contribution for e in first.evidence) == pytest.approx(first.score, abs=1e-5)
    assert first.to_dict()["evidence"][0]["seen"] == "line chart"
    lit = np.asarray(first.heatmap().image).astype(int)
    plain = np.asarray(chart(3000, 1500).resize(first.heatmap().image.size)).astype(int)
    changed = np.abs(lit - plain).sum(axis=2)
    assert changed[: len(changed) // 3].mean() > 4 * changed[-len(changed) // 3 :].mean()


def test_a_collection_says_whether_it_sees(pages: Collection, library: Library) -> None:
    assert pages.stats().spaces["text"]["sight"] is True
    blind = parse_spec("spaces: {text: {sight: false}}")
    other = library.collection("blind", create=True, pipeline=blind)
    assert other.stats().spaces["text"]["sight"] is False


def test_words_are_found_as_before(pages: Collection) -> None:
    first, *_ = pages.search("refitted ferry", mode="maxsim", explain=True)
    assert first.doc_id == "pdf"
    assert {e.seen for e in first.evidence} == {""}


def test_pictures_come_no_larger_than_they_are_looked_at(
    pages: Collection, patches: Reading
) -> None:
    looked_at = [size for size in patches.sizes if size != (224, 224)]  # of the lock's golden rows
    assert looked_at == [(791, 1024), (791, 1024), (1024, 512)]


def test_a_picture_is_asked_for_by_its_words(pages: Collection) -> None:
    with pytest.raises(QueryError, match="by the words in them"):
        pages.search(image=png(chart(40, 40)))


def test_sight_is_of_one_encoder(library: Library) -> None:
    spec = parse_spec("spaces: {text: {encoder: minilm, sight: true}}")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(engine, "create_encoder", lambda *_, **__: FakeEncoder(dim=128))
        engine.shared_encoder.cache_clear()
        with pytest.raises(SettingError, match="sight goes with the encoder 'latelight-small'"):
            library.collection("other", create=True, pipeline=spec)
        blind = parse_spec("spaces: {text: {encoder: minilm}}")
        library.collection("other", create=True, pipeline=blind)


def test_a_collection_from_before_there_was_sight_does_without_it() -> None:
    stored = json.loads(PipelineSpec().to_json())
    del stored["spaces"]["text"]["sight"]
    assert not parse_stored(json.dumps(stored)).spaces["text"].sees
    assert parse_stored(PipelineSpec().to_json()).spaces["text"].sees
