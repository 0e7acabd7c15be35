"""Video -> the frames worth a unit: one for each scene, near-duplicates merged, a cap a minute."""

from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt
from PIL import Image

from latelight.extractors.limits import check_pixels, check_seconds
from latelight.extractors.media_file import MediaFile
from latelight.extractors.protocol import ExtractionOptions
from latelight.extractors.speech import Tell

if TYPE_CHECKING:
    from av import VideoFrame

SAMPLES_PER_SECOND = 2.0
SIGHT = (160, 90)  # width and height at which frames are compared
NEW_SCENE = 0.25  # a frame that differs by more is another one; less is the same, seen again
STILL = 0.08  # two samples that differ by less show no movement
PATIENCE_S = 1.5  # how long a moving picture is waited for to settle
BLANK = 6.0  # standard deviation of grey levels under which a frame shows nothing
_BINS = 16
_CHANGED = 28  # levels by which a pixel must change to count
_CHANGED_WEIGHT = 5.0  # a slide's words are a few hundredths of its pixels
PARAMETERS = {
    "samples_per_second": SAMPLES_PER_SECOND,
    "new_scene": NEW_SCENE,
    "still": STILL,
    "patience_s": PATIENCE_S,
}


@dataclass(frozen=True, eq=False)
class Sight:
    """What a frame looks like, small.

    Attributes:
        grey: (height, width) int16.
        histogram: (3, n_bins) float32, shares of each colour's levels.
    """

    grey: npt.NDArray[np.int16]  # (height, width)
    histogram: npt.NDArray[np.float32]  # (3, n_bins)

    @property
    def is_blank(self) -> bool:
        """Whether it shows nothing: black, white, or a fade."""
        return float(self.grey.std()) < BLANK


@dataclass(frozen=True, eq=False)
class Kept:
    """A frame that stands for a stretch of the video.

    Attributes:
        start_s: its own time.
        picture: upright, RGB.
        sight: what it looks like.
    """

    start_s: float
    picture: Image.Image
    sight: Sight


@dataclass
class Viewing:
    """What was seen of a video, known once its frames have been read.

    Attributes:
        duration_s: until the end of the last frame.
        n_scenes: how many different frames there were, those beyond the cap included.
        size: width and height of the last kept frame.
    """

    duration_s: float = 0.0
    n_scenes: int = 0
    size: tuple[int, int] = (0, 0)
    _recent: deque[float] = field(default_factory=deque)

    def may_keep(self, time: float, cap: int) -> bool:
        """Whether under `cap` frames were kept in the minute before `time`; counts this one."""
        while self._recent and self._recent[0] <= time - 60.0:
            self._recent.popleft()
        if len(self._recent) >= cap:
            return False
        self._recent.append(time)
        return True


def watch(
    media: MediaFile, options: ExtractionOptions, viewing: Viewing, tell: Tell
) -> Iterator[Kept]:
    """Yield the frames to keep, in order of time; `viewing` tells the rest afterwards.

    Frames are looked at twice a second. One is kept when it differs from the last kept one and
    the picture has come to rest, or has not for a while; a blank one only at the very beginning.
    A scene that comes while the cap is reached is kept as soon as it allows it.

    Raises:
        DamagedFileError: no frame can be decoded.
        FileTooLargeError: frames are larger, or the video longer, than allowed.
    """
    chooser = _Chooser(options.frames_per_minute, viewing)
    for time, frame in _sampled(media, options, viewing):
        tell(time)
        sight = sight_of(frame)
        if chooser.wants(time, sight):
            picture = upright(frame)
            viewing.size = picture.size
            yield Kept(time, picture, sight)
            tell(time)


@dataclass
class _Chooser:
    """Decides which sampled frames are kept."""

    cap: int
    viewing: Viewing
    last: Sight | None = None  # kept
    before: Sight | None = None  # the sample before this one
    since: float | None = None  # when the picture began to differ from the kept one

    def wants(self, time: float, sight: Sight) -> bool:
        moves = self.before is not None and difference(self.before, sight) > STILL
        self.before = sight
        if self.last is not None and (
            sight.is_blank or difference(self.last, sight) <= NEW_SCENE
        ):
            self.since = None
            return False
        if self.since is None:
            self.since = time
            self.viewing.n_scenes += 1
        if self.last is not None and moves and time - self.since < PATIENCE_S:
            return False
        if not self.viewing.may_keep(time, self.cap):
            return False
        self.last, self.since = sight, None
        return True


def difference(one: Sight, other: Sight) -> float:
    """Return how much two frames differ, 0 (equal) to 1.

    The larger of two views: half the distance between their histograms (a cut), and the weighted
    share of pixels that changed (new words on the same slide).
    """
    by_colour = float(np.abs(one.histogram - other.histogram).sum(axis=1).max()) / 2
    changed = float((np.abs(one.grey - other.grey) > _CHANGED).mean())
    return min(max(by_colour, _CHANGED_WEIGHT * changed), 1.0)


def sight_of(frame: "VideoFrame") -> Sight:
    """Return what a decoded frame looks like."""
    small = frame.reformat(width=SIGHT[0], height=SIGHT[1], format="rgb24").to_ndarray()
    levels = (small >> 4).reshape(-1, 3)
    histogram = np.stack([np.bincount(levels[:, i], minlength=_BINS) for i in range(3)])
    grey = (small.astype(np.int16) @ np.array([2, 5, 1], np.int16)) >> 3
    return Sight(grey, histogram.astype(np.float32) / len(levels))


def upright(frame: "VideoFrame") -> Image.Image:
    """Return a frame as RGB, turned as the file says it was filmed."""
    picture: Image.Image = frame.to_image()
    turn = round(frame.rotation / 90) % 4  # anticlockwise
    return picture.rotate(90 * turn, expand=True) if turn else picture


def _sampled(
    media: MediaFile, options: ExtractionOptions, viewing: Viewing
) -> Iterator[tuple[float, "VideoFrame"]]:
    """Yield the first frame of each half second; times never go back."""
    step, due, last = 1 / SAMPLES_PER_SECOND, 0.0, 0.0
    for given, frame in media.frames(media.picture):
        time = max(given, last)
        check_seconds(media.name, time, options)
        viewing.duration_s = max(viewing.duration_s, time + _lasts(media))
        last = time
        if time < due:
            continue
        due = (time // step + 1) * step
        check_pixels(media.name, (frame.width, frame.height), options)
        yield time, frame


def _lasts(media: MediaFile) -> float:
    """Return the seconds that a frame is shown, by the stream's rate where that is plausible."""
    rate = float(media.picture.average_rate or 0)
    return 1 / rate if 1 <= rate <= 240 else 0.04
