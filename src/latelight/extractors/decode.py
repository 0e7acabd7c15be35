"""Bytes of a text file -> characters, with the encoding found in the content."""

import codecs
import io
import re
from collections.abc import Iterator
from dataclasses import dataclass

BYTE_ORDER_MARKS: tuple[tuple[bytes, str], ...] = (
    (b"\xef\xbb\xbf", "utf-8"),
    (b"\xff\xfe\x00\x00", "utf-32-le"),
    (b"\x00\x00\xfe\xff", "utf-32-be"),
    (b"\xff\xfe", "utf-16-le"),
    (b"\xfe\xff", "utf-16-be"),
)
SAMPLE_BYTES = 65_536
# C0 controls that no text has: all but \t \n \v \f \r and the escape of terminal logs.
_CONTROLS = bytes(c for c in range(32) if c not in b"\t\n\v\f\r\x1b") + b"\x7f"
_MAX_CONTROL_SHARE = 0.02
_UNPRINTABLE = re.compile("[\x00-\x08\x0e-\x1a\x1c-\x1f\x7f]")
_SURROGATES = re.compile("[\ud800-\udfff]")
_GUESS = "The text is not UTF-8; it was read as Latin-1 (windows-1252)."


@dataclass(frozen=True)
class Decoded:
    """A text file's characters.

    Attributes:
        text: without byte-order mark; line ends as they came.
        encoding: as found.
        warnings: what was guessed or replaced.
    """

    text: str
    encoding: str
    warnings: tuple[str, ...] = ()


def text_encoding(data: bytes) -> str | None:
    """Return the encoding of a text file from its first bytes, None when they are no text."""
    for mark, encoding in BYTE_ORDER_MARKS:
        if data.startswith(mark):
            return encoding
    sample = data[:SAMPLE_BYTES]
    return _encoding_without_zeros(sample) if _few_controls(sample) else _wide_encoding(sample)


def decode_text(data: bytes) -> Decoded | None:
    """Return a text file's characters, None when the bytes are no text.

    Broken sequences and lone surrogates become U+FFFD, NUL and other control characters become
    spaces, so every character keeps its place.
    """
    encoding = text_encoding(data)
    if encoding is None:
        return None
    body = data.removeprefix(_mark_of(data))
    if encoding == "windows-1252" or _is_broken_utf8(body, encoding):
        text, warning = body.decode("cp1252", errors="replace"), _GUESS
        encoding = "windows-1252"
    else:
        text, warning = body.decode(encoding, errors="replace"), ""
    warnings = [warning] if warning else _replacement_warnings(text, body, encoding)
    clean, n_controls = _UNPRINTABLE.subn(" ", text)
    if n_controls:
        warnings.append(f"{n_controls:,} control characters were read as spaces.")
    return Decoded(clean, encoding, tuple(warnings))


def text_lines(data: bytes) -> Iterator[str] | None:
    """Return a text file's lines with their ends, decoded one by one; None when it is no text.

    The same characters as `decode_text`, in the memory of a line.
    """
    encoding = text_encoding(data)
    if encoding is None:
        return None
    mark = _mark_of(data)
    if encoding == "utf-8" and _is_broken_anywhere(data):
        encoding = "windows-1252"
    return _lines(data, len(mark), encoding)


def _lines(data: bytes, start: int, encoding: str) -> Iterator[str]:
    stream = io.BytesIO(data)
    stream.seek(start)
    for line in io.TextIOWrapper(stream, encoding, errors="replace", newline=""):
        yield _UNPRINTABLE.sub(" ", line)


def _is_broken_anywhere(data: bytes) -> bool:
    """Whether a UTF-8 text is broken so often that it must be another encoding; by pieces."""
    decoder = codecs.getincrementaldecoder("utf-8")("replace")
    n_broken = n_other = 0
    for start in range(0, len(data), SAMPLE_BYTES):
        piece = decoder.decode(data[start : start + SAMPLE_BYTES])
        n_broken += piece.count("\ufffd")
        n_other += len(piece) - len(piece.encode("ascii", errors="ignore"))
    return n_broken > n_other - n_broken


def without_surrogates(text: str) -> str:
    """Return `text` with lone surrogates, which cannot be written as UTF-8, as U+FFFD."""
    return _SURROGATES.sub("\ufffd", text)


def _mark_of(data: bytes) -> bytes:
    return next((mark for mark, _ in BYTE_ORDER_MARKS if data.startswith(mark)), b"")


def _few_controls(sample: bytes) -> bool:
    n_controls = len(sample) - len(sample.translate(None, _CONTROLS))
    return n_controls <= max(_MAX_CONTROL_SHARE * len(sample), 1 if len(sample) > 16 else 0)


def _encoding_without_zeros(sample: bytes) -> str:
    try:
        sample.decode("utf-8")
    except UnicodeDecodeError as error:
        # The sample may have been cut inside a character.
        cut = error.start >= len(sample) - 3 and len(sample) == SAMPLE_BYTES
        return "utf-8" if cut or not _is_broken_utf8(sample, "utf-8") else "windows-1252"
    return "utf-8"


def _wide_encoding(sample: bytes) -> str | None:
    """Return UTF-16 without a byte-order mark when most high bytes of a Latin text are zero."""
    even, odd = sample[0::2], sample[1::2]
    if not odd or len(sample) < 8:
        return None
    for high, low, encoding in ((odd, even, "utf-16-le"), (even, odd, "utf-16-be")):
        if high.count(0) > 0.7 * len(high) and _few_controls(low):
            return encoding
    return None


def _is_broken_utf8(body: bytes, encoding: str) -> bool:
    """Whether so many sequences are broken that the bytes must be another encoding."""
    if encoding != "utf-8":
        return False
    decoded = body.decode("utf-8", errors="replace")
    n_broken = decoded.count("\ufffd")
    n_other = len(decoded) - len(decoded.encode("ascii", errors="ignore"))
    return n_broken > n_other - n_broken


def _replacement_warnings(text: str, body: bytes, encoding: str) -> list[str]:
    n_replaced = text.count("\ufffd") - body.count("\ufffd".encode(encoding))
    if n_replaced <= 0:
        return []
    return [f"{n_replaced:,} broken {encoding} sequences were read as U+FFFD."]
