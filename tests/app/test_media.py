"""Sound and video from a file to evidence with times."""

from pathlib import Path

import numpy as np
import pytest

from latelight.app import Collection, Library
from latelight.extractors.audio import AudioExtractor
from latelight.extractors.protocol import ExtractionOptions
from latelight.extractors.sandbox import ExtractionPool
from latelight.extractors.video import VideoExtractor
from latelight.testing.files import text_picture
from latelight.testing.media import FakeTranscriber, spoken_tones, video_bytes, wav_bytes
from latelight.types import Extraction, Source

TALK = ["engine", "left", "harbour", "stop."] * 12 + ["ferry", "lamp", "stop."]
SLIDES = [text_picture(["Ferry"]), text_picture(["Harbour", "lamp"])]


@pytest.fixture
def recordings(library: Library, monkeypatch: pytest.MonkeyPatch) -> Collection:
    """A collection whose sound is understood by a fake, in this process."""

    def extract(
        pool: object, source: Source, options: ExtractionOptions, *rest: object
    ) -> Extraction:
        kind = AudioExtractor if source.name.endswith(".wav") else VideoExtractor
        return kind(make_transcriber=lambda _: FakeTranscriber()).extract(source, options)

    monkeypatch.setattr(ExtractionPool, "extract", extract)
    target = library.collection("recordings", create=True)
    target.add(wav_bytes(spoken_tones(TALK)), name="talk.wav")
    target.add(video_bytes(SLIDES, seconds_each=3), name="slides.mkv")
    return target


@pytest.mark.parametrize("mode", ["maxsim", "bm25", "hybrid"])
def test_a_spoken_word_is_found_with_the_time_when_it_is_said(
    recordings: Collection, mode: str
) -> None:
    hit = recordings.search("ferry lamp", k=3, mode=mode, explain=True)[0]  # type: ignore[arg-type]
    assert hit.document.source == "talk.wav"
    assert hit.unit.locator.time is not None
    assert hit.unit.locator.time.end_s == pytest.approx(30.4, abs=0.1)
    said = {e.token: e.locator.time for e in hit.evidence}
    begin = 48 * 0.6
    for token, start in (("ferry", begin), ("lamp", begin + 0.6)):
        time = said[token]
        assert time is not None
        assert time.start_s == pytest.approx(start, abs=0.05)
        assert time.end_s == pytest.approx(start + 0.4, abs=0.05)
    assert "[ferry] [lamp]" in hit.snippet().plain()
    assert sum(e.contribution for e in hit.evidence) == pytest.approx(hit.score, abs=1e-4)


def test_a_word_on_a_frame_is_found_with_its_box_and_lit(recordings: Collection) -> None:
    hits = recordings.search("lamp", explain=True)
    hit = next(hit for hit in hits if hit.unit.kind == "frame")
    (evidence, *_) = hit.evidence
    assert evidence.locator.box is not None
    assert evidence.locator.time == hit.unit.locator.time
    assert hit.preview().size == (420, 360)
    lit = np.asarray(hit.heatmap().image, np.int16)
    amber = lit[:, :, 0] - lit[:, :, 2] > 60
    rows = np.flatnonzero(amber[-771:].any(axis=1))  # the frame, 900 wide, under the caption
    assert len(rows)
    assert rows.mean() / 771 == pytest.approx(
        (evidence.locator.box.top + evidence.locator.box.bottom) / 2, abs=0.06
    )


def test_sound_is_lit_where_the_word_is_said(recordings: Collection) -> None:
    hit = recordings.search("lamp", k=1, mode="maxsim", explain=True)[0]
    assert hit.unit.kind == "audio"
    whole, said = hit.unit.locator.time, hit.evidence[0].locator.time
    assert whole is not None and said is not None
    lit = np.asarray(hit.heatmap().image, np.int16)
    amber = np.flatnonzero((lit[-200:, :, 0] - lit[-200:, :, 2] > 60).any(axis=0))
    middle = ((said.start_s + said.end_s) / 2 - whole.start_s) / (whole.end_s - whole.start_s)
    assert amber.mean() / lit.shape[1] == pytest.approx(middle, abs=0.03)


def test_sound_without_words_is_kept_without_rows(recordings: Collection) -> None:
    job = recordings.add(wav_bytes(np.zeros(16_000, np.float32)), name="quiet.wav")
    assert "No speech was found in 1 seconds" in job.wait().warnings[0]
    quiet = next(d for d in recordings.documents() if d.source == "quiet.wav")
    (unit,) = recordings.get(quiet.doc_id).units
    assert (unit.kind, unit.text) == ("audio", "")
    assert recordings.verify() == []
    assert all(hit.doc_id != quiet.doc_id for hit in recordings.search("ferry", k=10))
    hit = recordings.explain("ferry", quiet.doc_id)[0]
    assert hit.preview().size == (960, 240)
    assert hit.heatmap().peak == 0.0


def test_times_survive_compaction_and_a_reopened_library(
    recordings: Collection, library: Library
) -> None:
    recordings.add([{"id": "n", "text": "A ferry note without sound."}])
    recordings.compact()
    again = library.collection("recordings")
    hit = next(h for h in again.search("ferry", explain=True) if h.unit.kind == "audio")
    assert hit.evidence[0].locator.time is not None
    note = next(h for h in again.search("ferry", explain=True) if h.doc_id == "n")
    assert note.evidence[0].locator.time is None


def test_the_slides_of_a_video_are_read_by_a_worker(library: Library, tmp_path: Path) -> None:
    path = tmp_path / "slides.mkv"
    path.write_bytes(video_bytes(SLIDES, seconds_each=2))
    target = library.collection("slides", create=True)
    assert target.add(path).wait().n_added == 1
    hit = target.search("harbour lamp", k=1)[0]
    assert hit.unit.locator.time is not None
    assert hit.unit.locator.time.start_s == pytest.approx(2.0, abs=0.75)
