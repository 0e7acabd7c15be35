"""The lexical sections of a segment: `lexical.Postings` written, read and turned back."""

from collections.abc import Sequence

import numpy as np

from latelight.index.lexical import Postings, build_postings
from latelight.index.sections import Array, SectionFile, SectionWriter
from latelight.index.strings import starts


def write_postings(writer: SectionWriter, terms_per_unit: Sequence[Sequence[str]]) -> None:
    """Write the sections `lexical.<name>` for the analysed terms of each unit."""
    for name, array in build_postings(terms_per_unit).arrays().items():
        writer.add(f"lexical.{name}", array)


def read_postings(file: SectionFile) -> Postings:
    """Return a segment's postings, views of the map."""
    names = Postings.__dataclass_fields__
    return Postings.from_arrays({name: file.array(f"lexical.{name}") for name in names})


class UnitTerms:
    """The terms of each unit, turned back from postings for a rewrite."""

    def __init__(self, postings: Postings) -> None:
        order = np.argsort(postings.ordinals, kind="stable")
        per_term = np.diff(postings.postings_offsets)
        self._terms: Array = np.repeat(np.arange(postings.n_terms), per_term)[order]
        self._frequencies: Array = postings.frequencies[order]
        self._offsets = starts(np.bincount(postings.ordinals, minlength=postings.n_units))
        self._postings = postings

    def of(self, unit: int) -> list[str]:
        """Return one unit's terms, repeated as often as it holds them, sorted."""
        span = slice(int(self._offsets[unit]), int(self._offsets[unit + 1]))
        pairs = zip(self._terms[span].tolist(), self._frequencies[span].tolist(), strict=True)
        return [term for number, n in pairs for term in [self._postings.term(number)] * n]
