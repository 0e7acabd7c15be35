"""What every extractor must do, as tests that a third party's extractor inherits."""

# ruff: noqa: D102 - the tests' names are their sentences

import pickle
from abc import ABC, abstractmethod
from dataclasses import replace
from itertools import pairwise

import pytest

from latelight.errors import EmptyFileError, ExtractionError, FileTooLargeError
from latelight.extractors.detect import detect_media_type
from latelight.extractors.plugin_choice import problem_of
from latelight.extractors.plugins import ExtractorPlugin, installed_plugins, load_plugin
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

    def test_times_and_pages_run_forwards(self) -> None:
        for unit in self.extracted().units:
            at = unit.locator
            assert at.page is None or at.page >= 1
            assert at.time is None or 0 <= at.time.start_s <= at.time.end_s

    def test_cells_are_found_from_the_characters_of_a_unit(self) -> None:
        for unit in self.extracted().units:
            _check_cells(unit)

    def test_it_can_be_sent_between_processes(self) -> None:
        found = pickle.loads(pickle.dumps(self.extracted()))
        assert found.units == self.extracted().units
        assert problem_of(found) == ""

    def test_sound_is_kept_only_where_it_is_asked_for(self) -> None:
        assert all(unit.sound is None for unit in self.extracted().units)
        listening = replace(self.options(), keep_sound=True)
        found = self.extractor().extract(self.good_source(), listening)
        assert found.text == self.extracted().text
        assert problem_of(found) == ""

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


class PluginConformance(ExtractorConformance):
    """The suite for a plugin: subclass it and give `plugin` instead of `extractor`."""

    @abstractmethod
    def plugin(self) -> ExtractorPlugin:
        """Return the declaration that the package's entry point names."""

    def extractor(self) -> Extractor:
        """Return the plugin's extractor with the default parameters."""
        plugin = self.plugin()
        return plugin.make(dict(plugin.parameters))

    def test_the_declaration_is_that_of_its_extractor(self) -> None:
        assert self.plugin().info == self.extractor().info

    def test_parameters_have_plain_defaults(self) -> None:
        values = self.plugin().parameters.values()
        assert all(type(value) in (str, int, float, bool) for value in values)

    def test_its_files_are_recognised_by_content_or_as_text_by_suffix(self) -> None:
        source = self.good_source()
        found = self.plugin().media_type_of(source, detect_media_type(source))
        assert found in self.plugin().info.media_types

    def test_a_file_of_another_kind_is_not_claimed(self) -> None:
        source = Source("note.txt", b"Plain words of a note.")
        claims_text = "text/plain" in self.plugin().info.media_types
        assert (self.plugin().media_type_of(source, "text/plain") is not None) == claims_text

    def test_its_package_names_it_as_an_entry_point(self) -> None:
        name = self.plugin().info.name
        assert load_plugin(name) == self.plugin()
        assert installed_plugins()[name]


def _check_cells(unit: Unit) -> None:
    cells = unit.locator.cells
    if cells is None:
        return
    assert 1 <= cells.first_row <= cells.last_row
    assert 1 <= cells.first_column <= cells.last_column
    n_rows = cells.last_row - cells.first_row + 1 + (cells.header > 0)
    assert unit.text.count("\n") == n_rows - 1
    for at in range(len(unit.text)):
        one = cells.cell_at(unit.text, at)
        assert one.first_row == cells.header or cells.first_row <= one.first_row <= cells.last_row
        assert cells.first_column <= one.first_column <= cells.last_column


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
