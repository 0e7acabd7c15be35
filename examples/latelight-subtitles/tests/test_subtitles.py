"""The plugin under Latelight's own suite, and what it makes of cues."""

from latelight_subtitles import plugin

from latelight.extractors.plugins import ExtractorPlugin
from latelight.extractors.protocol import DEFAULT_OPTIONS
from latelight.testing.extractors import PluginConformance
from latelight.types import Source, TimeRange

SRT = b"""1
00:00:01,000 --> 00:00:02,500
The ferry <i>leaves</i>
the harbour.

2
00:00:50,000 --> 00:00:52,000
It rains.
"""


class TestSubtitles(PluginConformance):
    def plugin(self) -> ExtractorPlugin:
        return plugin

    def good_source(self) -> Source:
        return Source("good.srt", SRT)

    def damaged_source(self) -> Source:
        return Source("bad.srt", b"No cue at all.")


def test_cues_far_apart_are_passages_of_their_own() -> None:
    found = plugin.make({"seconds": 30.0}).extract(Source("a.srt", SRT), DEFAULT_OPTIONS)
    assert [unit.text for unit in found.units] == ["The ferry leaves the harbour.", "It rains."]
    assert found.units[0].locator.time == TimeRange(1.0, 2.5)


def test_the_length_of_a_passage_is_a_parameter() -> None:
    found = plugin.make({"seconds": 60.0}).extract(Source("a.srt", SRT), DEFAULT_OPTIONS)
    assert [unit.locator.time for unit in found.units] == [TimeRange(1.0, 52.0)]
