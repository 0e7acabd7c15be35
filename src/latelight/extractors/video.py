"""Video -> frames with the words on them, and what is said, as one document."""

import math
from collections.abc import Iterator
from dataclasses import replace

from latelight.errors import DamagedFileError
from latelight.extractors.audio import (
    MakeTranscriber,
    hear,
    reading_warnings,
    sound_metadata,
    sound_warnings,
)
from latelight.extractors.detect import detect_media_type
from latelight.extractors.frames import NEW_COLOURS, Kept, Sight, Viewing, other_colours, watch
from latelight.extractors.frames import PARAMETERS as FRAME_PARAMETERS
from latelight.extractors.limits import check_bytes, check_characters
from latelight.extractors.media_file import MediaFile, opened_media
from latelight.extractors.media_types import VIDEO_MEDIA_TYPES
from latelight.extractors.ocr import read_picture
from latelight.extractors.pictures import encoded
from latelight.extractors.progress import Progress, silent
from latelight.extractors.protocol import ExtractionOptions
from latelight.extractors.speech import Recording
from latelight.extractors.spoken import sound_parts
from latelight.extractors.timeline import Part, in_order
from latelight.extractors.whisper import PARAMETERS, open_transcriber
from latelight.types import Extraction, ExtractorInfo, Metadata, Source, TimeRange, WordBoxes


class VideoExtractor:
    """Video: a frame for each scene with its words, and the sound track's passages between them."""

    info = ExtractorInfo(
        name="video",
        version="1",
        media_types=VIDEO_MEDIA_TYPES,
        unit_kinds=("frame", "audio"),
        licence="Apache-2.0 AND MIT AND BSD-3-Clause AND LGPL-3.0-or-later",
        parameters={**PARAMETERS, **FRAME_PARAMETERS},
    )

    def __init__(
        self, progress: Progress = silent, make_transcriber: MakeTranscriber = open_transcriber
    ) -> None:
        self.progress = progress
        self.make_transcriber = make_transcriber

    def extract(self, source: Source, options: ExtractionOptions) -> Extraction:
        """Return the frames `f1`, `f2`, … and the sound `a1`, `a2`, … in order of time.

        A frame's time lasts until the next one. A file of this kind without a moving picture is
        read as sound.

        Raises:
            DamagedFileError: neither picture nor sound can be decoded.
            ExtractionError: the packages or weights for it are missing.
            FileTooLargeError: more bytes, pixels, seconds or characters than allowed.
        """
        check_bytes(source, options)
        media_type = detect_media_type(source)
        with opened_media(source.data, media_type, source.name, options) as media:
            title, viewing = media.title, Viewing()
            frames = self._frames(media, options, viewing) if media.picture is not None else []
            warnings = list(_frame_warnings(frames, viewing, options))
            warnings += reading_warnings(media, viewing.duration_s) if frames else ()
        with opened_media(source.data, media_type, source.name, options) as media:
            recording, told = self._sound(media, options, viewing)
        text, units = in_order([*frames, *sound_parts(recording, options.passage_characters)])
        check_characters(source.name, len(text), options)
        return Extraction(
            media_type=media_type,
            text=text,
            units=units,
            title=title,
            metadata=_metadata(viewing, recording),
            warnings=(*warnings, *told),
        )

    def _frames(self, media: MediaFile, options: ExtractionOptions, viewing: Viewing) -> list[Part]:
        """Return the frames to keep, each with its words, lasting until the next one."""
        total = 2 * math.ceil(media.claimed_s)

        def tell(seconds: float) -> None:
            self.progress(math.floor(seconds), max(total, math.floor(seconds)))

        parts = list(_read(watch(media, options, viewing, tell), options))
        ends = [part.time.start_s for part in parts[1:]] + [viewing.duration_s]
        return [
            replace(part, time=TimeRange(part.time.start_s, end))
            for part, end in zip(parts, ends, strict=True)
        ]

    def _sound(
        self, media: MediaFile, options: ExtractionOptions, viewing: Viewing
    ) -> tuple[Recording, tuple[str, ...]]:
        """Return what is heard, and what to tell of it; a silent film is no mistake."""
        if media.sound is None:
            return Recording(), ()
        try:
            recording = hear(
                media, options, self.progress, self.make_transcriber, viewing.duration_s
            )
        except DamagedFileError as error:
            if media.picture is None:
                raise
            return Recording(), (f"The sound was left out: {error}",)
        return recording, sound_warnings(recording, options)


def _read(frames: Iterator[Kept], options: ExtractionOptions) -> Iterator[Part]:
    """Yield frames with their words, those left out that show what the one before shows.

    Small changes may be other words on a slide, or the speaker beside it: the words tell.
    """
    before: tuple[str, Sight] | None = None
    for kept in frames:
        text, words = "", WordBoxes.empty()
        if options.ocr != "never":
            text, words = read_picture(kept.picture, options.ocr_choice)
        if before and before[0] == text and other_colours(before[1], kept.sight) <= NEW_COLOURS:
            continue
        before = text, kept.sight
        yield Part(
            kind="frame",
            time=TimeRange(kept.start_s, kept.start_s),
            text=text,
            words=words,
            image=encoded(kept.picture) if options.render_images else None,
        )


def _frame_warnings(
    frames: list[Part], viewing: Viewing, options: ExtractionOptions
) -> Iterator[str]:
    if viewing.n_left:
        yield (
            f"{viewing.n_left:,} short scenes were left out: at most {options.frames_per_minute} "
            "frames are kept in a minute; raise frames_per_minute for more."
        )
    if frames and options.ocr == "never":
        yield "No words were looked for on the frames, because ocr is 'never'."


def _metadata(viewing: Viewing, recording: Recording) -> Metadata:
    seconds = round(max(viewing.duration_s, recording.duration_s), 3)
    size = {"width": viewing.size[0], "height": viewing.size[1]} if any(viewing.size) else {}
    return {**sound_metadata(recording), "seconds": seconds, **size}
