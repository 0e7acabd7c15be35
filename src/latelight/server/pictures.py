"""Pictures that were drawn, kept as bytes for who looks again."""

import io
import threading
from collections import OrderedDict
from collections.abc import Callable, Hashable

from PIL import Image

MOST_BYTES = 64 << 20


class PictureCache:
    """The pictures that were asked for last, up to so many bytes."""

    def __init__(self, most_bytes: int = MOST_BYTES) -> None:
        """Begin with none."""
        self._most = most_bytes
        self._mutex = threading.Lock()
        self._kept: OrderedDict[Hashable, bytes] = OrderedDict()
        self._n_bytes = 0

    def get(self, key: Hashable, draw: Callable[[], bytes]) -> bytes:
        """Return a picture, drawn when it is not kept."""
        with self._mutex:
            if key in self._kept:
                self._kept.move_to_end(key)
                return self._kept[key]
        drawn = draw()
        with self._mutex:
            if key not in self._kept and len(drawn) <= self._most // 4:
                self._kept[key] = drawn
                self._n_bytes += len(drawn)
            while self._n_bytes > self._most:
                _, gone = self._kept.popitem(last=False)
                self._n_bytes -= len(gone)
        return drawn


def as_png(picture: Image.Image, width: int) -> bytes:
    """Return a picture as PNG, at most so wide."""
    if picture.width > width:
        height = max(round(picture.height * width / picture.width), 1)
        picture = picture.resize((width, height), Image.Resampling.LANCZOS)
    buffer = io.BytesIO()
    picture.save(buffer, "PNG", compress_level=3)
    return buffer.getvalue()
