"""Letters for captions that work without any font on the machine.

Pillow carries one typeface for basic Latin. Text beyond it is drawn with a font of the system
where one of the usual ones is found, else with its accents taken off; what remains shows as the
typeface's empty box. Nothing is looked up over a network, and nothing crashes.
"""

import unicodedata
from functools import cache

from PIL import ImageFont

from latelight.explain.snippet import printable

Face = ImageFont.FreeTypeFont | ImageFont.ImageFont

SYSTEM_FACES = (
    "DejaVuSans.ttf",
    "NotoSans-Regular.ttf",
    "NotoSansCJK-Regular.ttc",
    "LiberationSans-Regular.ttf",
    "Arial Unicode.ttf",
    "segoeui.ttf",
    "arial.ttf",
)
PLAIN_FORMS = str.maketrans(
    {"–": "-", "—": "-", "×": "x", "•": "·", "ß": "ss", "æ": "ae", "œ": "oe", "ø": "o", "€": "EUR"}
)
NOT_A_CHARACTER = "\U000f0000"


def drawable(text: str, size: int) -> tuple[str, Face]:
    """Return `text` in the form that can be drawn, and the face of `size` pixels for it."""
    text = printable(text)
    for name in (None, *SYSTEM_FACES):
        face = _face(name, size)
        if face is not None and _holds(name, text):
            return text, face
    return _plain(text), _own_face(size)


def _plain(text: str) -> str:
    apart = unicodedata.normalize("NFKD", text.translate(PLAIN_FORMS))
    return "".join(c for c in apart if not unicodedata.combining(c))


def _holds(name: str | None, text: str) -> bool:
    return all(_has_glyph(name, character) for character in set(text))


@cache
def _has_glyph(name: str | None, character: str) -> bool:
    if character.isspace():
        return True
    face = _face(name, 20)
    return face is not None and _shape(face, character) != _shape(face, NOT_A_CHARACTER)


def _shape(face: Face, character: str) -> bytes:
    return bytes(face.getmask(character))


@cache
def _face(name: str | None, size: int) -> Face | None:
    if name is None:
        return _own_face(size)
    try:
        return ImageFont.truetype(name, size)
    except OSError:
        return None


@cache
def _own_face(size: int) -> Face:
    return ImageFont.load_default(size)
