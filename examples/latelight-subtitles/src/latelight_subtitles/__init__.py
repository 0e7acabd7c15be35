"""Subtitles for Latelight: the declaration. Importing it is cheap; the reader comes when needed."""

from collections.abc import Mapping

from latelight.extractors.plugins import ExtractorPlugin, Signature
from latelight.extractors.protocol import Extractor, ParameterValue
from latelight.types import ExtractorInfo

INFO = ExtractorInfo(
    name="subtitles",
    version="1",
    media_types=("application/x-subrip", "text/vtt"),
    unit_kinds=("passage",),
    licence="Apache-2.0",
)


def make(parameters: Mapping[str, ParameterValue]) -> Extractor:
    """Return the extractor for these parameters."""
    from latelight_subtitles.reader import SubtitleExtractor

    return SubtitleExtractor(float(parameters["seconds"]))


plugin = ExtractorPlugin(
    info=INFO,
    make=make,
    parameters={"seconds": 30.0},
    signatures=(Signature(0, b"WEBVTT", "text/vtt"),),
    suffixes={".srt": "application/x-subrip"},
)
