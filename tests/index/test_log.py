import random

import pytest

from latelight.errors import CorruptFileError, FormatVersionError
from latelight.index.log import (
    BLOCK,
    check_log_header,
    encode_record,
    log_header,
    read_records,
    start_of,
)

NAME = "WAL-000000000007-0123abcd"
START = start_of(NAME)


def log_of(*commits: tuple[list[str], bytes]) -> bytes:
    """Return the bytes behind the header of a log with these commits."""
    data, mark = b"", START
    for deleted, segment in commits:
        record = encode_record(mark, deleted, segment)
        mark = mark.after(read_records(mark, record))
        data += record
    return data


LOG = log_of((["a", "ü"], b""), ([], b"segment " * 600), (["b"], bytes(5000)))


def test_records_come_back_as_they_were():
    first, second, third = read_records(START, LOG)
    assert (first.sequence, first.deleted, first.segment) == (1, ("a", "ü"), None)
    assert (second.sequence, second.deleted, second.segment) == (2, (), b"segment " * 600)
    assert (third.sequence, third.deleted, third.segment) == (3, ("b",), bytes(5000))
    assert [record.n_bytes for record in (first, second, third)] == [4096, 8192, 8192]


def test_a_mark_goes_on_where_it_stopped():
    first = START.after(read_records(START, LOG[:4096]))
    assert (first.n_records, first.last_at, first.end) == (1, BLOCK, 2 * BLOCK)
    rest = read_records(first, LOG[4096:])
    assert [record.sequence for record in rest] == [2, 3]
    assert first.after(rest).end == BLOCK + len(LOG)


@pytest.mark.parametrize("rest", [b"", bytes(100), bytes(9000)])
def test_a_torn_last_record_is_dropped_at_every_length(rest):
    """Also when the file system had made the file longer before the bytes came."""
    whole = log_of((["a"], b"x" * 100), ([], b"\xff" * 5000))
    for length in range(4096, len(whole)):
        records = read_records(START, whole[:length] if not rest else _torn(whole, length, rest))
        assert [record.sequence for record in records] == [1], length


def _torn(whole: bytes, length: int, rest: bytes) -> bytes:
    """Bytes reach the disk by sectors: what did not come is zeros from a sector's begin on."""
    reached = whole[: length // 512 * 512]
    return reached + bytes(len(whole) - len(reached)) + rest


def test_a_flipped_bit_in_any_byte_is_refused():
    chance = random.Random(1)
    for place in range(len(LOG)):
        data = bytearray(LOG)
        data[place] ^= 1 << chance.randrange(8)
        with pytest.raises(CorruptFileError, match=f"wal/{NAME}: record"):
            read_records(START, bytes(data))


def test_zeros_in_the_middle_are_damage():
    for place in range(0, 12288, 512):  # all sectors but those of the last record
        data = LOG[:place] + bytes(512) + LOG[place + 512 :]
        if data != LOG:
            with pytest.raises(CorruptFileError):
                read_records(START, data)


def test_records_in_another_order_or_of_another_log_are_refused():
    with pytest.raises(CorruptFileError, match="number 2"):
        read_records(START, LOG[4096:])
    with pytest.raises(CorruptFileError, match="another log"):
        read_records(start_of("WAL-000000000007-ffffffff"), LOG)


def test_damage_says_what_would_be_given_up():
    with pytest.raises(CorruptFileError, match=r"record 2 at byte 8192 .* cutting it to 8192"):
        read_records(START, LOG[:4096] + b"\1" + LOG[4097:])


def test_every_flipped_byte_of_the_header_is_refused():
    header = log_header(NAME)
    assert check_log_header(NAME, header) == START
    for place in range(BLOCK):
        data = header[:place] + bytes([header[place] ^ 4]) + header[place + 1 :]
        with pytest.raises(CorruptFileError, match="copy"):
            check_log_header(NAME, data)


def test_a_log_under_another_name_or_cut_short_is_refused():
    with pytest.raises(CorruptFileError, match="says that it is"):
        check_log_header("WAL-000000000008-0123abcd", log_header(NAME))
    with pytest.raises(CorruptFileError, match="does not begin"):
        check_log_header(NAME, log_header(NAME)[:100])


def test_another_version_asks_for_an_upgrade(monkeypatch):
    monkeypatch.setattr("latelight.index.log.VERSION", 2)
    header = log_header(NAME)
    monkeypatch.undo()
    with pytest.raises(FormatVersionError, match="version 2"):
        check_log_header(NAME, header)
