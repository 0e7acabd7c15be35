"""Late interaction with a model that looks at pictures: the encoder, apart from any family."""

import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from functools import partial
from itertools import islice
from typing import Any

import numpy as np
from PIL import Image

from latelight.encoders.protocol import Progress, no_progress
from latelight.encoders.torch_runtime import Replica, Runner, cpu_threads
from latelight.encoders.vision.geometry import PATCH, THUMBNAIL
from latelight.encoders.vision.hearing import Listen, SoundPiece, pieces_of, pieces_of_unit
from latelight.encoders.vision.inputs import Prepared, collate, rows_of, text_input
from latelight.encoders.vision.pictures import open_picture
from latelight.encoders.vision.rendering import TextTemplate
from latelight.encoders.windows import cut_windows
from latelight.errors import ModelError
from latelight.types import (
    EncoderInfo,
    Float32Array,
    MultiVector,
    QueryToken,
    QueryVectors,
    RowLocators,
    Unit,
)

CHUNK = 64
"""Inputs that are prepared ahead: their pixels lie in memory at the same time."""


@dataclass(frozen=True, eq=False)
class PatchProbe:
    """How the self-test finds what belongs to an image row inside a model.

    Attributes:
        pixels: an input to (n_image_rows, n) float: the pixels that each image row is made of.
        module: name of the module that embeds patches.
        embedded: that module's output for one input, and the input, to (n_image_rows, m) float.
    """

    pixels: Callable[[Prepared], Any]
    module: str
    embedded: Callable[[Any, Prepared], Any]


@dataclass(frozen=True, eq=False)
class VisualParts:
    """What loading a family's checkpoint makes.

    Attributes:
        picture: a picture to the model's input.
        query: what goes around a query.
        forward: the model and a batch to (batch, longest, dim), of length 1 or not.
        runner: the copies of the model.
        pad_id: token of the padding.
        pads_left: whether the padding is in front.
        weights: sha256 by file.
        rendering: what else shapes vectors.
        document: what goes around a text that is a document; None where the model reads none.
        window: most tokens of such a text that are read together.
        sound: 16 kHz samples (n,) float32 and the second at which they begin, to an input.
        most_samples: longer sound is cut into pieces of this many.
        video: frames, seconds between them and the second of the first, to an input.
        probe: for the self-test.
        dtype: of the weights.
    """

    picture: Callable[[Image.Image], Prepared]
    query: TextTemplate
    forward: Callable[[Any, Mapping[str, Any]], Any]
    runner: Runner[Any]
    pad_id: int
    pads_left: bool
    weights: Mapping[str, str]
    rendering: Mapping[str, str]
    document: TextTemplate | None = None
    window: int = 2_048
    sound: Listen | None = None
    most_samples: int = 480_000
    video: Callable[[Sequence[Image.Image], float, float], Prepared] | None = None
    probe: PatchProbe | None = None
    dtype: str = "float32"


@dataclass(frozen=True, eq=False)
class _Work:
    """A piece of a unit to encode: its picture, a stretch of its sound, a window of its text."""

    unit: int
    make: Callable[[], tuple[Prepared, Any]]  # the input and its spans, None without characters


@dataclass(frozen=True, eq=False)
class _Done:
    rows: Float32Array
    given: Prepared
    spans: Any = field(default=None)


