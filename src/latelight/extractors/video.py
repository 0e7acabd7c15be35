"""Video -> frames with the words on them, and what is said, as one document."""

import math
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, field, replace

from PIL import Image

from latelight.errors import DamagedFileError
from latelight.extractors.audio import (
    MakeTranscriber,
    hear,
    reading_warnings,
    sound_metadata,
    sound_warnings,
)
from latelight.extractors.detect import detect_media_type
from latelight.extractors.frames import (
    LEAST_LETTERS,
    N_REMEMBERED,
    NEW_COLOURS,
    SAME_PIXELS,
    Kept,
    Sight,
    Viewing,
    changed_pixels,
    other_colours,
    watch,
)
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
        version="2",
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

        A frame's time lasts until the next one; a picture that comes back is one frame with several
        times. A file of this kind without a moving picture is read as sound.

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

        scenes = _Scenes(options)
        watch(media, options, viewing, tell, scenes.is_new)
        parts, shows = scenes.parts, scenes.shows
        ends = [start for start, _ in shows[1:]] + [viewing.duration_s]
        times: list[list[TimeRange]] = [[] for _ in parts]
        for (start, number), end in zip(shows, ends, strict=True):
            times[number].append(TimeRange(start, end))
        return [
            replace(part, time=first, again=tuple(later))
            for part, (first, *later) in zip(parts, times, strict=True)
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


@dataclass(frozen=True, eq=False)
class _Look:
    """What one of the frames looks like: the one with this number."""

    number: int
    text: str
    sight: Sight


@dataclass
class _Scenes:
    """The different frames of a video, and when each is shown.

    Attributes:
        parts: the frames with their words.
        shows: (start, number of the frame), in order of time.
    """

    options: ExtractionOptions
    parts: list[Part] = field(default_factory=list)
    shows: list[tuple[float, int]] = field(default_factory=list)
    looks: deque[_Look] = field(default_factory=lambda: deque(maxlen=N_REMEMBERED))

    def is_new(self, kept: Kept) -> bool:
        """Take the next frame; whether it shows something else than the one before.

        Small changes may be other words on a slide, or the speaker beside it: the words tell. A
        picture that comes back is shown again.
        """
        text, words = _words_on(kept.picture, self.options)
        if self.looks and _goes_on(self.looks[-1], text, kept.sight):
            return False
        look = next((one for one in self.looks if _is_back(one, text, kept.sight)), None)
        if look is None:
            look = _Look(len(self.parts), text, kept.sight)
            image = _image_of(kept.picture, self.options)
            time = TimeRange(kept.start_s, kept.start_s)
            self.parts.append(Part(kind="frame", time=time, text=text, words=words, image=image))
        else:
            self.looks.remove(look)
        self.looks.append(look)  # the one on show is the last
        self.shows.append((kept.start_s, look.number))
        return True


def _image_of(picture: Image.Image, options: ExtractionOptions) -> bytes | None:
    return encoded(picture, options.image_side) if options.render_images else None


def _words_on(picture: Image.Image, options: ExtractionOptions) -> tuple[str, WordBoxes]:
    """Return the words on a frame; a letter or two are leaves and railings, taken for letters."""
    if options.ocr == "never":
        return "", WordBoxes.empty()
    text, words = read_picture(picture, options.ocr_choice)
    if sum(character.isalnum() for character in text) < LEAST_LETTERS:
        return "", WordBoxes.empty()
    return text, words


def _goes_on(look: _Look, text: str, sight: Sight) -> bool:
    return look.text == text and other_colours(look.sight, sight) <= NEW_COLOURS


def _is_back(look: _Look, text: str, sight: Sight) -> bool:
    """Whether an earlier picture is shown again: with the same words, nearly the same pixels."""
    return _goes_on(look, text, sight) and changed_pixels(look.sight, sight) <= SAME_PIXELS


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
