"""Every format version that was ever released can be read: golden copies are kept for ever."""

import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from latelight.index import Snapshot, Store
from latelight.index.manifest import VERSION
from latelight.index.sections import SectionFile
from latelight.types import UNIT_KINDS, Box, CharSpan, Locator, TimeRange, Unit
from tests.index.golden_library import (
    METADATA,
    NOTE,
    NOTE_TEXT,
    NOTE_UNITS,
    SCAN,
    SPACES,
    write_golden,
)
from tests.index.making import query

GOLDEN = sorted(path for path in (Path(__file__).parent / "golden").iterdir() if path.is_dir())


@pytest.fixture(params=GOLDEN, ids=lambda path: path.name)
def golden(request) -> Store:
    return Store.open(request.param)


@pytest.fixture
def snapshot(golden: Store) -> Snapshot:
    return golden.snapshot()


def test_there_is_a_golden_copy_of_this_version():
    assert f"v{VERSION}" in [path.name for path in GOLDEN]


def test_the_numbers_of_unit_kinds_never_change():
    assert UNIT_KINDS[:5] == ("passage", "page", "image", "frame", "audio")


def test_golden_copies_are_sound(golden):
    assert golden.verify() == []
    assert golden.spaces == SPACES
    assert golden.pipeline_digest == "golden"


def test_documents_and_units_come_back(snapshot):
    assert [d.doc_id for d in snapshot.documents()] == ["kept", "nöte", "scan"]
    assert snapshot.document("nöte") == NOTE
    assert snapshot.document("scan") == SCAN
    assert snapshot.text_of("nöte") == NOTE_TEXT
    assert [snapshot.unit(u) for u in snapshot.find("nöte")] == NOTE_UNITS
    first, second = (snapshot.unit(u) for u in snapshot.find("scan"))
    assert first == Unit("p1", "page", Locator(page=1, box=Box(0.0, 0.25, 0.5, 1.0)), "words")
    assert second.locator.time == TimeRange(0.5, 9.25)
    assert snapshot.offset_map("nöte").to_source(CharSpan(0, 5)) == CharSpan(3, 8)


def test_scores_are_what_they_were(snapshot):
    allow = snapshot.allow_list()
    text = snapshot.scores("text", query(0, 1, 5, dim=16), allow)
    assert {snapshot.doc_id_of(int(u)): float(text[u]) for u in np.flatnonzero(text > 0)} == {
        "kept": 1,
        "nöte": 2,
    }
    page = snapshot.scores("page", query(4), allow)
    assert page[snapshot.find("scan")].tolist() == [0, 1]
    assert np.isfinite(page).sum() == 2


def test_row_locators_are_what_they_were(snapshot):
    first, second = snapshot.find("nöte")
    assert snapshot.row_locators("text", first).spans.tolist() == [[0, 5], [-1, -1]]
    pooled = snapshot.row_locators("text", second)
    assert pooled.offsets.tolist() == [0, 2]
    assert pooled.spans.tolist() == [[0, 7], [8, 12]]
    page, talk = snapshot.find("scan")
    boxes = snapshot.row_locators("page", page).boxes
    assert np.abs(boxes - [0.0, 0.5, 0.25, 1.0]).max() < 1e-5
    assert snapshot.row_locators("page", talk).times.tolist() == [[0.5, 0.75]]


@pytest.mark.parametrize(
    ("filter", "expected"),
    [
        ({"whole": METADATA["whole"]}, ["nöte"]),
        ({"whole": {"$lt": 2**63 - 1}}, ["kept"]),
        ({"real": {"$gt": 0.05}}, ["nöte", "scan"]),
        ({"flag": True, "tags": "red", "größe": {"$gte": "X"}}, ["nöte"]),
        ({"nothing": None, "empty": {"$exists": True}}, ["nöte"]),
        ({"nothing": {"$exists": False}}, ["kept", "scan"]),
    ],
)
def test_filters_find_what_they_found(snapshot, filter, expected):
    ordinals = np.flatnonzero(snapshot.allow_list(filter)).tolist()
    assert sorted({snapshot.doc_id_of(u) for u in ordinals}) == expected


def test_postings_hold_what_they_held(snapshot):
    ordinals, frequencies = snapshot.lexical()[1].lookup("satz")
    assert (ordinals.tolist(), frequencies.tolist()) == ([1], [2])
    assert snapshot.lexical()[0].lookup("plain")[0].tolist() == [0, 1, 2]


def test_golden_copies_can_be_written_to(golden, tmp_path):
    shutil.copytree(golden.path, tmp_path / "g")
    store = Store.open(tmp_path / "g")
    for doc_id in ("x", "y"):
        with store.writer() as writer:
            writer.add(replace(SCAN, doc_id=doc_id), [], {})
            writer.delete(["kept"])
            writer.commit()
    store.release()
    assert store.background_error is None
    assert [d.doc_id for d in store.snapshot().documents()] == ["nöte", "scan", "x", "y"]
    assert store.verify() == []


def test_the_log_is_what_it_was(tmp_path):
    """When this fails on purpose, the log needs a new version."""
    newest = golden_log().snapshot()
    assert (newest.manifest.requires, newest.n_logged) == (("log",), 1)
    logged = write_golden(tmp_path / "g", logged=True)
    kept, made = (next((s.path / "wal").iterdir()) for s in (golden_log(), logged))
    for begin, end in ((0, 16), (4096, 4112), (4120, 4128), (4160, 4176)):  # beside names, lengths
        assert kept.read_bytes()[begin:end] == made.read_bytes()[begin:end]


def test_a_sealed_log_is_what_it_was():
    """When this fails on purpose, sealed logs need a new feature name."""
    snapshot = Store.open(Path(__file__).parent / "golden" / "v1-sealed").snapshot()
    manifest = snapshot.manifest
    assert (manifest.requires, snapshot.n_logged) == (("log", "sealed"), 3)
    assert manifest.logs == (manifest.sealed, manifest.log)
    files = (path.name for path in (GOLDEN[0].parent / "v1-sealed" / "wal").iterdir())
    assert sorted(files) == sorted(manifest.logs)


def golden_log() -> Store:
    return Store.open(Path(__file__).parent / "golden" / "v1-log")


def sections(store: Store) -> list[dict]:
    files = [
        SectionFile.open(store.path / "segments" / entry.segment_id / "segment.ll", "segment")
        for entry in store.snapshot().manifest.segments
    ]
    return [{n: (s.dtype, s.shape) for n, s in f.header.sections.items()} for f in files]


def test_what_is_written_today_is_laid_out_as_the_golden_copy(tmp_path):
    """When this fails on purpose, the format needs a new version or a new feature name."""
    newest = Store.open(Path(__file__).parent / "golden" / f"v{VERSION}-sources")
    assert sections(write_golden(tmp_path / "g")) == sections(newest)
