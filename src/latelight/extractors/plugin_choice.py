"""Which plugin reads a file, if any does, and a check of what it gives.

Built-in extractors read their media types, unless the pipeline says that a plugin does. What they
do not read, and plain text, which many formats look like, the plugins are asked about, the one
with the largest priority first. A broken plugin fails only files that nothing else reads.
"""

from collections.abc import Collection
from dataclasses import replace

import numpy as np

from latelight.errors import ExtractionError, LatelightError
from latelight.extractors.plugins import load_plugin, make_extractor
from latelight.extractors.protocol import ExtractionOptions, Extractor, PluginUse
from latelight.types import SOUND_RATE, Extraction, Source, Unit

_TEXT = "text/plain"


def plugin_extractor(
    source: Source, media_type: str, options: ExtractionOptions, built_in: Collection[str]
) -> Extractor | None:
    """Return the plugin's extractor that reads a file, None when a built-in one is to.

    Args:
        source: the file.
        media_type: that the built-in rules found.
        options: with the plugins that the pipeline names.
        built_in: media types that built-in extractors read.

    Raises:
        ExtractionError: the plugin that is to read it is broken.
    """
    uses = sorted(options.plugins, key=lambda use: (-use.priority, use.name))
    for use in uses:
        if media_type in use.media_types:
            return _PluginExtractor(use, media_type)
    if media_type in built_in and media_type != _TEXT:
        return None
    for use in uses:
        found = _claimed(use, source, media_type)
        if found is not None and (found not in built_in or found in use.media_types):
            return _PluginExtractor(use, found)
    broken = broken_plugins(options)
    if broken and media_type not in built_in:
        raise ExtractionError(f"{source.name}: no built-in extractor reads {media_type}. {broken}")
    return None


def broken_plugins(options: ExtractionOptions) -> str:
    """Return what is wrong with the plugins that cannot be asked; empty when all can."""
    return " ".join(filter(None, (_trouble(use) for use in options.plugins)))


def with_told_trouble(found: Extraction, options: ExtractionOptions) -> Extraction:
    """Return plain text's extraction with a warning where a plugin could not be asked about it."""
    broken = broken_plugins(options) if options.plugins and found.media_type == _TEXT else ""
    return replace(found, warnings=(*found.warnings, broken)) if broken else found


def _trouble(use: PluginUse) -> str:
    try:
        load_plugin(use.name)
    except LatelightError as error:
        return str(error)
    return ""


def _claimed(use: PluginUse, source: Source, media_type: str) -> str | None:
    try:
        return load_plugin(use.name).media_type_of(source, media_type)
    except LatelightError:
        return None  # told by `broken_plugins`


class _PluginExtractor:
    """A plugin's extractor whose errors name it, and whose units are checked."""

    def __init__(self, use: PluginUse, media_type: str) -> None:
        try:
            self._inner = make_extractor(use)
            self.info = load_plugin(use.name).info
        except ExtractionError:
            raise
        except LatelightError as error:  # of parameters: told of each file that it would read
            raise ExtractionError(str(error)) from error
        self._media_type = media_type

    def extract(self, source: Source, options: ExtractionOptions) -> Extraction:
        """Return what the plugin's extractor does, as the media type that it was chosen for."""
        found = self._inner.extract(source, options)
        problem = problem_of(found)
        if problem:
            raise ExtractionError(
                f"{source.name}: the extractor plugin {self.info.name!r} gave {problem}; report it "
                "to the plugin's authors, or leave it out of extract.plugins."
            )
        return replace(found, media_type=self._media_type)


def problem_of(found: object) -> str:
    """Return what breaks the protocol in an extraction; empty when nothing does."""
    if not isinstance(found, Extraction):
        return f"a {type(found).__name__}, expected an Extraction"
    if not found.units:
        return "no units, expected at least one"
    ids = {unit.unit_id for unit in found.units}
    if len(ids) < len(found.units):
        return "two units of one id, expected a name for each"
    for unit in found.units:
        span = unit.locator.span
        if span is not None and found.text[span.start : span.end] != unit.text:
            return f"the unit {unit.unit_id!r} with another text than its span covers"
        if not _fits_its_time(unit):
            return (
                f"the unit {unit.unit_id!r} with sound that is not one row of int16 samples at "
                f"{SOUND_RATE:,} Hz, no longer than its time"
            )
    return ""


def _fits_its_time(unit: Unit) -> bool:
    """Whether a unit's sound, if it has any, is what encoders that listen expect."""
    if unit.sound is None:
        return True
    time = unit.locator.time
    if time is None or unit.sound.dtype != np.int16 or unit.sound.ndim != 1:
        return False
    return len(unit.sound) <= (time.end_s - time.start_s) * SOUND_RATE + 1
