"""The pictures that an HTML text carries in itself, as `data:` addresses."""

import binascii
import re
from collections.abc import Iterator
from urllib.parse import unquote

from latelight.extractors.html_scan import Tag, attributes, scan

_DATA = re.compile(r"\s*data:image/[a-z.+-]{1,40}(?:;[^,;]{1,80})*;base64,", re.IGNORECASE)


def data_pictures(html: str) -> Iterator[tuple[str, bytes]]:
    """Yield `picture 1`, `picture 2`, … with their bytes; a broken one is empty.

    Pictures elsewhere are not fetched.
    """
    if "base64," not in html:
        return
    number = 0
    for token in scan(html):
        if isinstance(token, Tag) and token.name == "img" and not token.closing:
            address = attributes(html, token).get("src", ("", 0))[0]
            head = _DATA.match(address)
            if head:
                number += 1
                yield f"picture {number}", _decoded(address[head.end() :])


def _decoded(text: str) -> bytes:
    try:
        return binascii.a2b_base64(unquote(text).encode("ascii"))
    except (binascii.Error, UnicodeEncodeError):
        return b""
