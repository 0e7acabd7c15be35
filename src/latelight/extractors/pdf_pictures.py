"""Large pictures on a page that has text of its own: the words on them, read beside the text."""

from dataclasses import replace

import numpy as np
import pypdfium2 as pdfium
import pypdfium2.raw as c
from PIL import Image

from latelight.extractors.ocr import read_picture
from latelight.extractors.ocr_models import OcrChoice
from latelight.extractors.pdf_words import PageWords, Shown
from latelight.types import Box, WordBoxes

_COVER = 0.2  # of the page; smaller ones are logos, signatures, ornaments
_FEW_CHARACTERS = (
    16  # of the text layer on it: more, and the picture is ground, or a scan with text
)
_MOST = 4  # pictures of one page
_BREAK = "\n\n"


def unread_pictures(page: pdfium.PdfPage, found: PageWords) -> list[Box]:
    """Return the places of large pictures that the text layer has nothing to say of.

    They are read when the page has text of its own: a scanned sheet under a typed letterhead, a
    table pasted as a screenshot.
    """
    shown = Shown(page, found.width, found.height)
    boxes = []
    for item in page.get_objects(filter=[c.FPDF_PAGEOBJ_IMAGE], max_depth=3):
        left, top, right, bottom = shown.box(*item.get_bounds())
        box = Box(
            max(left / found.width, 0.0),
            max(top / found.height, 0.0),
            min(right / found.width, 1.0),
            min(bottom / found.height, 1.0),
        )
        is_large = (box.right - box.left) * (box.bottom - box.top) >= _COVER
        if is_large and box not in boxes and _n_characters(found, box) < _FEW_CHARACTERS:
            boxes.append(box)
    return boxes[:_MOST]


def with_picture_words(
    text: str, words: WordBoxes, picture: Image.Image, places: list[Box], choice: OcrChoice
) -> tuple[str, WordBoxes]:
    """Return a page's text and words, those on the pictures at some places after its own.

    Args:
        text: of the page's own layer.
        words: boxes of its words.
        picture: the page as shown.
        places: of the pictures on it.
        choice: how they are read.
    """
    for place in places:
        more, own = read_picture(picture.crop(_pixels(place, picture.size)), choice)
        if not more:
            continue
        text += _BREAK if text else ""
        spans = own.spans + np.int32(len(text))
        corner = np.array([place.left, place.top] * 2, np.float32)
        extent = np.array([place.right - place.left, place.bottom - place.top] * 2, np.float32)
        boxes = (corner + own.boxes * extent).astype(np.float32)
        words = replace(
            words,
            spans=np.concatenate([words.spans, spans]),
            boxes=np.concatenate([words.boxes, boxes]),
        )
        text += more
    return text, words


def _pixels(place: Box, size: tuple[int, int]) -> tuple[int, int, int, int]:
    width, height = size
    left, top = int(place.left * width), int(place.top * height)
    right, bottom = round(place.right * width), round(place.bottom * height)
    return left, top, max(right, left + 1), max(bottom, top + 1)


def _n_characters(found: PageWords, box: Box) -> int:
    """Return how many characters of the text layer stand on a place."""
    n_characters = 0
    for word in found.words:
        x = (word.left + word.right) / 2 / found.width
        y = (word.top + word.bottom) / 2 / found.height
        if box.left <= x <= box.right and box.top <= y <= box.bottom:
            n_characters += len(word.text)
    return n_characters
