"""RapidOCR as two steps: where lines stand on a picture, and what they say.

The engine is loaded at the first picture and kept for the life of the process.
"""

import os
import warnings
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cache
from statistics import median
from threading import Lock
from typing import Any

import numpy as np
import numpy.typing as npt
from PIL import Image

from latelight.errors import ExtractionError, SettingError
from latelight.extractors.ocr_models import OcrChoice, recognition_settings

Pixels = npt.NDArray[np.uint8]  # (height, width, BGR)
Quads = npt.NDArray[np.float32]  # (n, 4, 2): corners from the top left clockwise
Quad = Sequence[Sequence[float]]

_MIN_SIDE = 3.0  # of a line
_TALL = 1.5  # the engine turns lines that are so much higher than wide, and so do we
_MIN_SCORE = 0.5
_SETTINGS: dict[str, Any] = {
    "Global.log_level": "critical",
    "Global.return_word_box": True,
    # The classifier of upside-down lines turns long upright ones; whole pages are turned instead.
    "Global.use_cls": False,
}
_NOTHING = np.full((48, 96, 3), 255, np.uint8)
_THREADS = "EngineConfig.onnxruntime.intra_op_num_threads"


@dataclass(frozen=True)
class Line:
    """A line as read: its text, the model's mean certainty, its corners and its words."""

    text: str
    score: float
    corners: Quad
    words: Sequence[tuple[str, Quad]]


@dataclass(frozen=True)
class Layout:
    """The lines that the detector found on a picture, not yet read."""

    quads: Quads

    @property
    def is_on_its_side(self) -> bool:
        """Whether most of the lines' length runs up or down the picture."""
        across, down = self._sides()
        tall = down >= _TALL * across
        wide = across >= _TALL * down
        return bool(down[tall].sum() > across[wide].sum())

    @property
    def slope(self) -> float:
        """Radians by which the long lines fall to the right: a scan's skew."""
        across, down = self._sides()
        steps = self.quads[:, 1] - self.quads[:, 0]  # (n, 2)
        angles = np.arctan2(steps[:, 1], steps[:, 0])[across > 4 * down]
        return float(median(angles.tolist())) if len(angles) else 0.0

    def longest(self, count: int) -> list[int]:
        """Return the numbers of the longest lines."""
        order = np.argsort(-self._sides().max(axis=0), kind="stable")
        return [int(number) for number in order[:count]]

    def only(self, lines: Sequence[int]) -> "Layout":
        """Return these lines."""
        return Layout(self.quads[lines])

    def without(self, lines: Sequence[int]) -> "Layout":
        """Return the other lines."""
        return Layout(np.delete(self.quads, lines, axis=0))

    def _sides(self) -> npt.NDArray[np.float64]:
        """Return (2, n): lengths of the lines' upper and of their left edges."""
        upper = self.quads[:, 1] - self.quads[:, 0]
        left = self.quads[:, 3] - self.quads[:, 0]
        return np.stack([np.hypot(*upper.T), np.hypot(*left.T)]).astype(np.float64)


class OcrEngine:
    """The two models; safe to call from several threads."""

    def __init__(self, engine: Any) -> None:
        self._engine = engine
        self._lock = Lock()

    def detect(self, picture: Image.Image) -> Layout:
        """Return where lines of text stand on an RGB picture."""
        with self._lock:
            found = self._engine(_pixels(picture), use_det=True, use_cls=False, use_rec=False)
        if found.boxes is None:
            return Layout(np.empty((0, 4, 2), np.float32))
        quads = np.asarray(found.boxes, np.float32)
        layout = Layout(quads)
        return Layout(quads[layout._sides().min(axis=0) >= _MIN_SIDE])

    def read(self, picture: Image.Image, layout: Layout) -> list[Line]:
        """Return the lines that say something, in the layout's order."""
        quads = layout.quads
        if not len(quads):
            return []
        with self._lock:
            crops = self._engine.crop_text_regions(_pixels(picture), quads)
            read = self._engine.recognize_txt(crops)
            wanted = [
                i
                for i, (text, score) in enumerate(zip(read.txts, read.scores, strict=True))
                if text.strip() and score >= _MIN_SCORE
            ]
            texts = [read.txts[i] for i in wanted]
            words = self._words(read, crops, quads, wanted)
        return [
            Line(text, float(read.scores[i]), quads[i].tolist(), [(w, box) for w, _, box in found])
            for text, i, found in zip(texts, wanted, words, strict=True)
        ]

    def certainty(
        self, picture: Image.Image, layout: Layout, lines: Sequence[int]
    ) -> tuple[float, float]:
        """Return what some lines say as they stand and on their heads: characters times scores."""
        with self._lock:
            crops = self._engine.crop_text_regions(_pixels(picture), layout.quads[lines])
            turned = [np.ascontiguousarray(np.rot90(crop, 2)) for crop in crops]
            read = [self._engine.recognize_txt(some) for some in (crops, turned)]
        standing, turned_round = (
            sum(len(t.strip()) * s for t, s in zip(one.txts, one.scores, strict=True))
            for one in read
        )
        return standing, turned_round

    def _words(
        self, read: Any, crops: list[Pixels], quads: Quads, wanted: list[int]
    ) -> Sequence[Any]:
        """Return the words of the wanted lines; none where the engine cannot place them."""
        if not wanted:
            return []
        part = replace(
            read,
            txts=tuple(read.txts[i] for i in wanted),
            word_results=tuple(read.word_results[i] for i in wanted),
        )
        words = self._engine.calc_word_boxes([crops[i] for i in wanted], quads[wanted], part)
        return words if len(words) == len(wanted) else [()] * len(wanted)


@cache
def load_engine(choice: OcrChoice) -> OcrEngine:
    """Return the engine, its models loaded; kept for the process.

    Raises:
        ExtractionError: the OCR package is not installed or cannot be loaded.
        SettingError: no model of that language is at hand, or its letters are not.
    """
    n_threads = choice.n_threads or min(os.cpu_count() or 1, 4)
    try:
        settings = {**_SETTINGS, **recognition_settings(choice), _THREADS: n_threads}
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            from rapidocr import RapidOCR

            engine = RapidOCR(params=settings)
            engine.recognize_txt([_NOTHING])  # it loads its models only when it needs them
            return OcrEngine(engine)
    except SettingError:
        raise
    except Exception as error:
        raise ExtractionError(
            f"OCR cannot be loaded ({type(error).__name__}: {error}), expected the package "
            "rapidocr with its models; install rapidocr==3.10.0, or set ocr to 'never'."
        ) from error


def _pixels(picture: Image.Image) -> Pixels:
    return np.ascontiguousarray(np.asarray(picture)[:, :, ::-1])
