"""Is a model what it should be on this machine: loaded, repeatable, and how fast is it?"""

import io
import time
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from PIL import Image

from latelight.encoders import golden
from latelight.encoders.golden import GoldenRows
from latelight.encoders.protocol import Encoder, encode_queries
from latelight.errors import ModelError
from latelight.types import (
    SOUND_RATE,
    CharSpan,
    EncoderInfo,
    Float32Array,
    Locator,
    MultiVector,
    TimeRange,
    Unit,
)

TEXTS = (
    "The ferry was refitted in 2019 for 4.2 million crowns; the county paid.",
    "Short.",
    "Line one\nline two\n\nline four: a | b | c\n1 | 2 | 3",
    "The harbour master counted the boats, wrote their names down and went home. " * 12,
)
SIZES = ((224, 224), (320, 240), (180, 300), (224, 224))
PAGE = (1_024, 1_448)
NOISE = 1e-4
_MIN_SECONDS = 1.0

Float64Array = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Finding:
    """One thing looked at: what, whether it is as it should be, and what was found."""

    name: str
    ok: bool
    told: str


def check_model(encoder: Encoder, known: GoldenRows | None = None) -> list[Finding]:
    """Return what was found about an encoder; loads it and encodes some texts.

    Args:
        encoder: any.
        known: its golden rows, to be found again; None where nobody recorded any.

    Raises:
        ModelError: it cannot be loaded.
    """
    began = time.perf_counter()
    encoder.load()
    info = encoder.info
    loaded = f"{info.name} {info.version}, {info.dim} dims, {time.perf_counter() - began:.1f} s"
    return [
        Finding("load", True, loaded),
        Finding("files", bool(info.weights), f"{len(info.weights)} files hashed"),
        *([] if known is None else [_check_golden(encoder, known)]),
        *_check_queries(encoder),
        *((*_check_geometry(encoder), *_check_pictures(encoder)) if info.sees_images else ()),
        *(_check_sound(encoder) if info.hears else ()),
        *(_check_texts(encoder) if _reads(info) else ()),
    ]


def _reads(info: EncoderInfo) -> bool:
    """Whether a text alone has rows: those that look or listen may have none for it."""
    return not info.sees_images and (not info.hears or "passage" in info.unit_kinds)


def _check_golden(encoder: Encoder, known: GoldenRows) -> Finding:
    cosine = golden.compare(encoder, known)
    told = f"least cosine {cosine:.4f} (at least {golden.LEAST_COSINE})"
    return Finding("golden rows", cosine >= golden.LEAST_COSINE, told)


def _check_queries(encoder: Encoder) -> list[Finding]:
    one, other = (encoder.encode_query(golden.QUERY).vectors for _ in range(2))
    together = encode_queries(encoder, [TEXTS[0], golden.QUERY, TEXTS[1]])[1].vectors
    return [
        _compare("query twice", one, other),
        _compare("query among others", one, together),
        _compare_norms("query rows", one),
    ]


def _check_texts(encoder: Encoder) -> list[Finding]:
    units = [_passage(text) for text in TEXTS]
    alone = [encoder.encode_documents([unit])[0] for unit in units]
    together = list(reversed(encoder.encode_documents(list(reversed(units)))))
    worst = max(
        (_difference(a.vectors, b.vectors) for a, b in zip(alone, together, strict=True)),
        default=0.0,
    )
    stacked = np.concatenate([one.vectors for one in alone])
    return [
        Finding("texts among others", worst <= NOISE, f"differ by {worst:.1e} (up to {NOISE:.0e})"),
        _compare_norms("text rows", stacked),
        _measure(encoder, units),
    ]


def _check_geometry(encoder: Encoder) -> list[Finding]:
    """Return what the visual adapters' own test finds: does each patch lie where it says?"""
    from latelight.encoders.vision import VisualEncoder, self_test

    if not isinstance(encoder, VisualEncoder):
        return [Finding("geometry", True, "not known of this encoder")]
    try:
        told = str(self_test(encoder))
    except ModelError as error:  # a box that shows another place: a finding like the others
        return [Finding("geometry", False, str(error))]
    return [Finding("geometry", True, told)]


def _check_pictures(encoder: Encoder) -> list[Finding]:
    """Return whether pictures of several sizes have their rows in a batch, too, and the speed."""
    units = [_picture(size) for size in SIZES]
    alone = [encoder.encode_documents([unit])[0].vectors for unit in units]
    together = [one.vectors for one in reversed(encoder.encode_documents(units[::-1]))]
    return [
        _compare_batch("pictures among others", alone, together, _is_exact(encoder)),
        _compare_norms("picture rows", np.concatenate(alone)),
        _measure_pictures(encoder),
    ]


def _is_exact(encoder: Encoder) -> bool:
    """Whether it computes in float32, so that batches differ by next to nothing."""
    return encoder.info.rendering.get("dtype", "float32") == "float32"


