import io
import struct
import warnings
from zipfile import ZIP_DEFLATED, ZIP_LZMA, ZipFile

import pytest

from latelight.errors import DamagedFileError, EncryptedFileError, FileTooLargeError
from latelight.extractors import archive as module
from latelight.extractors.archive import Archive
from latelight.extractors.protocol import DEFAULT_OPTIONS, ExtractionOptions
from latelight.testing.office_files import make_zip


def opened(data: bytes, **limits: int) -> Archive:
    return Archive(data, "a.docx", ExtractionOptions(**limits))  # type: ignore[arg-type]


def test_members_are_read_by_name() -> None:
    archive = opened(make_zip({"a/b.xml": "one", "c": b"two" * 100_000}))
    assert archive.members == ("a/b.xml", "c")
    assert archive.read("a/b.xml") == b"one"
    assert len(archive.read("c")) == 300_000
    with pytest.raises(DamagedFileError, match=r"a\.docx: missing is missing"):
        archive.read("missing")


def test_a_bomb_by_ratio_stops_while_it_unpacks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "RATIO_FREE_BYTES", 1 << 20)
    data = make_zip({"bomb": bytes(64 << 20)})
    archive = opened(data)
    n_bytes = 0
    with pytest.raises(FileTooLargeError, match="more than 200 times its size"):
        for chunk in archive.chunks("bomb"):
            n_bytes += len(chunk)
    assert n_bytes <= 200 * len(data) < 16 << 20


def test_all_members_together_are_limited() -> None:
    archive = opened(
        make_zip({str(i): bytes(60_000) for i in range(9)}), max_unpacked_bytes=200_000
    )
    archive.read("0")
    archive.read("1")
    archive.read("2")
    with pytest.raises(FileTooLargeError, match=r"200,000 bytes.*max_unpacked_bytes"):
        archive.read("3")


def test_a_header_that_claims_a_small_size_does_not_help_a_bomb() -> None:
    data = bytearray(make_zip({"bomb": bytes(4 << 20)}))
    directory = data.rindex(b"PK\x01\x02")
    struct.pack_into("<I", data, directory + 24, 100)
    with pytest.raises(DamagedFileError, match="bomb cannot be unpacked"):
        opened(bytes(data)).read("bomb")


def test_too_many_members_are_refused_before_the_directory_is_read() -> None:
    data = make_zip({str(i): b"" for i in range(50)})
    with pytest.raises(FileTooLargeError, match=r"at most 20 are read.*max_members"):
        opened(data, max_members=20)


@pytest.mark.parametrize("name", ["../x", "a/../../x", "/etc/x", "C:/x", "a/..", "\\x"])
def test_names_that_lead_out_are_refused(name: str) -> None:
    with pytest.raises(DamagedFileError, match="leads out of the archive"):
        opened(make_zip({name: b"x"}))


def test_dots_in_names_are_no_way_out() -> None:
    assert opened(make_zip({"a..b/c...xml": b"x"})).read("a..b/c...xml") == b"x"


def test_two_members_of_one_name_are_refused() -> None:
    buffer = io.BytesIO()
    with warnings.catch_warnings(), ZipFile(buffer, "w") as archive:
        warnings.simplefilter("ignore")
        archive.writestr("x", "one")
        archive.writestr("x", "two")
    with pytest.raises(DamagedFileError, match="share a name"):
        opened(buffer.getvalue())


def test_an_encrypted_member_asks_for_a_file_without_password() -> None:
    data = bytearray(make_zip({"x": b"secret"}))
    for mark, offset in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        data[data.index(mark) + offset] |= 1
    with pytest.raises(EncryptedFileError, match=r"x is encrypted.*without a password"):
        opened(bytes(data)).read("x")


def test_packings_that_take_much_memory_are_refused() -> None:
    buffer = io.BytesIO()
    with ZipFile(buffer, "w", ZIP_LZMA) as archive:
        archive.writestr("x", b"x" * 100)
    with pytest.raises(DamagedFileError, match="method 14"):
        opened(buffer.getvalue()).read("x")


@pytest.mark.parametrize("cut", [0, 10, 40, 90])
def test_a_truncated_archive_is_damaged(cut: int) -> None:
    data = make_zip({"x": b"some text", "y": b"more"})
    with pytest.raises(DamagedFileError, match="directory cannot be read"):
        opened(data[:cut])


def test_a_broken_checksum_is_damage() -> None:
    buffer = io.BytesIO()
    with ZipFile(buffer, "w", ZIP_DEFLATED) as archive:
        archive.writestr("x", b"some text " * 50)
    data = bytearray(buffer.getvalue())
    data[data.index(b"PK\x01\x02") + 16] ^= 255
    with pytest.raises(DamagedFileError, match="x cannot be unpacked"):
        Archive(bytes(data), "a", DEFAULT_OPTIONS).read("x")
