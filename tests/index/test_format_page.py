"""docs/format.md names everything that is written."""

from pathlib import Path

import pytest

from latelight.index import Store
from latelight.index.manifest import FEATURES, Manifest, SegmentEntry
from latelight.index.sections import SectionFile

PAGE = (Path(__file__).parents[2] / "docs" / "format.md").read_text(encoding="utf-8")
GOLDEN = Path(__file__).parent / "golden" / "v1"
CODED = Path(__file__).parent / "golden_codes"


def section_names() -> set[str]:
    return {
        name
        for path in (*GOLDEN.rglob("segment.ll"), *CODED.rglob("segment.ll"))
        for name in SectionFile.open(path, "segment", FEATURES).header.sections
    }


def documented(name: str) -> str:
    """Return the name as the page writes it."""
    group = name.split(".")
    if group[0] == "space":
        return ".".join(["space", "s", *group[2:]])
    if group[0] == "metadata" and group[1] not in ("keys", "texts"):
        return ".".join(["metadata", "g", *group[2:]])
    return name.removesuffix(".bytes")


def test_there_are_sections_to_look_for():
    assert len(section_names()) > 50


@pytest.mark.parametrize("name", sorted({documented(name) for name in section_names()}))
def test_every_section_is_described(name):
    assert f"`{name}`" in PAGE or f"`{name.removesuffix('.offsets')}`" in PAGE


def test_every_field_of_a_manifest_is_described():
    for field in [*SegmentEntry.__annotations__, *Manifest.__annotations__]:
        assert f"`{field}`" in PAGE


def test_the_marks_of_a_log_are_described():
    data = next((GOLDEN.with_name("v1-log") / "wal").iterdir()).read_bytes()
    for mark in (data[:8], data[4096:4104], data[-8:]):
        assert f"`{mark.decode().strip()}" in PAGE


def test_the_golden_tree_is_the_one_on_the_page():
    names = [entry.segment_id for entry in Store.open(GOLDEN).snapshot().manifest.segments]
    assert names[0] in PAGE
