"""Tiny real files for tests, written byte by byte: PDFs and pictures."""

import io
from collections.abc import Sequence
from dataclasses import dataclass

from PIL import Image, ImageDraw, ImageFont


@dataclass(frozen=True)
class PdfText:
    """Some words of a page: Helvetica with its baseline starting at (x, y), y from the bottom."""

    text: str
    x: float
    y: float
    size: float = 12.0


@dataclass(frozen=True)
class PdfPage:
    """One page.

    Attributes:
        texts: drawn in this order.
        size: width and height in points.
        rotate: degrees clockwise, a multiple of 90.
        crop_box: left, bottom, right, top of what is shown; all when None.
        jpeg: a picture that fills the page or its box, drawn first.
        jpeg_box: left, bottom, right, top of the picture.
    """

    texts: tuple[PdfText, ...] = ()
    size: tuple[float, float] = (612.0, 792.0)
    rotate: int = 0
    crop_box: tuple[float, float, float, float] | None = None
    jpeg: bytes | None = None
    jpeg_box: tuple[float, float, float, float] | None = None


@dataclass(frozen=True)
class PdfExtras:
    """What a file says beside its pages.

    Attributes:
        title: in the document information.
        n_claimed: the page count that it announces, when that is to be a lie.
        encrypted: ask for a password that nobody knows.
    """

    title: str = ""
    n_claimed: int | None = None
    encrypted: bool = False


def make_pdf(pages: Sequence[PdfPage], extras: PdfExtras | None = None) -> bytes:
    """Return a PDF with these pages."""
    extras = extras or PdfExtras()
    writer = _PdfWriter()
    font = writer.add(
        b"<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica /Encoding /WinAnsiEncoding >>"
    )
    parent = writer.reserve()
    kids = [_add_page(writer, page, font, parent) for page in pages]
    refs = " ".join(f"{kid} 0 R" for kid in kids)
    n_claimed = len(kids) if extras.n_claimed is None else extras.n_claimed
    writer.put(parent, f"<< /Type /Pages /Kids [{refs}] /Count {n_claimed} >>".encode())
    root = writer.add(f"<< /Type /Catalog /Pages {parent} 0 R >>".encode())
    info = writer.add(b"<< /Title " + _literal(extras.title) + b" >>")
    return writer.bytes(root, info, extras.encrypted)


def text_pdf(*pages: str) -> bytes:
    """Return a PDF with one line of text for each line of each page."""
    return make_pdf(
        [
            PdfPage(
                tuple(PdfText(line, 72, 720 - 16 * i) for i, line in enumerate(page.splitlines()))
            )
            for page in pages
        ]
    )


def text_picture(lines: Sequence[str], size: tuple[int, int] = (420, 360)) -> Image.Image:
    """Return a white picture with lines of black text, large enough to be read."""
    picture = Image.new("RGB", size, "white")
    draw = ImageDraw.Draw(picture)
    font = ImageFont.load_default(32)
    for number, line in enumerate(lines):
        draw.text((24, 20 + 52 * number), line, fill="black", font=font)
    return picture


def picture_bytes(picture: Image.Image, picture_format: str = "PNG", **options: object) -> bytes:
    """Return the picture as a file."""
    buffer = io.BytesIO()
    picture.save(buffer, picture_format, **options)
    return buffer.getvalue()


class _PdfWriter:
    """Numbers objects and writes the cross-reference table."""

    def __init__(self) -> None:
        self.objects: list[bytes] = []

    def reserve(self) -> int:
        self.objects.append(b"")
        return len(self.objects)

    def put(self, number: int, body: bytes) -> None:
        self.objects[number - 1] = body

    def add(self, body: bytes) -> int:
        number = self.reserve()
        self.put(number, body)
        return number

    def stream(self, entries: str, data: bytes) -> int:
        head = f"<< {entries} /Length {len(data)} >>\nstream\n".encode()
        return self.add(head + data + b"\nendstream")

    def bytes(self, root: int, info: int, encrypted: bool) -> bytes:
        extra = b""
        if encrypted:
            guard = b"<" + b"5a" * 32 + b">"
            lock = self.add(
                b"<< /Filter /Standard /V 1 /R 2 /P -44 /O " + guard + b" /U " + guard + b" >>"
            )
            extra = f" /Encrypt {lock} 0 R /ID [<00><00>]".encode()
        out, places = b"%PDF-1.7\n", []
        for number, body in enumerate(self.objects, 1):
            places.append(len(out))
            out += f"{number} 0 obj\n".encode() + body + b"\nendobj\n"
        table = "".join(f"{place:010d} 00000 n \n" for place in places)
        start = len(out)
        out += f"xref\n0 {len(places) + 1}\n0000000000 65535 f \n{table}".encode()
        trailer = f"/Size {len(places) + 1} /Root {root} 0 R /Info {info} 0 R".encode()
        return (
            out + b"trailer\n<< " + trailer + extra + f" >>\nstartxref\n{start}\n%%EOF\n".encode()
        )


def _add_page(writer: _PdfWriter, page: PdfPage, font: int, parent: int) -> int:
    width, height = page.size
    content, pictures = b"", ""
    if page.jpeg is not None:
        left, bottom, right, top = page.jpeg_box or (0, 0, width, height)
        place = f"{right - left} 0 0 {top - bottom} {left} {bottom}"
        content = f"q {place} cm /I Do Q\n".encode()
        pictures = f"/XObject << /I {_add_jpeg(writer, page.jpeg)} 0 R >>"
    content += b"".join(_show(text) for text in page.texts)
    body = writer.stream("", content)
    crop = ""
    if page.crop_box is not None:
        crop = "/CropBox [" + " ".join(map(str, page.crop_box)) + "]"
    return writer.add(
        f"<< /Type /Page /Parent {parent} 0 R /MediaBox [0 0 {width} {height}] {crop} "
        f"/Rotate {page.rotate} /Resources << /Font << /F {font} 0 R >> {pictures} >> "
        f"/Contents {body} 0 R >>".encode()
    )


def _add_jpeg(writer: _PdfWriter, jpeg: bytes) -> int:
    with Image.open(io.BytesIO(jpeg)) as picture:
        width, height = picture.size
    return writer.stream(
        f"/Type /XObject /Subtype /Image /Width {width} /Height {height} /ColorSpace /DeviceRGB "
        "/BitsPerComponent 8 /Filter /DCTDecode",
        jpeg,
    )


def _show(text: PdfText) -> bytes:
    place = f"BT /F {text.size} Tf 1 0 0 1 {text.x} {text.y} Tm ".encode()
    return place + _literal(text.text) + b" Tj ET\n"


def _literal(text: str) -> bytes:
    raw = text.encode("cp1252")
    for character in (b"\\", b"(", b")"):
        raw = raw.replace(character, b"\\" + character)
    return b"(" + raw + b")"
