"""Sound -> passages of what is said, with the time of every word."""

import math
from collections.abc import Callable, Iterator
from dataclasses import replace

from latelight.errors import EmptyFileError
from latelight.extractors.detect import detect_media_type
from latelight.extractors.kept_sound import KeptSound
from latelight.extractors.limits import check_bytes, check_characters
from latelight.extractors.media_file import MediaFile, damaged, opened_media
from latelight.extractors.media_types import AUDIO_MEDIA_TYPES
from latelight.extractors.progress import Progress, silent
from latelight.extractors.protocol import ExtractionOptions
from latelight.extractors.sound import read_sound
from latelight.extractors.speech import Recording, Transcriber, listen
from latelight.extractors.spoken import sound_parts
from latelight.extractors.timeline import in_order
from latelight.extractors.whisper import PARAMETERS, open_transcriber
from latelight.types import Extraction, ExtractorInfo, Metadata, Source

MakeTranscriber = Callable[[ExtractionOptions], Transcriber]
_SHORT_S = 2.0  # what is missing of an announced length without being worth a word


class AudioExtractor:
    """Sound: what is said in it as passages, the rest as windows without text."""

    info = ExtractorInfo(
        name="audio",
        version="1",
        media_types=AUDIO_MEDIA_TYPES,
        unit_kinds=("audio",),
        licence="Apache-2.0 AND MIT AND BSD-3-Clause AND LGPL-3.0-or-later",
        parameters=PARAMETERS,
    )

    def __init__(
        self, progress: Progress = silent, make_transcriber: MakeTranscriber = open_transcriber
    ) -> None:
        self.progress = progress
        self.make_transcriber = make_transcriber

    def extract(self, source: Source, options: ExtractionOptions) -> Extraction:
        """Return the passages `a1`, `a2`, …; sound without speech becomes windows without text.

        Raises:
            DamagedFileError: no sound can be decoded.
            EmptyFileError: the sound lasts no time.
            ExtractionError: the packages or weights for it are missing.
            FileTooLargeError: more bytes, seconds or characters than allowed.
        """
        check_bytes(source, options)
        media_type = detect_media_type(source)
        with opened_media(source.data, media_type, source.name, options) as media:
            if media.sound is None:
                raise damaged(source.name, "no sound can be decoded")
            recording = hear(media, options, self.progress, self.make_transcriber)
        if not recording.duration_s:
            raise EmptyFileError(
                f"{source.name}: its sound lasts 0 seconds, expected more; leave the file out."
            )
        text, units = in_order(sound_parts(recording, options.passage_characters))
        check_characters(source.name, len(text), options)
        return Extraction(
            media_type=media_type,
            text=text,
            units=units,
            title=media.title,
            metadata=sound_metadata(recording),
            warnings=(
                *sound_warnings(recording, options),
                *reading_warnings(media, recording.duration_s),
            ),
        )


def hear(
    media: MediaFile,
    options: ExtractionOptions,
    progress: Progress,
    make_transcriber: MakeTranscriber,
    begun_s: float = 0.0,
) -> Recording:
    """Return what an open file's sound holds; `progress` hears of seconds, after `begun_s`."""

    def tell(seconds: float) -> None:
        done = math.floor(begun_s + seconds)
        progress(done, max(math.ceil(begun_s + media.claimed_s), done))

    transcriber = make_transcriber(options) if options.speech != "never" else None
    kept = KeptSound(options.max_kept_seconds) if options.keep_sound else None
    pieces = read_sound(media, options)
    pieces = pieces if kept is None else kept.passing(pieces)
    recording = listen(pieces, transcriber, options.speech_language, tell)
    return replace(recording, kept=kept)


def sound_metadata(recording: Recording) -> Metadata:
    """Return the length, and the language where somebody speaks."""
    said = {"language": recording.language} if recording.language else {}
    return {"seconds": round(recording.duration_s, 3), **said}


def sound_warnings(recording: Recording, options: ExtractionOptions) -> tuple[str, ...]:
    """Return what is to be told of the listening."""
    return tuple(_sound_warnings(recording, options))


def _sound_warnings(recording: Recording, options: ExtractionOptions) -> Iterator[str]:
    if options.speech == "never":
        yield "What is said was not written down, because speech is 'never'."
    elif not recording.words:
        yield (
            f"No speech was found in {recording.duration_s:,.0f} seconds of sound, which is kept "
            "without words."
        )
    if recording.kept is not None and recording.duration_s > options.max_kept_seconds:
        yield (
            f"Models that listen hear the first {options.max_kept_seconds:,.0f} of "
            f"{recording.duration_s:,.0f} seconds; split the recording for the rest."
        )


def reading_warnings(media: MediaFile, seconds: float) -> tuple[str, ...]:
    """Return what could not be decoded of a file of which `seconds` were."""
    told = []
    if media.n_broken:
        told.append(f"{media.n_broken:,} damaged packets were left out.")
    if seconds < media.claimed_s - _SHORT_S and seconds < 0.95 * media.claimed_s:
        told.append(
            f"Only {seconds:,.0f} of the {media.claimed_s:,.0f} seconds that the file announces "
            "could be decoded; it may be truncated."
        )
    elif media.was_cut:
        told.append("The file ends in the middle; what came before was read.")
    return tuple(told)
