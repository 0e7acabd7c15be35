"""Parts of a recording with their times -> units and the document's text, in order of time."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Literal

from latelight.types import CharSpan, Int16Array, Locator, TimeRange, Unit, WordBoxes, WordTimes

_BREAK = "\n"


@dataclass(frozen=True)
class Part:
    """A passage of speech, a stretch of sound, or a frame.

    Attributes:
        kind: of its unit.
        time: from the recording's beginning.
        text: said or shown, possibly nothing.
        words: boxes of a frame's words.
        spoken: times of a passage's words.
        image: the encoded frame, for encoders that look at it.
        again: later times at which the same frame is shown.
        sound: (n_samples,) int16, for encoders that listen; see `Unit.sound`.
    """

    kind: Literal["audio", "frame"]
    time: TimeRange
    text: str = ""
    words: WordBoxes | None = field(default=None, compare=False, repr=False)
    spoken: WordTimes | None = field(default=None, compare=False, repr=False)
    image: bytes | None = field(default=None, compare=False, repr=False)
    again: tuple[TimeRange, ...] = ()
    sound: Int16Array | None = field(default=None, compare=False, repr=False)


def in_order(parts: Iterable[Part]) -> tuple[str, tuple[Unit, ...]]:
    """Return the text of all parts and their units: `f1`, `f2`, … and `a1`, `a2`, …

    Parts come by the time at which they begin, frames before the sound that begins with them.
    """
    text, units = "", []
    numbers = {"audio": 0, "frame": 0}
    for part in sorted(parts, key=lambda one: (one.time.start_s, one.kind == "audio")):
        numbers[part.kind] += 1
        text += _BREAK if text and part.text else ""
        span = CharSpan(len(text), len(text) + len(part.text))
        units.append(
            Unit(
                unit_id=f"{part.kind[0]}{numbers[part.kind]}",
                kind=part.kind,
                locator=Locator(span=span, time=part.time, again=part.again),
                text=part.text,
                words=part.words,
                spoken=part.spoken,
                image=part.image,
                sound=part.sound,
            )
        )
        text += part.text
    return text, tuple(units)
