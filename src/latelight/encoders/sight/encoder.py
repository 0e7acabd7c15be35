"""The carried patch encoder: a picture to a few regions, each with rows of the text space."""

import io
import json
import threading
from collections.abc import Mapping
from dataclasses import dataclass
from importlib import resources
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime
from PIL import Image

from latelight.encoders.sight.colours import name_colours
from latelight.encoders.sight.picture import Fitted, fit
from latelight.encoders.sight.regions import Cells, Found, find_regions
from latelight.encoders.sight.vocabulary import ATTRIBUTES, CHARTS, KINDS
from latelight.errors import DigestMismatchError, ModelError, WeightsNotFoundError
from latelight.types import Box, Float32Array
from latelight.weights import sha256_of

CARD = "latelight-sight.json"
DIM = 128
MOST_ROWS = 6
_SECOND_KIND = 0.25  # likely enough for a row of its own
_COLOURED = frozenset((*CHARTS, "map", "logo", "drawing", "flow chart", "diagram", "stamp"))
_TRENDS = ("rising", "falling", "flat")
_TELLING = ("donut", "horizontal bars", "time axis", "three-dimensional", "several series")


@dataclass(frozen=True)
class Region:
    """Something that is seen on a page or picture.

    Attributes:
        kind: one of the vocabulary's kinds, such as "line chart".
        box: where, in fractions of the picture.
        confidence: 0 to 1.
        attributes: what it has, such as "rising" or "legend".
        colours: names of its colours, the commonest first.
        rows: (n_rows, 128) float32, normalised, at most 6: what it is, in the text encoder's space.
        names: (n_rows) which concept each row stands for.
    """

    kind: str
    box: Box
    confidence: float
    attributes: tuple[str, ...]
    colours: tuple[str, ...]
    rows: Float32Array  # (n_rows, 128)
    names: tuple[str, ...]

    @property
    def description(self) -> str:
        """The region in words: "line chart, rising, legend, blue"."""
        return ", ".join((self.kind, *self.attributes, *self.colours))


class PatchEncoder:
    """Finds charts, tables, photographs and other figures, and gives them rows of the text space.

    Weights are part of this package: a small convolutional network and a table of rows of the
    default text encoder. The constructor is cheap; one instance may be used from several threads.
    """

    name = "latelight-sight"
    dim = DIM

    def __init__(self, directory: Path | None = None, *, n_threads: int = 1) -> None:
        """Take the folder that holds the card and its files; None for those of this package."""
        self._directory = directory
        self._n_threads = n_threads
        self._lock = threading.Lock()
        self._parts: _Parts | None = None

    @property
    def weights(self) -> Mapping[str, str]:
        """The sha256 of each file, by name; known without loading."""
        return {name: str(part["sha256"]) for name, part in self._card()["files"].items()}

    def load(self) -> None:
        """Read and check the weights; later calls do nothing.

        Raises:
            WeightsNotFoundError: a file is missing.
            DigestMismatchError: a file is not the recorded one.
            ModelError: the card speaks of other kinds or attributes than this version.
        """
        self._loaded()

    def rows(self) -> Mapping[str, Float32Array]:
        """Return the rows (n_rows, 128) of every concept by its name, float32 and normalised."""
        return self._loaded().rows

    def look(self, image: Image.Image) -> tuple[Region, ...]:
        """Return what is seen in a picture or a page's picture, the surest first; at most 8.

        Raises:
            InputError: the picture is smaller than 16 pixels or too thin to show anything.
        """
        parts = self._loaded()
        fitted = fit(image)
        found = find_regions(parts.cells(fitted), fitted.width, fitted.height)
        return tuple(parts.region(one, fitted) for one in found)

    def _folder(self) -> Path:
        if self._directory is not None:
            return self._directory
        return Path(str(resources.files("latelight.encoders").joinpath("heads")))

    def _card(self) -> dict[str, Any]:
        path = self._folder() / CARD
        if not path.is_file():
            raise WeightsNotFoundError(
                f"No {CARD} in {self._folder()}; expected the patch encoder's card and files. "
                "Install latelight again, or name a folder that training/sight/export.py wrote."
            )
        card: dict[str, Any] = json.loads(path.read_text())
        return card

    def _loaded(self) -> "_Parts":
        with self._lock:
            if self._parts is None:
                self._parts = _open(self._folder(), self._card(), self._n_threads)
            return self._parts


