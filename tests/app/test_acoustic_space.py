"""A space that listens: from files with and without speech to a lit moment of sound."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from latelight.app import Collection, Library, engine
from latelight.encoders.protocol import Encoder
from latelight.extractors.audio import AudioExtractor
from latelight.extractors.protocol import ExtractionOptions
from latelight.extractors.sandbox import ExtractionPool
from latelight.extractors.video import VideoExtractor
from latelight.pipelines.extracted import Extracted, Identity, work_of
from latelight.pipelines.spec import PipelineSpec, parse_spec
from latelight.settings import Settings
from latelight.testing.encoders import FakeEncoder
from latelight.testing.files import text_picture
from latelight.testing.hearing import FakeHearingEncoder, sound_unit
from latelight.testing.media import FakeTranscriber, spoken_tones, video_bytes, wav_bytes
from latelight.types import Extraction, Source, TokenEvidence

TALK = ["ferry", "left", "harbour", "stop."] * 3
READING = parse_spec("name: reading\nextract: {ocr: never}\nspaces: {text: {encoder: words}}")
LISTENING = parse_spec(
    "name: listening\nextract: {ocr: never}\n"
    "spaces: {text: {encoder: words}, sound: {encoder: ears, store: float16}}"
)


def quiet(seconds: float) -> np.ndarray:
    return np.zeros(round(seconds * 16_000), np.float32)


def machine() -> np.ndarray:
    """A machine hall: 12 seconds of nothing, an engine, nothing; nobody speaks."""
    return np.concatenate([quiet(8), spoken_tones(["engine"], breath_s=0.2), quiet(3.4)])


class Deaf(FakeTranscriber):
    """Finds no speech."""

    def find_speech(self, samples: np.ndarray) -> list[tuple[int, int]]:
        return []


def extract_here(
    pool: object, source: Source, options: ExtractionOptions, *rest: object
) -> Extraction:
    """Read a file in this process; the tones of `machine.wav` are no words."""
    kind = VideoExtractor if source.name.endswith(".mkv") else AudioExtractor
    ears = Deaf() if source.name == "machine.wav" else FakeTranscriber()
    return kind(make_transcriber=lambda _: ears).extract(source, options)


@pytest.fixture
def library(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Library]:
    makers: dict[str, Callable[..., Encoder]] = {"words": FakeEncoder, "ears": FakeHearingEncoder}
    monkeypatch.setattr(engine, "create_encoder", lambda name, **_: makers[name](dim=64))
    engine.shared_encoder.cache_clear()
    yield Library(tmp_path / "library", Settings(n_threads=1, commit_seconds=0))
    engine.shared_encoder.cache_clear()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    folder = tmp_path / "sounds"
    folder.mkdir()
    (folder / "machine.wav").write_bytes(wav_bytes(machine()))
    (folder / "talk.wav").write_bytes(wav_bytes(spoken_tones(TALK)))
    return folder


@pytest.fixture
def heard(library: Library, folder: Path, monkeypatch: pytest.MonkeyPatch) -> Collection:
    monkeypatch.setattr(ExtractionPool, "extract", extract_here)
    return filled(library, LISTENING, folder)


def filled(library: Library, spec: PipelineSpec, folder: Path) -> Collection:
    target = library.collection("sounds", create=True, pipeline=spec)
    assert target.add(folder).wait().failures == ()
    return target


def acoustic(evidence: tuple[TokenEvidence, ...]) -> list[TokenEvidence]:
    return [one for one in evidence if one.space == "sound"]


def test_a_sound_that_nobody_speaks_in_is_found_at_its_second(heard: Collection) -> None:
    hit = heard.search("engine", k=1, explain=True)[0]
    assert hit.document.source.endswith("machine.wav")
    assert hit.unit.text == ""
    (item,) = [one for one in acoustic(hit.evidence) if one.contribution > 0]
    assert item.similarity == pytest.approx(1, abs=1e-3)
    assert item.locator.span is None and item.text == ""
    assert item.locator.time is not None
    assert 8.0 <= item.locator.time.start_s < item.locator.time.end_s <= 8.5
    assert sum(one.contribution for one in hit.evidence) == pytest.approx(hit.score, abs=1e-4)


def test_a_moment_of_sound_is_lit_on_the_spectrogram(heard: Collection) -> None:
    hit = heard.search("engine", k=1, mode="maxsim", explain=True)[0]
    lit = np.asarray(hit.heatmap().image, np.int16)
    amber = np.flatnonzero((lit[-200:, :, 0] - lit[-200:, :, 2] > 60).any(axis=0))
    (item,) = acoustic(hit.evidence)
    time = item.locator.time
    assert time is not None
    assert amber.mean() / lit.shape[1] == pytest.approx((time.start_s + 0.05) / 12, abs=0.02)
    assert np.ptp(amber) / lit.shape[1] < 0.08, "the rest stays dark"


def test_speech_is_found_by_its_words_and_by_its_sound(heard: Collection) -> None:
    hit = heard.search("harbour", k=1, mode="maxsim", explain=True)[0]
    assert hit.document.source.endswith("talk.wav")
    said = {one.space: one.locator for one in hit.evidence}
    assert said["text"].span is not None and said["sound"].span is None
    for place in said.values():
        assert place.time is not None
        assert 1.2 - 0.1 <= place.time.start_s <= 1.2 + 0.4 + 3 * 2.4


def test_the_text_space_is_what_it_is_without_the_other(
    heard: Collection, library: Library, folder: Path
) -> None:
    reading = library.collection("read", create=True, pipeline=READING)
    reading.add(folder)
    one, other = (c._versions.live().store.snapshot() for c in (reading, heard))
    doc = next(d.doc_id for d in one.documents() if d.source.endswith("talk.wav"))
    mine = [one.rows("text", i)[0] for i in one.find(doc)]
    theirs = [other.rows("text", i)[0] for i in other.find(doc)]
    assert all(np.array_equal(a, b) for a, b in zip(mine, theirs, strict=True))
    assert reading.lock.encoders["text"] == heard.lock.encoders["text"]


def test_samples_are_not_stored(heard: Collection) -> None:
    assert all(
        unit.sound is None for one in heard.documents() for unit in heard.get(one.doc_id).units
    )
    stored = sum(p.stat().st_size for p in heard._versions.home.directory.rglob("*.seg"))
    assert stored < len(machine())
    assert heard.verify() == []


def test_originals_are_heard_again_for_a_pipeline_that_listens(
    library: Library, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ExtractionPool, "extract", extract_here)
    target = filled(library, READING, folder)
    assert len(target.search("engine", k=1, mode="bm25")) == 0
    target.begin_candidate(LISTENING)
    assert target.backfill().wait().failures == ()
    target.add(wav_bytes(np.concatenate([quiet(4), spoken_tones(["lamp"])])), name="machine.wav")
    standing = target._versions.standing()
    candidate = target._versions.open(standing.versions[standing.aliases["candidate"]])
    snapshot = candidate.store.snapshot()
    doc = next(d.doc_id for d in snapshot.documents() if d.source.endswith("machine.wav"))
    (ordinal,) = snapshot.find(doc)
    assert snapshot.rows("sound", ordinal)[0].shape == (120, 64)
    times = snapshot.row_locators("sound", ordinal).times
    assert times is not None and times[-1, 1] == pytest.approx(12)
    assert snapshot.n_documents == 3, "what is added meanwhile goes to both"
    later = next(d.doc_id for d in snapshot.documents() if d.source == "machine.wav")
    assert [len(snapshot.rows("sound", i)[0]) for i in snapshot.find(later)] == [46]


def test_a_videos_sound_track_is_heard(heard: Collection) -> None:
    film = video_bytes([text_picture(["Slide"])], seconds_each=3, samples=spoken_tones(["lamp"]))
    heard.add(film, name="film.mkv", doc_id="film")
    found = heard.search("lamp", k=1, mode="maxsim", explain=True)[0]
    assert (found.doc_id, found.unit.kind) == ("film", "audio")
    assert any(one.similarity > 0.9 for one in acoustic(found.evidence))


def test_moments_survive_compaction(heard: Collection) -> None:
    before = heard.search("engine", k=1, explain=True)[0]
    heard.add([{"id": "note", "text": "A note about an engine without any sound."}])
    heard.compact()
    hits = heard.search("engine", k=5, explain=True)
    after = next(hit for hit in hits if hit.document.source.endswith("machine.wav"))
    assert [one.locator for one in acoustic(after.evidence)] == [
        one.locator for one in acoustic(before.evidence)
    ]
    assert any(hit.doc_id == "note" for hit in hits)


def test_a_worker_process_hands_sound_to_the_encoder(library: Library, tmp_path: Path) -> None:
    path = tmp_path / "machine.wav"
    path.write_bytes(wav_bytes(machine()))
    spec = replace_extract(LISTENING)
    target = library.collection("alone", create=True, pipeline=spec)
    assert target.add(path).wait().n_added == 1
    hit = target.search("engine", k=1, explain=True)[0]
    time = acoustic(hit.evidence)[0].locator.time
    assert time is not None and 8.0 <= time.start_s <= 8.4


def replace_extract(spec: PipelineSpec) -> PipelineSpec:
    import msgspec

    return msgspec.structs.replace(
        spec, extract=msgspec.structs.replace(spec.extract, speech="never")
    )


def test_sound_weighs_in_batches_and_in_queues_as_text_does() -> None:
    unit = sound_unit(np.zeros(16_000 * 30, np.int16))
    assert work_of(unit) == 3_000
    assert work_of(replace(unit, sound=None, text="four")) == 4
    extracted = Extracted(
        Identity("a.wav", "", "a", "0", 1, {}, is_record=False),
        Extraction("audio/wav", "", (unit, unit)),
    )
    assert extracted.n_work == 6_000
    assert extracted.n_held_bytes >= 2 * unit.sound.nbytes  # type: ignore[union-attr]
