from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import pytest

from latelight.encoders.model_check import check_model
from latelight.encoders.vision import VisualEncoder, open_visual
from latelight.errors import ModelError
from latelight.extractors.audio import AudioExtractor
from latelight.extractors.protocol import ExtractionOptions
from latelight.testing.hearing import HearingConformance
from latelight.testing.media import wav_bytes
from latelight.types import MultiVector, Source, Unit
from tests.encoders.vision.checkpoints import omni, qwen
from tests.encoders.vision.conformance import QUERIES, VisualConformance, engine_rows
from tests.encoders.vision.conftest import has_torchvision
from tests.encoders.vision.making import Checkpoint, noise, pictures

pytest.importorskip("torch")
pytest.importorskip("transformers")

SYSTEM = (
    "<|im_start|>system\nYou are Qwen, a virtual human developed by the Qwen Team, Alibaba Group, "
    "capable of perceiving auditory and visual inputs, as well as generating text and speech."
    "<|im_end|>\n"
)


def units_of_file(samples: np.ndarray) -> tuple[Unit, ...]:
    """Return the units of a WAV file as an acoustic space gets them."""
    options = ExtractionOptions(speech="never", keep_sound=True)
    return AudioExtractor().extract(Source("a.wav", wav_bytes(samples)), options).units


def of_file(encoder: VisualEncoder, samples: np.ndarray) -> MultiVector:
    (unit,) = units_of_file(samples)
    return encoder.encode_documents([unit])[0]


def tone(seconds: float, pitch: float = 440.0) -> np.ndarray:
    at = np.arange(int(seconds * 16_000)) / 16_000
    return np.sin(2 * np.pi * pitch * at).astype(np.float32)


class Omni(VisualConformance):
    family = "omni"
    image_rows = (54, 60)

    def test_sound_has_25_rows_a_second_with_their_times(self, encoder: VisualEncoder) -> None:
        rows = encoder.encode_sound(tone(1.5), 16_000, start_s=20.0)
        times = rows.locators.times
        assert times is not None and rows.vectors.shape == (len(times), 128)
        heard = times[~np.isnan(times).any(axis=1)]
        assert len(heard) == 37
        np.testing.assert_allclose(heard[[0, -1]], [[20, 20.04], [21.44, 21.48]], atol=1e-4)
        np.testing.assert_allclose(np.linalg.norm(rows.vectors, axis=1), 1, atol=1e-4)
        assert np.isnan(rows.locators.boxes).all()  # type: ignore[arg-type]

    def test_long_sound_is_heard_to_its_end(self, encoder: VisualEncoder) -> None:
        times = encoder.encode_sound(tone(12), 16_000).locators.times
        assert times is not None
        heard = times[~np.isnan(times).any(axis=1)]
        assert heard.max() == pytest.approx(12, abs=0.1)
        assert (np.diff(heard[:, 0]) > 0).all()

    def test_a_moment_of_sound_is_the_input_of_its_row(self, encoder: VisualEncoder) -> None:
        sound = encoder.loaded().sound
        assert sound is not None
        quiet = tone(2)
        loud = quiet.copy()
        loud[16_000:16_640] += tone(0.04, 3000)  # the second from 1.00 to 1.04
        before, after = sound(quiet, 0.0), sound(loud, 0.0)
        differ = (
            (after.tensors["input_features"] - before.tensors["input_features"])
            .abs()
            .sum(dim=1)[0]
            .numpy()
        )
        frame = int(differ.argmax())
        times = before.places.times
        assert times is not None
        row = np.flatnonzero((times[:, 0] <= frame / 100) & (frame / 100 < times[:, 1]))
        assert len(row) == 1 and 0.96 <= times[row[0], 0] <= 1.04

    def test_a_tone_in_the_middle_of_a_file_changes_the_rows_of_its_second(
        self, encoder: VisualEncoder
    ) -> None:
        """The model's second layer looks around, so the row changes most, and others a little."""
        quiet = np.random.default_rng(0).normal(0, 0.003, 8 * 16_000).astype(np.float32)
        rung = quiet.copy()
        rung[4 * 16_000 : 4 * 16_000 + 4_000] += 0.5 * tone(0.25, 1_000)
        before, after = (of_file(encoder, one) for one in (quiet, rung))
        times = before.locators.times
        assert times is not None
        np.testing.assert_array_equal(times, after.locators.times)
        differ = np.linalg.norm(after.vectors - before.vectors, axis=1)
        heard = ~np.isnan(times).any(axis=1)
        changed = times[heard][np.argsort(-differ[heard])[:5]]
        assert (changed[:, 0] >= 3.96).all() and (changed[:, 1] <= 4.29).all(), changed

    def test_a_unit_of_sound_has_the_rows_of_encode_sound(self, encoder: VisualEncoder) -> None:
        (unit,) = units_of_file(tone(2.2))
        rows = encoder.encode_documents([unit])[0]
        assert unit.sound is not None
        direct = encoder.encode_sound(unit.sound / np.float32(32_768), 16_000)
        np.testing.assert_allclose(rows.vectors, direct.vectors, atol=1e-5)
        np.testing.assert_array_equal(rows.locators.times, direct.locators.times)
        assert rows.locators.spans is None

    def test_a_check_of_the_model_finds_the_tone(self, encoder: VisualEncoder) -> None:
        (sound,) = (one for one in check_model(encoder) if one.name == "sound")
        assert sound.ok, sound.told

    def test_it_listens_and_its_lock_says_how(self, encoder: VisualEncoder) -> None:
        assert encoder.info.hears and "audio" in encoder.info.unit_kinds
        assert encoder.info.rendering["sound"] == "16000 Hz, 16 bands, pieces of 10 s"

    def test_silence_that_fills_a_sound_up_is_not_carried_along(
        self, encoder: VisualEncoder
    ) -> None:
        sound = encoder.loaded().sound
        assert sound is not None
        assert sound(tone(1), 0.0).tensors["input_features"].shape == (1, 16, 100)

    def test_other_rates_are_refused(self, encoder: VisualEncoder) -> None:
        with pytest.raises(ModelError, match="44,100 samples a second"):
            encoder.encode_sound(tone(1), 44_100)

    @pytest.mark.skipif(not has_torchvision(), reason="needs torchvision")
    def test_video_rows_have_box_and_time(self, encoder: VisualEncoder) -> None:
        frames = [noise(84, 56, seed=i) for i in range(6)]
        rows = encoder.encode_video(frames, 0.5, start_s=3.0)
        times, boxes = rows.locators.times, rows.locators.boxes
        assert times is not None and boxes is not None
        seen = ~np.isnan(times).any(axis=1)
        assert (seen == ~np.isnan(boxes).any(axis=1)).all()
        assert sorted(set(times[seen, 0].tolist())) == [3.0, 4.0, 5.0]
        per_frame = seen.sum() // 3
        np.testing.assert_array_equal(
            boxes[seen][:per_frame], boxes[seen][per_frame : 2 * per_frame]
        )

    @pytest.mark.skipif(not has_torchvision(), reason="needs torchvision")
    def test_pixels_of_a_frame_are_the_input_of_its_rows(self, encoder: VisualEncoder) -> None:
        video = encoder.loaded().video
        assert video is not None
        frames = [noise(84, 56, seed=i) for i in range(6)]
        before = video(frames, 1.0, 0.0)
        frames[4] = noise(84, 56, seed=99)
        after = video(frames, 1.0, 0.0)
        a, b = (one.tensors["pixel_values_videos"] for one in (before, after))
        cells = (a - b).abs().sum(dim=1).reshape(-1, 4).sum(dim=1).numpy()
        times = before.places.times
        assert times is not None
        placed = times[~np.isnan(times).any(axis=1)]
        assert len(placed) == len(cells)
        assert set(placed[cells > 0][:, 0].tolist()) == {4.0}