class VisualEncoder:
    """An `Encoder` of pages, pictures and frames, and of whatever else its family can.

    `info.weights` may be empty, and `info.rendering` lacks what the files of the processor say,
    until `load` has read them.
    """

    def __init__(
        self,
        info: EncoderInfo,
        open_parts: Callable[[], VisualParts],
        *,
        n_threads: int = 0,
        is_published: bool = False,
    ) -> None:
        self._info = info
        self._open_parts = open_parts
        self._n_threads = n_threads
        self._parts: VisualParts | None = None
        self._lock = threading.Lock()
        # They last as long as the encoder: each keeps its own copy of the processor.
        self._preparers = ThreadPoolExecutor(n_threads or None, thread_name_prefix="pictures")
        self.is_published = is_published

    @property
    def info(self) -> EncoderInfo:
        """Name, geometry and provenance; all of it once loaded."""
        return self._info

    def load(self) -> None:
        """Read and check the weights; later calls do nothing.

        Raises:
            WeightsNotFoundError: a file or a library is missing.
            ModelError: the weights are not complete, or not those of the architecture.
        """
        self.loaded()

    def loaded(self) -> VisualParts:
        """Return the loaded parts."""
        with self._lock:
            if self._parts is None:
                self._parts = self._open_parts()
                self._info = replace(
                    self._info,
                    weights=dict(self._parts.weights),
                    rendering={**self._info.rendering, **self._parts.rendering},
                )
            return self._parts

    # -- queries -------------------------------------------------------------------------------

    def encode_query(self, text: str) -> QueryVectors:
        """Return the rows of a query: vectors (n_query_tokens, dim) float32, normalised.

        Raises:
            QueryError: `text` holds no token.
        """
        return self.encode_queries([text])[0]

    def encode_queries(self, texts: Sequence[str]) -> list[QueryVectors]:
        """Return the rows of each query, in order.

        Raises:
            QueryError: a text holds no token.
        """
        template = self.loaded().query
        rendered = [template.render(text, self._info.max_query_tokens) for text in texts]
        rows = self.rows([text_input(one.ids) for one in rendered], together=False)
        return [QueryVectors(v, one.tokens) for v, one in zip(rows, rendered, strict=True)]

    def encode_image_query(self, image: bytes) -> QueryVectors:
        """Return a picture's rows as those of a query, patches by number.

        Args:
            image: encoded as PNG, JPEG, WebP, GIF, BMP or TIFF.

        Raises:
            DamagedFileError: it cannot be decoded.
            FileTooLargeError: it has too many pixels.
        """
        given = self.loaded().picture(open_picture(image, "the query"))
        tokens = tuple(_patch_token(i, int(role)) for i, role in enumerate(given.places.roles))
        return QueryVectors(self.rows([given])[0], tokens)

    # -- documents -----------------------------------------------------------------------------

    def encode_documents(
        self, units: Sequence[Unit], *, progress: Progress = no_progress
    ) -> list[MultiVector]:
        """Return one multi-vector per unit, in order.

        A unit with a picture has the rows of the picture, one with sound those of the sound where
        the model listens: 0 for less than a tenth of a second. Others have those of their text
        where the model reads texts as documents, else 0 rows.

        Raises:
            DamagedFileError: a picture cannot be decoded.
            FileTooLargeError: a picture has too many pixels.
        """
        works = [work for i, unit in enumerate(units) for work in self._works(i, unit)]
        progress(len(units) - len({work.unit for work in works}))
        found: list[list[_Done]] = [[] for _ in units]
        left = np.bincount([work.unit for work in works], minlength=len(units))
        for chunk, prepared in self._ahead(works):
            rows = self.rows([one for one, _ in prepared])
            for work, (given, spans), own in zip(chunk, prepared, rows, strict=True):
                found[work.unit].append(_Done(own, given, spans))
                left[work.unit] -= 1
                if not left[work.unit]:
                    progress(1)
        return [self._join(done) for done in found]

    def _works(self, number: int, unit: Unit) -> list[_Work]:
        parts = self.loaded()
        if unit.image is not None:
            return [_Work(number, partial(_pictured, parts, unit.image, f"unit {unit.unit_id}"))]
        if parts.sound is not None and unit.sound is not None:
            pieces = pieces_of_unit(unit, parts.most_samples)
            return [_Work(number, partial(_heard, parts.sound, one)) for one in pieces]
        if parts.document is None or not unit.text.strip():
            return []
        return [_Work(number, partial(_as_it_is, one)) for one in _windows(parts, unit.text)]

    def _ahead(
        self, works: Sequence[_Work]
    ) -> Iterator[tuple[list[_Work], list[tuple[Prepared, Any]]]]:
        """Yield chunks of work with their inputs; the next chunk is prepared meanwhile."""
        rest = iter(works)
        chunk = list(islice(rest, CHUNK))
        coming = [self._preparers.submit(work.make) for work in chunk]
        try:
            while chunk:
                here, ready = chunk, [future.result() for future in coming]
                chunk = list(islice(rest, CHUNK))
                coming = [self._preparers.submit(work.make) for work in chunk]
                yield here, ready
        finally:
            for future in coming:
                future.cancel()

    def _join(self, done: Sequence[_Done]) -> MultiVector:
        if not done:
            nothing = np.zeros((0, self._info.dim), np.float32)
            return MultiVector(nothing, RowLocators(boxes=np.zeros((0, 4), np.float32)))
        vectors = np.concatenate([one.rows for one in done])
        boxes = np.concatenate([one.given.places.boxes for one in done])
        spans = [one.spans for one in done if one.spans is not None]
        times = [one.given.places.times for one in done]
        return MultiVector(
            vectors,
            RowLocators(
                np.concatenate(spans) if spans else None,
                boxes,
                np.concatenate([t for t in times if t is not None])
                if times[0] is not None
                else None,
            ),
        )

    # -- sound and video -----------------------------------------------------------------------

    def encode_sound(
        self, samples: Float32Array, rate: int, *, start_s: float = 0.0
    ) -> MultiVector:
        """Return the rows of a piece of sound, each with the seconds that it stands for.

        Args:
            samples: (n_samples,) float32, one channel, -1 to 1.
            rate: samples a second; the model wants 16,000.
            start_s: the second of the recording at which it begins.

        Raises:
            ModelError: the model does not listen, or wants another rate.

        Less than a tenth of a second has no rows.
        """
        parts = self.loaded()
        if parts.sound is None or rate != 16_000:
            raise ModelError(
                f"{self._info.name} got sound of {rate:,} samples a second; expected a model that "
                "listens (ColQwen-Omni) and 16,000. Resample it, or use such a model."
            )
        pieces = pieces_of(samples, parts.most_samples, start_s)
        return self._all([one.prepared(parts.sound) for one in pieces])

    def encode_video(
        self, frames: Sequence[Image.Image], seconds_apart: float, *, start_s: float = 0.0
    ) -> MultiVector:
        """Return the rows of consecutive frames, each with its box on the frame and its seconds.

        Args:
            frames: of one size.
            seconds_apart: time from one to the next.
            start_s: the second of the recording that the first one shows.

        Raises:
            ModelError: the model does not watch videos.
        """
        parts = self.loaded()
        if parts.video is None:
            raise ModelError(
                f"{self._info.name} takes no video; expected a model that does (ColQwen-Omni). "
                "Give its frames as pictures."
            )
        return self._all([parts.video(frames, seconds_apart, start_s)])

    def _all(self, pieces: Sequence[Prepared]) -> MultiVector:
        rows = self.rows(pieces)
        return self._join([_Done(own, one) for own, one in zip(rows, pieces, strict=True)])

    # -- running -------------------------------------------------------------------------------

    def rows(self, inputs: Sequence[Prepared], *, together: bool = True) -> list[Float32Array]:
        """Return the rows of each input: (n_tokens, dim) float32, of length 1.

        Args:
            inputs: prepared by the loaded parts.
            together: whether they may share batches; alone, they have the very same numbers again.
        """
        parts = self.loaded()
        found: list[Float32Array] = [np.zeros((0, 0), np.float32)] * len(inputs)
        groups = _alike(inputs) if together else [[i] for i in range(len(inputs))]
        for group in groups:
            mine = [inputs[i] for i in group]
            lengths = [one.n_tokens for one in mine]
            for numbers, rows in parts.runner.run(lengths, partial(self._run, mine)):
                for number, own in zip(numbers, rows, strict=True):
                    found[group[number]] = own
        return found

    def _run(
        self, inputs: Sequence[Prepared], replica: Replica[Any], numbers: Sequence[int]
    ) -> list[Float32Array]:
        import torch

        parts = self.loaded()
        batch = collate([inputs[i] for i in numbers], parts.pad_id, pads_left=parts.pads_left)
        dtype = getattr(torch, parts.dtype)
        placed = {
            name: value.to(replica.device, dtype if value.is_floating_point() else None)
            for name, value in batch.items()
        }
        with torch.inference_mode(), cpu_threads(self._n_threads):
            embeddings = parts.forward(replica.model, placed)
            return rows_of(embeddings, placed["attention_mask"], self._info.name)