class _Parts:
    """The loaded network and the table of rows."""

    def __init__(
        self, session: Any, rows: Mapping[str, Float32Array], unsure: frozenset[str]
    ) -> None:
        self._session = session
        self.rows = rows
        self._unsure = unsure

    def cells(self, fitted: Fitted) -> Cells:
        """Return what the network says of a frame."""
        outputs = self._session.run(None, {"pixels": fitted.pixels[None]})
        kinds, attributes, distances = (np.asarray(one[0], np.float32) for one in outputs)
        return Cells(kinds, attributes, distances)

    def region(self, found: Found, fitted: Fitted) -> Region:
        """Return a found thing with its colours and rows."""
        colours = _colours(found, fitted)
        attributes = tuple(name for name in found.attributes if name not in self._unsure)
        names = _concepts(found, attributes, colours)
        rows, of = [], []
        for name in names:
            for row in self.rows.get(name, ()):
                rows.append(row)
                of.append(name)
        return Region(
            found.kind,
            Box(*fitted.to_fractions(found.box)),
            found.confidence,
            attributes,
            colours,
            np.stack(rows[:MOST_ROWS]),
            tuple(of[:MOST_ROWS]),
        )


def _colours(found: Found, fitted: Fitted) -> tuple[str, ...]:
    if found.kind not in _COLOURED:
        return ()
    left, top, right, bottom = (round(side) for side in found.box)
    return name_colours(fitted.pixels[top : max(top + 1, bottom), left : max(left + 1, right)])


def _concepts(found: Found, attributes: tuple[str, ...], colours: tuple[str, ...]) -> list[str]:
    """Return the concepts whose rows a region gets, the most telling first."""
    names = [found.kind]
    names += [name for name in _TRENDS if name in attributes][:1]
    names += colours[:1]
    others = sorted(range(len(KINDS)), key=lambda i: -found.kind_probabilities[i])
    second = next(i for i in others if KINDS[i] != found.kind)
    if found.kind_probabilities[second] >= _SECOND_KIND:
        names.append(KINDS[second])
    return names + [name for name in _TELLING if name in attributes]


def _open(folder: Path, card: Mapping[str, Any], n_threads: int) -> _Parts:
    if tuple(card["kinds"]) != KINDS or tuple(card["attributes"]) != ATTRIBUTES:
        raise ModelError(
            f"{folder / CARD} names {len(card['kinds'])} kinds and {len(card['attributes'])} "
            f"attributes; expected the {len(KINDS)} and {len(ATTRIBUTES)} of this version, in "
            "order. Use weights that were exported with it."
        )
    files = {part["role"]: folder / name for name, part in card["files"].items()}
    for name, part in card["files"].items():
        _check(folder / name, str(part["sha256"]))
    with np.load(io.BytesIO(files["rows"].read_bytes()), allow_pickle=False) as stored:
        rows = {name: np.asarray(stored[name], np.float32) for name in stored.files}
    scaled = {name: one / np.linalg.norm(one, axis=1, keepdims=True) for name, one in rows.items()}
    unsure = frozenset(card["unsure_attributes"])
    return _Parts(_session(files["network"], n_threads), scaled, unsure)


def _check(path: Path, sha256: str) -> None:
    if not path.is_file():
        raise WeightsNotFoundError(f"No {path}; the card {CARD} names it. Install latelight again.")
    found = sha256_of(path)
    if found != sha256:
        raise DigestMismatchError(
            f"{path} has sha256 {found}; expected {sha256}. Install latelight again."
        )


def _session(path: Path, n_threads: int) -> Any:
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = n_threads
    options.inter_op_num_threads = 1
    return onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
