"""A unit of a recording as a picture, made on demand: a frame as shown, a sound's spectrogram."""

from collections.abc import Iterator

import numpy as np
from PIL import Image

from latelight.errors import NotFoundError
from latelight.extractors.frames import upright
from latelight.extractors.limits import check_pixels
from latelight.extractors.media_file import opened_media
from latelight.extractors.protocol import DEFAULT_OPTIONS, ExtractionOptions
from latelight.extractors.sound import RATE, Piece, read_sound
from latelight.extractors.spectrogram import spectrogram
from latelight.types import Float32Array, TimeRange

_NAME = "original"
_SAME_S = 1e-3


def draw_frame(
    data: bytes, media_type: str, time: TimeRange, options: ExtractionOptions = DEFAULT_OPTIONS
) -> Image.Image:
    """Return the frame that a video shows at the start of `time`, upright, as RGB.

    Raises:
        ExtractionError: the file cannot be decoded.
        NotFoundError: it has no moving picture, or ends before.
    """
    with opened_media(data, media_type, _NAME, options) as media:
        if media.picture is None:
            raise NotFoundError("The file holds no moving picture; show its sound instead.")
        media.seek(time.start_s)
        for at, frame in media.frames(media.picture):
            if at >= time.start_s - _SAME_S:
                check_pixels(_NAME, (frame.width, frame.height), options)
                return upright(frame)
    raise NotFoundError(f"The video ends before {time.start_s:.3f} s; ask for an earlier time.")


def draw_sound(
    data: bytes, media_type: str, time: TimeRange, options: ExtractionOptions = DEFAULT_OPTIONS
) -> Image.Image:
    """Return the spectrogram of what is heard during `time`.

    Raises:
        ExtractionError: the file cannot be decoded.
        NotFoundError: it has no sound, or ends before.
    """
    with opened_media(data, media_type, _NAME, options) as media:
        if media.sound is None:
            raise NotFoundError("The file holds no sound; show its frames instead.")
        media.seek(time.start_s)
        samples = _samples_during(read_sound(media, options), time)
    if not len(samples):
        raise NotFoundError(f"The sound ends before {time.start_s:.3f} s; ask for an earlier time.")
    return spectrogram(samples)


def _samples_during(pieces: Iterator[Piece], time: TimeRange) -> Float32Array:
    length = max(round((time.end_s - time.start_s) * RATE), 1)
    heard, n_heard = np.zeros(length, np.float32), 0
    for piece in pieces:
        if piece.start_s >= time.end_s:
            break
        offset = round((piece.start_s - time.start_s) * RATE)
        begin, stop = max(offset, 0), min(offset + len(piece.samples), length)
        if begin < stop:
            heard[begin:stop] = piece.samples[begin - offset : stop - offset]
            n_heard = stop
    return heard[:n_heard]