def _pictured(parts: VisualParts, image: bytes, name: str) -> tuple[Prepared, Any]:
    return parts.picture(open_picture(image, name)), None


def _heard(listen: Listen, piece: SoundPiece) -> tuple[Prepared, Any]:
    return piece.prepared(listen), None


def _as_it_is(ready: tuple[Prepared, Any]) -> tuple[Prepared, Any]:
    return ready


def _windows(parts: VisualParts, text: str) -> list[tuple[Prepared, Any]]:
    """Return a document's text as inputs of at most one window each, with their spans."""
    template = parts.document
    assert template is not None
    whole = template.render(text, len(text) + 1)
    first, last = len(template.before), len(whole.ids) - len(template.after)
    found = []
    for window in cut_windows(text, whole.spans[first:last], parts.window):
        own = slice(first + window.start, first + window.end)
        ids = np.concatenate([template.before, whole.ids[own], template.after])
        spans = np.full((len(ids), 2), -1, np.int32)
        spans[first : first + window.end - window.start] = whole.spans[own]
        found.append((text_input(ids), spans))
    return found


def _alike(inputs: Sequence[Prepared]) -> list[list[int]]:
    """Return the numbers of inputs that may share a batch: those with the same tensors."""
    groups: dict[tuple[str, ...], list[int]] = {}
    for number, one in enumerate(inputs):
        groups.setdefault(tuple(sorted(one.tensors)), []).append(number)
    return list(groups.values())


def _patch_token(number: int, role: int) -> QueryToken:
    if role == PATCH:
        return QueryToken(f"patch {number}", None, "patch")
    if role == THUMBNAIL:
        return QueryToken(f"thumbnail {number}", None, "patch")
    return QueryToken(f"marker {number}", None, "marker")
