"""Cues -> passages with their time ranges."""

import re
from collections.abc import Iterator
from dataclasses import dataclass

from latelight.errors import DamagedFileError
from latelight.extractors.protocol import ExtractionOptions
from latelight.extractors.text import read_text
from latelight.types import CharSpan, Extraction, Locator, Source, TimeRange, Unit
from latelight_subtitles import INFO

_TIME = r"(?:(\d+):)?(\d\d):(\d\d)[,.](\d{3})"
_CUE = re.compile(rf"^{_TIME}[ \t]+-->[ \t]+{_TIME}[^\n]*\n((?:[^\n]*\S[^\n]*\n?)+)", re.MULTILINE)
_TAG = re.compile(r"<[^<>\n]{0,100}>|\{\\[^{}\n]{0,100}\}")


@dataclass(frozen=True)
class Cue:
    """What is said from one second to another."""

    start_s: float
    end_s: float
    text: str


class SubtitleExtractor:
    """Packs the cues of `seconds` into one passage."""

    info = INFO

    def __init__(self, seconds: float) -> None:
        self.seconds = seconds

    def extract(self, source: Source, options: ExtractionOptions) -> Extraction:
        """Return passages `c0`, `c1`, …; their text is what is said, a line for each cue.

        Raises:
            DamagedFileError: there are no cues.
        """
        decoded = read_text(source, options)
        cues = list(read_cues(decoded.text.replace("\r\n", "\n")))
        if not cues:
            raise DamagedFileError(
                f"{source.name}: no cue in {len(decoded.text):,} characters, expected lines like "
                "'00:00:01,000 --> 00:00:02,500'; export the subtitles again, or leave them out."
            )
        units: list[Unit] = []
        texts: list[str] = []
        start = 0
        for number, group in enumerate(grouped(cues, self.seconds)):
            texts.append("\n".join(cue.text for cue in group))
            span = CharSpan(start, start + len(texts[-1]))
            start = span.end + 1
            time = TimeRange(group[0].start_s, max(cue.end_s for cue in group))
            units.append(Unit(f"c{number}", "passage", Locator(span=span, time=time), texts[-1]))
        is_vtt = source.data.startswith(b"WEBVTT")
        return Extraction(
            media_type="text/vtt" if is_vtt else "application/x-subrip",
            text="\n".join(texts),
            units=tuple(units),
            warnings=decoded.warnings,
        )


def read_cues(text: str) -> Iterator[Cue]:
    """Yield the cues of a SubRip or WebVTT text that say something, in order."""
    for match in _CUE.finditer(text):
        *times, said = match.groups()
        words = " ".join(_TAG.sub("", said).split())
        begin, end = _seconds(times[:4]), _seconds(times[4:])
        if words and end >= begin:
            yield Cue(begin, end, words)


def grouped(cues: list[Cue], seconds: float) -> Iterator[list[Cue]]:
    """Yield runs of cues that begin within `seconds` of the first."""
    group: list[Cue] = []
    for cue in cues:
        if group and not 0 <= cue.start_s - group[0].start_s < seconds:
            yield group
            group = []
        group.append(cue)
    if group:
        yield group


def _seconds(parts: list[str | None]) -> float:
    hours, minutes, seconds, milliseconds = (int(part or 0) for part in parts)
    return 3600 * hours + 60 * minutes + seconds + milliseconds / 1000
