"""An e-mail -> its header lines, its text, and what is attached, within limits.

Read with the standard library's parser under its plain policy: the richer one raises on headers
that mail in the wild has.
"""

import re
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from email.errors import HeaderParseError
from email.header import decode_header
from email.message import Message
from email.parser import BytesParser
from email.policy import compat32
from email.utils import getaddresses, parsedate_to_datetime

from latelight.errors import DamagedFileError
from latelight.extractors.decode import decode_text, without_surrogates

MAIL = "message/rfc822"
MAX_PARTS = 10_000
MAX_HEADER = 20_000
MAX_FIELD = 8_192
_PARAMETERS = re.compile(
    rb"^content-(?:type|disposition)[ \t]*:[^\r\n]*(?:\r?\n[ \t][^\r\n]*)*",
    re.IGNORECASE | re.MULTILINE,
)
_SHOWN = ("From", "To", "Cc", "Date", "Subject")
_TEXTS = ("text/plain", "text/html")
_FOLD = re.compile(r"\s+")
_FIELD = re.compile(rb"[!-9;-~]{1,76}:[ \t]?")
_FIELD_NAMES = frozenset(
    b"""from to cc subject date message-id mime-version received return-path reply-to sender
    delivered-to content-type x-mailer dkim-signature authentication-results references bcc
    in-reply-to x-received arc-seal""".split()
)
_ENVELOPE = frozenset({b"from", b"to", b"subject", b"date", b"message-id", b"received", b"sender"})


@dataclass(frozen=True)
class Attachment:
    """A file in a mail: its name among its neighbours, unique, and its bytes."""

    name: str
    data: bytes
    is_mail: bool = False


@dataclass(frozen=True)
class Mail:
    """What a mail says.

    Attributes:
        headers: From, To, Cc, Date and Subject as written, decoded; those that are there.
        text: the plain text, or None.
        html: the HTML text, read where there is no plain one; or None.
        attachments: in order.
    """

    headers: dict[str, str]
    text: str | None
    html: str | None
    attachments: tuple[Attachment, ...]


def looks_like_mail(head: bytes) -> bool:
    """Whether a file begins as a mail does: header fields by RFC 5322, two of them an envelope's.

    At least half of the fields have names that mail programs use, so notes with colons are none.
    """
    names: list[bytes] = []
    lines = head.replace(b"\r\n", b"\n").split(b"\n")
    if lines and lines[0].startswith(b"From ") and b":" in lines[0]:
        del lines[0]  # of a mailbox file
    for line in lines[:-1]:
        if not line:
            break
        if line[:1] in b" \t" and names:
            continue
        field = _FIELD.match(line)
        if not field:
            return False
        names.append(field.group().rstrip(b" \t:").lower())
    known = [name for name in names if name in _FIELD_NAMES or name.startswith(b"x-")]
    return len(_ENVELOPE & set(names)) >= 2 and 2 * len(known) >= len(names)


def read_mail(data: bytes, name: str) -> Mail:
    """Return what a mail says.

    Raises:
        DamagedFileError: it cannot be parsed, or has parts without end.
    """
    _check_fields(data, name)
    try:
        return _mail(BytesParser(policy=compat32).parsebytes(data), name)
    except (RecursionError, LookupError, ValueError, TypeError, AttributeError) as error:
        raise DamagedFileError(
            f"{name}: the message cannot be parsed ({type(error).__name__}: {error}), expected "
            "header lines and parts; save the message anew, or leave it out."
        ) from error


def _check_fields(data: bytes, name: str) -> None:
    """Refuse fields of parameters without end, over which the parser takes quadratic time."""
    longest = max((len(match.group()) for match in _PARAMETERS.finditer(data)), default=0)
    if longest > MAX_FIELD:
        raise DamagedFileError(
            f"{name}: a header field of {longest:,} bytes, expected at most {MAX_FIELD:,}; "
            "save the message anew, or leave it out."
        )


def _mail(message: Message, name: str) -> Mail:
    texts: dict[str, str] = {}
    attachments: list[Attachment] = []
    for part in _leaves(message, name):
        kind = part.get_content_type()
        if kind in _TEXTS and kind not in texts and not _is_attached(part):
            texts[kind] = _text(part)
        else:
            attachments.append(_attachment(part, len(attachments) + 1))
    return Mail(
        _headers(message), texts.get("text/plain"), texts.get("text/html"), _unique(attachments)
    )


