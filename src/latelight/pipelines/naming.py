"""Names for what is seen: evidence of rows that have a box and no characters."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from latelight.encoders.protocol import NamingEncoder
from latelight.pipelines.reader import Reader
from latelight.types import TokenEvidence


def with_names(
    reader: Reader, space: str, ordinal: int, found: Sequence[TokenEvidence | None]
) -> list[TokenEvidence | None]:
    """Return a unit's evidence in a space; where something seen won, it says what."""
    encoder = reader.encoders.get(space)
    rows = sorted({one.row for one in found if one is not None and _is_seen(one)})
    if not rows or not isinstance(encoder, NamingEncoder):
        return list(found)
    values, scales = reader.snapshot.rows(space, ordinal)
    vectors = np.asarray(values[rows], np.float32)
    if scales is not None:
        vectors = vectors * scales[rows, None]
    names = dict(zip(rows, encoder.names_of(vectors), strict=True))
    return [
        replace(one, seen=names[one.row]) if one is not None and _is_seen(one) else one
        for one in found
    ]


def _is_seen(one: TokenEvidence) -> bool:
    place = one.locator
    return one.row >= 0 and place.box is not None and place.span is None