class TestOmniHears(HearingConformance):
    tolerance = 1e-4
    directory: ClassVar[Path]

    @pytest.fixture(scope="class", autouse=True)
    @classmethod
    def built(cls, tmp_path_factory: pytest.TempPathFactory) -> None:
        cls.directory = omni.build_engine(tmp_path_factory.mktemp("ears"))

    def make_encoder(self) -> VisualEncoder:
        return open_visual(Checkpoint(self.directory), device="cpu", n_threads=1)


class TestEngineLayout(Omni):
    build = staticmethod(omni.build_engine)

    def reference_query(self, directory: Path, text: str) -> list[int]:
        return queries(directory, [text])["input_ids"][0].tolist()

    def reference_rows(self, directory: Path) -> Any:
        model = omni.engine_class().from_pretrained(directory).eval()
        body = omni.engine_class().__mro__[1]
        run = lambda b: model.custom_text_proj(body.forward(model, **b)[0])  # noqa: E731
        return (
            engine_rows(run, shown(directory)),
            engine_rows(run, queries(directory, list(QUERIES))),
        )


class TestSentenceTransformersLayout(Omni):
    build = staticmethod(omni.build_sentence_transformers)

    def reference_query(self, directory: Path, text: str) -> list[int]:
        rendered = f"<|im_start|>user\n{text}{'<|endoftext|>' * 3}<|im_end|>\n"
        return tokenizer_of(directory)(rendered)["input_ids"]

    def reference_rows(self, directory: Path) -> Any:
        import torch
        from safetensors.torch import load_file
        from transformers import Qwen2_5OmniThinkerModel

        model = Qwen2_5OmniThinkerModel.from_pretrained(directory).eval()
        weights = load_file(directory / "1_Dense" / "model.safetensors")["linear.weight"]
        run = lambda b: torch.nn.functional.linear(model(**b)[0], weights)  # noqa: E731
        texts = [f"<|im_start|>user\n{q}{'<|endoftext|>' * 3}<|im_end|>\n" for q in QUERIES]
        asked = tokenizer_of(directory)(texts, return_tensors="pt", padding=True)
        prompt = "<|im_start|>user\n<|vision_bos|>{}<|vision_eos|><|im_end|>\n"
        return engine_rows(run, shown(directory, prompt)), engine_rows(run, asked)


def tokenizer_of(directory: Path) -> Any:
    from transformers import AutoTokenizer

    return AutoTokenizer.from_pretrained(directory)


def queries(directory: Path, texts: list[str]) -> Any:
    """Return queries as colpali-engine renders them."""
    rendered = [
        f"{SYSTEM}<|im_start|>user\nQuery: {text}{'<|endoftext|>' * 10}<|im_end|>\n"
        "<|im_start|>assistant\n"
        for text in texts
    ]
    return tokenizer_of(directory)(rendered, return_tensors="pt", padding=True)


ENGINE_PROMPT = (
    SYSTEM + "<|im_start|>user\n<|vision_bos|>{}<|vision_eos|>Describe the content.<|im_end|>\n"
    "<|im_start|>assistant\n"
)


def shown(directory: Path, prompt: str = ENGINE_PROMPT) -> Any:
    batch = qwen.image_processor()(pictures(), return_tensors="pt")
    texts = [prompt.format("<|IMAGE|>" * int(g.prod() // 4)) for g in batch["image_grid_thw"]]
    words = tokenizer_of(directory)(texts, return_tensors="pt", padding=True)
    return {**words, **batch}
