"""ColQwen-Omni (a tiny one) as a space of sound, of films and of texts in one library."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from latelight.app import Collection, Library, engine
from latelight.encoders.pooled import PooledEncoder
from latelight.encoders.pooling import Pooling
from latelight.encoders.protocol import Encoder
from latelight.pipelines.spec import parse_spec
from latelight.settings import Settings
from latelight.testing.encoders import FakeEncoder
from latelight.testing.files import text_picture
from latelight.testing.media import spoken_tones, video_bytes, wav_bytes
from tests.encoders.vision.checkpoints import omni
from tests.encoders.vision.making import Checkpoint

pytest.importorskip("torch")
pytest.importorskip("transformers")

from latelight.encoders.vision import open_visual

SPEC = parse_spec(
    "extract: {ocr: never, speech: never}\n"
    "spaces: {text: {encoder: words}, omni: {encoder: omni, store: float16, bits: 0}}"
)


@pytest.fixture(scope="module")
def checkpoint(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return omni.build_engine(tmp_path_factory.mktemp("omni"))


@pytest.fixture(params=["whole", "pooled"])
def filled(
    request: pytest.FixtureRequest,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    checkpoint: Path,
) -> Iterator[Collection]:
    def make(name: str, **_: object) -> Encoder:
        if name == "words":
            return FakeEncoder(dim=64)
        whole = open_visual(Checkpoint(checkpoint), device="cpu", n_threads=1)
        return PooledEncoder(whole, Pooling("ward", 3)) if request.param == "pooled" else whole

    monkeypatch.setattr(engine, "create_encoder", make)
    engine.shared_encoder.cache_clear()
    target = Library(tmp_path / "library", Settings(n_threads=1)).collection(
        "all", create=True, pipeline=SPEC
    )
    noise = np.random.default_rng(0).uniform(-0.1, 0.1, 4 * 16_000).astype(np.float32)
    film = video_bytes([text_picture(["Ferry"])], seconds_each=2, samples=spoken_tones(["lamp"]))
    target.add(wav_bytes(noise), name="noise.wav", doc_id="noise")
    target.add(film, name="film.mkv", doc_id="film")
    target.add([{"id": "note", "text": "A note about the ferry."}])
    yield target
    engine.shared_encoder.cache_clear()


def test_sound_frames_and_texts_are_found_together_and_explained(filled: Collection) -> None:
    hits = filled.search("a ferry in the fog", mode="maxsim", explain=True, k=10)
    found = {(hit.doc_id, hit.unit.kind) for hit in hits}
    assert {("noise", "audio"), ("film", "audio"), ("film", "frame")} <= found
    for hit in hits:
        assert sum(e.contribution for e in hit.evidence) == pytest.approx(hit.score, abs=1e-4)
        if hit.unit.kind == "audio":
            check_moments(hit)
    lock = filled.lock.encoders["omni"]
    assert lock.golden_sound and lock.golden_picture
    assert lock.rendering["sound"].startswith("16000 Hz")


def check_moments(hit: object) -> None:
    whole = hit.unit.locator.time  # type: ignore[attr-defined]
    own = [e for e in hit.evidence if e.space == "omni" and e.part != "document"]  # type: ignore[attr-defined]
    places = [place for e in own for place in e.locators if place.time != whole]
    assert places, "some query token was answered by a moment"
    for place in places:
        assert place.span is None and place.box is None
        assert whole.start_s <= place.time.start_s < place.time.end_s <= whole.end_s + 1e-4
        assert place.time.end_s - place.time.start_s <= 0.0401
    heatmap = hit.heatmap()  # type: ignore[attr-defined]
    assert heatmap.peak > 0
    lit = np.asarray(heatmap.image, np.int16)[-240:]
    assert ((lit[:, :, 0] - lit[:, :, 2]) > 60).any(), "a column of the spectrogram is lit"
