"""Is speech written down right, and are its words where they are said?

    python benchmarks/speech.py --data ../shared/data

Word error rate on the recordings with human transcripts; then the numbered LJ Speech clips joined
to one recording, in which each clip's place is known: are its words found there, and does a search
for its words point there? Last, what is heard in environmental sounds, where nobody speaks.
"""

import argparse
import json
import re
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher
from pathlib import Path

import numpy as np

import latelight
from latelight.explain.words import is_telling
from latelight.extractors.detect import detect_media_type
from latelight.extractors.media_file import opened_media
from latelight.extractors.protocol import ExtractionOptions
from latelight.extractors.registry import extract
from latelight.extractors.sound import RATE, read_sound
from latelight.testing.media import wav_bytes
from latelight.types import Extraction, Float32Array, Source

OPTIONS = ExtractionOptions(speech_threads=2)
TOLERANCE_S = 0.5
QUERY_WORDS = 8


@dataclass(frozen=True)
class Clip:
    """A recording with what a person heard in it."""

    name: str
    path: Path
    words: list[str]


def words_of(text: str) -> list[str]:
    return re.findall(r"[a-z0-9']+", text.lower())


def read_clips(folder: Path) -> list[Clip]:
    rows = [json.loads(line) for line in (folder / "corpus.jsonl").open(encoding="utf-8")]
    return [Clip(row["_id"], folder / row["audio"], words_of(row["text"])) for row in rows]


def n_errors(expected: Sequence[str], found: Sequence[str]) -> int:
    """Return the least number of words to change, add and leave out (Levenshtein)."""
    row = np.arange(len(found) + 1)
    for i, word in enumerate(expected, 1):
        swapped = row[:-1] + np.array([word != other for other in found], np.int64)
        best = np.minimum(swapped, row[1:] + 1)
        row = np.concatenate([[i], best])
        row = np.minimum.accumulate(row - np.arange(len(row))) + np.arange(len(row))
    return int(row[-1])


def listen(source: Source) -> tuple[Extraction, float]:
    """Return what was extracted, and the CPU seconds that it took."""
    began = time.process_time()
    return extract(source, OPTIONS), time.process_time() - began


def error_rate(clips: Sequence[Clip]) -> None:
    errors = words = 0
    seconds = cpu = 0.0
    for clip in clips:
        found, took = listen(Source(clip.path.name, clip.path.read_bytes()))
        wrong = n_errors(clip.words, words_of(found.text))
        errors, words = errors + wrong, words + len(clip.words)
        seconds, cpu = seconds + float(found.metadata["seconds"]), cpu + took
        if wrong:
            print(f"  {clip.name}: {wrong} of {len(clip.words)}: {found.text!r}")
    print(
        f"word error rate {errors / words:.4f} ({errors} of {words} words, {len(clips)} clips), "
        f"{cpu / seconds:.3f} CPU-s per second of sound ({seconds:.0f} s)"
    )


def samples_of(path: Path) -> Float32Array:
    data = path.read_bytes()
    media_type = detect_media_type(Source(path.name, data))
    with opened_media(data, media_type, path.name, OPTIONS) as media:
        return np.concatenate([piece.samples for piece in read_sound(media, OPTIONS)])


def spoken_words(found: Extraction) -> Iterator[tuple[str, float, float]]:
    for unit in found.units:
        if unit.spoken is not None:
            for (start, stop), (begin, end) in zip(
                unit.spoken.spans.tolist(), unit.spoken.times.tolist(), strict=True
            ):
                for word in words_of(unit.text[start:stop]):
                    yield word, begin, end


def places(clips: Sequence[Clip]) -> None:
    """Tell how many words of the joined recording lie in the clip that says them."""
    parts = [samples_of(clip.path) for clip in clips]
    ends = np.cumsum([len(part) for part in parts]) / RATE
    joined = wav_bytes(np.concatenate(parts))
    found, took = listen(Source("joined.wav", joined))
    expected = [(word, number) for number, clip in enumerate(clips) for word in clip.words]
    heard = list(spoken_words(found))
    match = SequenceMatcher(None, [w for w, _ in expected], [w for w, _, _ in heard], False)
    off = []
    for block in match.get_matching_blocks():
        for i in range(block.size):
            number = expected[block.a + i][1]
            _, begin, end = heard[block.b + i]
            early = (float(ends[number - 1]) if number else 0.0) - begin
            off.append(max(early, end - float(ends[number]), 0.0))
    right = np.mean([value <= TOLERANCE_S for value in off])
    wrong = n_errors([w for w, _ in expected], [w for w, _, _ in heard])
    print(
        f"joined: {ends[-1]:.0f} s in {len(found.units)} passages, word error rate "
        f"{wrong / len(expected):.4f}, {took / ends[-1]:.3f} CPU-s a second; {len(off)} words "
        f"matched, {right:.4f} within {TOLERANCE_S} s of their clip (worst {max(off):.2f} s)"
    )
    search(clips, ends, joined)


def search(clips: Sequence[Clip], ends: np.ndarray, joined: bytes) -> None:
    """Tell how often a search for a clip's first words points into the clip."""
    with tempfile.TemporaryDirectory() as folder:
        recordings = latelight.open(folder).collection("recordings", create=True)
        recordings.add(joined, name="joined.wav")
        for mode in ("bm25", "maxsim", "hybrid"):
            hits = n_places = n_right = 0
            for number, clip in enumerate(clips):
                begin = (float(ends[number - 1]) if number else 0.0) - TOLERANCE_S
                end = float(ends[number]) + TOLERANCE_S
                query = " ".join(clip.words[:QUERY_WORDS])
                hit = recordings.search(query, k=1, mode=mode, explain=True)[0]
                time_range = hit.unit.locator.time
                hits += time_range.start_s < end and begin < time_range.end_s
                for one in hit.evidence:
                    if is_telling(one) and one.part != "document" and one.locator.time:
                        n_places += 1
                        place = one.locator.time
                        n_right += begin <= place.start_s and place.end_s <= end
            print(
                f"  {mode}: {hits} of {len(clips)} queries find their clip's passage; "
                f"{n_right / n_places:.3f} of {n_places} winning words lie in the clip"
            )


def silence(folder: Path) -> None:
    """Tell in how many sounds words were heard although nobody speaks."""
    paths = sorted((folder / "audio").iterdir())
    heard = {}
    cpu = 0.0
    for path in paths:
        found, took = listen(Source(path.name, path.read_bytes()))
        cpu += took
        if found.text:
            heard[path.name] = found.text
    print(
        f"without speech: {len(paths) - len(heard)} of {len(paths)} kept without words, "
        f"{cpu:.1f} CPU-s"
    )
    for name, text in heard.items():
        print(f"  {name}: {text!r}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--limit", type=int, default=None, help="clips and sounds at most")
    given = parser.parse_args()
    clips = read_clips(given.data / "audio" / "speech")[: given.limit]
    error_rate(clips)
    places([clip for clip in clips if clip.name.startswith("LJ001")])
    silence(given.data / "audio" / "esc10-fold1")


if __name__ == "__main__":
    main()
