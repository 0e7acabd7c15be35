"""What every extractor must do, as tests that a third party's extractor inherits."""

# ruff: noqa: D102 - the tests' names are their sentences

from abc import ABC, abstractmethod
from itertools import pairwise

import pytest

from latelight.errors import EmptyFileError, ExtractionError, FileTooLargeError
from latelight.extractors.protocol import ExtractionOptions, Extractor
from latelight.types import UNIT_KINDS, Extraction, Source, Unit


class ExtractorConformance(ABC):
    """Subclass it in a test module as `TestMine(ExtractorConformance)` and give the three methods.

    The tests hold the extractor to the protocol: what it declares, where its units are, and how
    it refuses what it cannot read.
    """

    @abstractmethod
    def extractor(self) -> Extractor:
        """Return the extractor under test."""

    @abstractmethod
    def good_source(self) -> Source:
        """Return a small file that it reads, with some words in it."""

    @abstractmethod
    def damaged_source(self) -> Source:
        """Return a file of its kind that cannot be read."""

    def options(self) -> ExtractionOptions:
        """Return the options of all tests."""
        return ExtractionOptions(ocr="never")

    def extracted(self) -> Extraction:
        """Return the good source, read."""
        return self.extractor().extract(self.good_source(), self.options())

    def test_it_declares_a_name_a_version_a_licence_and_what_it_reads(self) -> None:
        info = self.extractor().info
        assert info.name
        assert info.version
        assert info.licence
        assert info.media_types
        assert set(info.unit_kinds) <= set(UNIT_KINDS)

    def test_it_gives_what_it_declares(self) -> None:
        found, info = self.extracted(), self.extractor().info
        assert found.media_type in info.media_types
        assert found.units
        assert {unit.kind for unit in found.units} <= set(info.unit_kinds)

    def test_the_same_bytes_give_the_same_units(self) -> None:
        assert self.extracted().text == self.extracted().text
        assert self.extracted().units == self.extracted().units

    def test_unit_ids_name_one_unit_each(self) -> None:
        ids = [unit.unit_id for unit in self.extracted().units]
        assert len(set(ids)) == len(ids)

    def test_a_units_text_is_what_its_span_covers(self) -> None:
        found = self.extracted()
        for unit in found.units:
            span = unit.locator.span
            if span is not None:
                assert found.text[span.start : span.end] == unit.text

    def test_units_come_in_reading_order_and_do_not_overlap(self) -> None:
        spans = [unit.locator.span for unit in self.extracted().units if unit.locator.span]
        assert all(one.end <= other.start for one, other in pairwise(spans))

    def test_words_lie_in_their_unit_and_on_their_page(self) -> None:
        for unit in self.extracted().units:
            _check_words(unit)

    def test_the_text_can_be_written_as_utf_8(self) -> None:
        self.extracted().text.encode("utf-8")

    def test_an_empty_file_is_refused_by_name(self) -> None:
        name = self.good_source().name
        with pytest.raises(EmptyFileError, match=name):
            self.extractor().extract(Source(name, b""), self.options())

    def test_a_file_beyond_the_limit_is_refused_by_name(self) -> None:
        source = self.good_source()
        with pytest.raises(FileTooLargeError, match=source.name):
            self.extractor().extract(source, ExtractionOptions(ocr="never", max_bytes=1))

    def test_a_damaged_file_is_refused_by_name(self) -> None:
        source = self.damaged_source()
        with pytest.raises(ExtractionError, match=source.name):
            self.extractor().extract(source, self.options())


def _check_words(unit: Unit) -> None:
    if unit.words is None:
        return
    spans, boxes = unit.words.spans, unit.words.boxes
    assert spans.dtype.name == "int32"
    assert boxes.dtype.name == "float32"
    assert spans.shape == (len(boxes), 2)
    assert boxes.shape == (len(spans), 4)
    end = 0
    for start, stop in spans.tolist():
        assert end <= start < stop <= len(unit.text)
        end = stop
    assert ((boxes >= 0) & (boxes <= 1)).all()
    assert (boxes[:, :2] <= boxes[:, 2:]).all()