def mail_metadata(mail: Mail) -> dict[str, str]:
    """Return title (the subject), author (names or addresses of From) and created (ISO date)."""
    found = {"title": mail.headers.get("Subject", "")}
    found["author"] = ", ".join(
        name or address for name, address in getaddresses([mail.headers.get("From", "")])
    )
    # A date that no clock shows is no metadata.
    with suppress(ValueError, TypeError, IndexError, OverflowError):
        found["created"] = parsedate_to_datetime(mail.headers.get("Date", "")).date().isoformat()
    return {key: value[:500] for key, value in found.items() if value}


def _leaves(message: Message, name: str) -> Iterator[Message]:
    """Yield the parts that hold something, in order; a mail within this one is one part."""
    waiting = [message]
    n_parts = 0
    while waiting:
        part = waiting.pop()
        n_parts += 1
        if n_parts > MAX_PARTS:
            raise DamagedFileError(
                f"{name}: a message of more than {MAX_PARTS:,} parts, expected fewer; "
                "save its attachments and add those."
            )
        payload = part.get_payload()
        is_mail = part.get_content_type() == MAIL and part is not message
        if isinstance(payload, list) and not is_mail:
            waiting.extend(inner for inner in reversed(payload) if isinstance(inner, Message))
        else:
            yield part


def _is_attached(part: Message) -> bool:
    return part.get_content_disposition() == "attachment" or bool(part.get_filename())


def _text(part: Message) -> str:
    data = _bytes(part)
    charset = part.get_content_charset("")
    try:
        text = data.decode(charset) if charset else ""
    except (LookupError, UnicodeError):
        text = ""  # the declared encoding is wrong; the content tells
    if not text:
        decoded = decode_text(data)
        text = decoded.text if decoded else data.decode("latin-1")
    return without_surrogates(text.replace("\x00", " ")).replace("\r\n", "\n")


def _bytes(part: Message) -> bytes:
    data = part.get_payload(decode=True)
    return data if isinstance(data, bytes) else b""


def _attachment(part: Message, number: int) -> Attachment:
    payload = part.get_payload()
    if part.get_content_type() == MAIL and isinstance(payload, list) and payload:
        inner = payload[0]
        subject = _decoded(inner.get("Subject")) if isinstance(inner, Message) else ""
        name = _file_name(part) or f"{subject[:80] or f'message {number}'}.eml"
        data = inner.as_bytes(policy=compat32) if isinstance(inner, Message) else b""
        return Attachment(name, data, is_mail=True)
    suffix = {"text/html": ".html", "text/plain": ".txt"}.get(part.get_content_type(), "")
    return Attachment(_file_name(part) or f"attachment {number}{suffix}", _bytes(part))


def _file_name(part: Message) -> str:
    """Return an attachment's own name without folders: it is a label, never a path."""
    name = _decoded(part.get_filename())
    return re.split(r"[/\\]", name)[-1].strip()[:200]


def _unique(attachments: list[Attachment]) -> tuple[Attachment, ...]:
    seen: dict[str, int] = {}
    unique = []
    for one in attachments:
        seen[one.name] = n = seen.get(one.name, 0) + 1
        name = one.name if n == 1 else f"{one.name} ({n})"
        unique.append(Attachment(name, one.data, one.is_mail))
    return tuple(unique)


def _headers(message: Message) -> dict[str, str]:
    found = {name: _decoded(message.get(name)) for name in _SHOWN}
    return {name: value for name, value in found.items() if value}


def _decoded(value: object) -> str:
    """Return a header's characters on one line."""
    if value is None:
        return ""
    text = str(value)[:MAX_HEADER]
    try:
        pieces = decode_header(text)
    except (HeaderParseError, ValueError):
        pieces = [(text, None)]
    whole = "".join(_piece(piece, charset) for piece, charset in pieces)
    return _FOLD.sub(" ", without_surrogates(whole).replace("\x00", " ")).strip()


def _piece(piece: bytes | str, charset: str | None) -> str:
    if isinstance(piece, str):
        return piece
    try:
        return piece.decode(charset or "utf-8")
    except (LookupError, UnicodeError):
        return piece.decode("latin-1")
