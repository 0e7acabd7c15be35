"""Video -> the frames worth a unit: one for each scene, near-duplicates merged, a cap a minute."""

from collections import deque
from collections.abc import Callable, Iterator
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
NEW_COLOURS = 0.25  # histograms this far apart are another scene: a cut, or a long pan
NEW_PIXELS = 0.008  # share of pixels: on a picture at rest, other words on the same slide
SAME_PIXELS = 0.02  # fewer are other ones on a picture that was shown before and comes back
TITLE_PIXELS = 0.02  # new ones that rest while others move: letters upon a film
STILL_PIXELS = 0.004  # two samples that differ by less show no movement
LEAST_LETTERS = 4  # fewer on a whole frame are no words
N_REMEMBERED = 300  # different frames among which one that comes back is looked for
PATIENCE_S = 1.5  # how long a moving scene is waited for to settle
BLANK = 6.0  # standard deviation of grey levels under which a frame shows nothing
_BINS = 16
_CHANGED = 28  # levels by which a pixel must change to count
_RESTING = 6  # levels by which a pixel that rests may change
PARAMETERS = {
    "samples_per_second": SAMPLES_PER_SECOND,
    "new_colours": NEW_COLOURS,
    "new_pixels": NEW_PIXELS,
    "still_pixels": STILL_PIXELS,
    "same_pixels": SAME_PIXELS,
    "title_pixels": TITLE_PIXELS,
    "n_remembered": N_REMEMBERED,
    "least_letters": LEAST_LETTERS,
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
        n_left: scenes that the cap left out.
        size: width and height of the last kept frame.
    """

    duration_s: float = 0.0
    n_left: int = 0
    size: tuple[int, int] = (0, 0)


def watch(
    media: MediaFile,
    options: ExtractionOptions,
    viewing: Viewing,
    tell: Tell,
    is_new: Callable[[Kept], bool],
) -> None:
    """Show `is_new` the frames worth keeping, in order of time; `viewing` tells the rest.

    Frames are looked at twice a second. One is shown when it has other colours than the last one
    that was shown, once it has come to rest or has not for a while; when it is at rest with other
    pixels; or when something new rests upon a picture that moves: a title on a film. A blank one is
    shown only at the very beginning. `is_new` answers whether it keeps a frame; those that it keeps
    count against the cap. A scene that comes while the cap is reached is shown as soon as it allows
    it, if it is still there.

    Raises:
        DamagedFileError: no frame can be decoded.
        FileTooLargeError: frames are larger, or the video longer, than allowed.
    """
    chooser = _Chooser(options.frames_per_minute)
    for time, frame in _sampled(media, options, viewing):
        tell(time)
        sight = sight_of(frame)
        if chooser.wants(time, sight):
            picture = upright(frame)
            viewing.size = picture.size
            if is_new(Kept(time, picture, sight)):
                chooser.recent.append(time)
            tell(time)
        viewing.n_left = chooser.n_left


@dataclass
class _Chooser:
    """Decides which sampled frames are kept."""

    cap: int
    n_left: int = 0
    kept: Sight | None = None
    before: Sight | None = None  # the sample before this one
    since: float | None = None  # when the picture began to differ from the kept one
    is_held: bool = False  # whether the cap holds that picture back
    recent: deque[float] = field(default_factory=deque)  # times of the last minute's kept frames
    tried: deque[float] = field(default_factory=deque)  # of looks at what rests on moving pictures

    def wants(self, time: float, sight: Sight) -> bool:
        """Whether to show the next sample."""
        before, self.before = self.before, sight
        if self.kept is not None and not self._is_due(time, sight, before):
            return False
        if not _fits(self.recent, time, self.cap):
            self.n_left += not self.is_held
            self.is_held = True
            return False
        self.n_left -= self.is_held
        self.kept, self.since, self.is_held = sight, None, False
        return True

    def _is_due(self, time: float, sight: Sight, before: Sight | None) -> bool:
        assert self.kept is not None
        rests = before is not None and changed_pixels(before, sight) <= STILL_PIXELS
        has_other_colours = other_colours(self.kept, sight) > NEW_COLOURS
        is_other = has_other_colours or changed_pixels(self.kept, sight) > NEW_PIXELS
        if sight.is_blank or not is_other:
            self.since, self.is_held = None, False
            return False
        if not has_other_colours:
            return rests or self._has_title(time, sight, before)
        self.since = time if self.since is None else self.since
        return rests or time - self.since >= PATIENCE_S

    def _has_title(self, time: float, sight: Sight, before: Sight | None) -> bool:
        """Whether something new rests upon a moving picture; asked no more often than the cap."""
        if before is None or self.kept is None or not _fits(self.tried, time, self.cap):
            return False
        is_new = np.abs(sight.grey - self.kept.grey) > _CHANGED
        rests = np.abs(sight.grey - before.grey) <= _RESTING
        found = float((is_new & rests).mean()) > TITLE_PIXELS
        if found:
            self.tried.append(time)
        return found


def _fits(times: deque[float], now: float, most: int) -> bool:
    """Return whether one more fits into the last minute; forgets older times."""
    while times and times[0] <= now - 60.0:
        times.popleft()
    return len(times) < most


def other_colours(one: Sight, other: Sight) -> float:
    """Return how far two frames' histograms are apart, 0 (equal) to 1, in the worst channel."""
    return float(np.abs(one.histogram - other.histogram).sum(axis=1).max()) / 2


def changed_pixels(one: Sight, other: Sight) -> float:
    """Return the share of pixels whose grey level changed, 0 to 1."""
    return float((np.abs(one.grey - other.grey) > _CHANGED).mean())


def sight_of(frame: "VideoFrame") -> Sight:
    """Return what a decoded frame looks like."""
    reduced = frame.reformat(width=SIGHT[0], height=SIGHT[1], format="rgb24")
    small = reduced.to_ndarray().astype(np.int16)  # (height, width, 3)
    levels = (small >> 4).reshape(-1, 3)
    counts = np.stack([np.bincount(levels[:, i], minlength=_BINS) for i in range(3)])
    grey = (small @ np.array([2, 5, 1], np.int16)) >> 3
    return Sight(grey, (counts / len(levels)).astype(np.float32))


def upright(frame: "VideoFrame") -> Image.Image:
    """Return a frame as RGB, turned as the file says it was filmed."""
    picture: Image.Image = frame.to_image()  # type: ignore[no-untyped-call]
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