def _compare_batch(
    name: str, alone: Sequence[Float32Array], together: Sequence[Float32Array], is_exact: bool
) -> Finding:
    pairs = list(zip(alone, together, strict=True))
    if is_exact or any(one.shape != other.shape for one, other in pairs):
        worst = max(_difference(one, other) for one, other in pairs)
        return Finding(name, worst <= NOISE, f"differ by {worst:.1e} (up to {NOISE:.0e})")
    least = min(golden.least_cosine(one, other) for one, other in pairs)
    told = f"least cosine {least:.4f} (at least {golden.LEAST_COSINE}, in half precision)"
    return Finding(name, least >= golden.LEAST_COSINE, told)


def _measure_pictures(encoder: Encoder) -> Finding:
    """Return how many pictures and rows a second are encoded, of the size of a page."""
    batch = [_picture(PAGE)] * 4
    n_rows, n_pictures, began = 0, 0, time.perf_counter()
    while (taken := time.perf_counter() - began) < _MIN_SECONDS:
        n_rows += _count(encoder.encode_documents(batch))
        n_pictures += len(batch)
    told = (
        f"{n_pictures / taken:,.2f} pictures of {PAGE[0]} × {PAGE[1]}, {n_rows / taken:,.0f} rows"
    )
    return Finding("throughput", True, f"{told} a second")


def _picture(size: tuple[int, int]) -> Unit:
    """Return the golden picture, drawn to a size."""
    written = io.BytesIO()
    Image.open(io.BytesIO(golden.picture())).resize(size).save(written, "PNG")
    return Unit("i0", "image", Locator(), image=written.getvalue())


def _check_sound(encoder: Encoder) -> list[Finding]:
    """Return whether a tone is told from silence, in rows of the second in which it sounds."""
    at = np.arange(4 * SOUND_RATE) / SOUND_RATE
    tone = (0.5 * np.sin(2 * np.pi * 1_000 * at)) * ((at >= 2) & (at < 2.5))
    noise = np.random.default_rng(0).normal(0, 0.003, len(at))
    quiet, rung = (_sound(encoder, samples) for samples in (noise, noise + tone))
    times = rung.locators.times
    if times is None or np.isnan(times).all() or quiet.vectors.shape != rung.vectors.shape:
        return [Finding("sound", False, "rows have no times, or another number for another sound")]
    differ = np.linalg.norm(rung.vectors - quiet.vectors, axis=1)
    most = int(np.where(np.isnan(times[:, 0]), -1, differ).argmax())
    begin, end = times[most].tolist()
    inside = bool(begin < 2.6 and end > 1.9 and np.nanmax(times) <= 4 + NOISE)
    told = f"{rung.n_rows} rows of 4 s; a tone at 2.0–2.5 s changes {begin:.2f}–{end:.2f} s most"
    return [Finding("sound", inside and float(differ[most]) > NOISE, told)]


def _sound(encoder: Encoder, samples: Float64Array) -> MultiVector:
    heard = np.rint(samples * 32_767).astype(np.int16)
    at = Locator(time=TimeRange(0, len(heard) / SOUND_RATE))
    return encoder.encode_documents([Unit("a1", "audio", at, sound=heard)])[0]


def _measure(encoder: Encoder, units: Sequence[Unit]) -> Finding:
    """Return how many rows and characters a second are encoded, of passages of usual length."""
    batch = [units[-1]] * 8
    n_rows, n_characters, began = 0, 0, time.perf_counter()
    while (taken := time.perf_counter() - began) < _MIN_SECONDS:
        n_rows += _count(encoder.encode_documents(batch))
        n_characters += sum(len(unit.text) for unit in batch)
    told = f"{n_rows / taken:,.0f} rows, {n_characters / taken:,.0f} characters a second"
    return Finding("throughput", True, told)


def _count(encoded: Sequence[MultiVector]) -> int:
    return sum(one.n_rows for one in encoded)


def _compare(name: str, one: Float32Array, other: Float32Array) -> Finding:
    found = _difference(one, other)
    return Finding(name, found <= NOISE, f"differ by {found:.1e} (up to {NOISE:.0e})")


def _compare_norms(name: str, rows: Float32Array) -> Finding:
    norms = np.linalg.norm(rows, axis=1)
    ok = bool(len(rows)) and bool(np.all((np.abs(norms - 1) < NOISE) | (norms == 0)))
    return Finding(name, ok, f"{len(rows)} rows of {rows.shape[1]} dims, length 1")


def _difference(one: Float32Array, other: Float32Array) -> float:
    if one.shape != other.shape:
        return float("inf")
    return float(np.abs(one - other).max(initial=0))


def _passage(text: str) -> Unit:
    return Unit("c0", "passage", Locator(span=CharSpan(0, len(text))), text)
