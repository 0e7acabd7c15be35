import errno
import json
import os
import zlib

import pytest

from latelight.errors import CommitConflictError, CorruptFileError, FormatVersionError
from latelight.index.manifest import (
    Manifest,
    SegmentEntry,
    manifest_numbers,
    publish_manifest,
    read_manifest,
)
from latelight.index.rows import SpaceSpec

ENTRY = SegmentEntry("00000002-0123abcd", 3, 5, {"text": 40}, 9000, "tombstones-x.ll", 1)
MANIFEST = Manifest(2, "sha256:é", {"text": SpaceSpec(128, "float16")}, (ENTRY,))


def test_a_manifest_comes_back_as_it_was(tmp_path):
    publish_manifest(tmp_path, MANIFEST)
    assert read_manifest(tmp_path, 2) == MANIFEST
    assert manifest_numbers(tmp_path) == [2]
    assert [path.name for path in tmp_path.iterdir()] == ["MANIFEST-000000000002"]


def test_a_number_has_one_winner(tmp_path):
    publish_manifest(tmp_path, MANIFEST)
    with pytest.raises(CommitConflictError, match="MANIFEST-000000000002 exists"):
        publish_manifest(tmp_path, Manifest(2, "other", {}))
    assert read_manifest(tmp_path, 2) == MANIFEST


def test_every_flipped_byte_is_noticed():
    good = MANIFEST.to_bytes()
    for place in range(len(good)):
        bad = good[:place] + bytes([good[place] ^ 1]) + good[place + 1 :]
        with pytest.raises((CorruptFileError, FormatVersionError)):
            Manifest.from_bytes("MANIFEST", bad)


def test_every_cut_is_noticed():
    good = MANIFEST.to_bytes()
    for length in range(len(good)):
        with pytest.raises(CorruptFileError):
            Manifest.from_bytes("MANIFEST", good[:length])


def test_another_version_asks_for_an_upgrade():
    newer = MANIFEST.to_bytes().replace(b"manifest 1 ", b"manifest 7 ")
    with pytest.raises(FormatVersionError, match=r"version 7.*Upgrade"):
        Manifest.from_bytes("MANIFEST", newer)


def test_fields_that_need_not_be_understood_are_ignored():
    body = json.loads(MANIFEST.to_bytes().split(b"\n", 1)[1])
    body["colour"] = "blue"
    body["segments"][0]["shape"] = "round"
    body["spaces"]["text"]["hint"] = 3
    data = json.dumps(body).encode()
    line = f"latelight-manifest 1 crc32={zlib.crc32(data):08x} length={len(data)}\n".encode()
    assert Manifest.from_bytes("MANIFEST", line + data) == MANIFEST


def test_an_unknown_required_feature_asks_for_an_upgrade():
    newer = Manifest(1, "", {}, requires=("write-ahead-log",))
    with pytest.raises(FormatVersionError, match="write-ahead-log"):
        Manifest.from_bytes("MANIFEST", newer.to_bytes())


def test_without_hard_links_a_number_still_has_one_winner(tmp_path, monkeypatch):
    def no_links(source, target):
        raise PermissionError(errno.EPERM, "Operation not permitted")

    monkeypatch.setattr(os, "link", no_links)
    publish_manifest(tmp_path, MANIFEST)
    assert [path.name for path in tmp_path.iterdir()] == ["MANIFEST-000000000002"]
    with pytest.raises(CommitConflictError):
        publish_manifest(tmp_path, Manifest(2, "other", {}))
    assert read_manifest(tmp_path, 2) == MANIFEST
