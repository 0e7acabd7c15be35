"""Tiny real office files, books and mails for tests, written part by part."""

import io
from collections.abc import Mapping, Sequence
from email.message import EmailMessage
from html import escape
from zipfile import ZIP_DEFLATED, ZIP_STORED, ZipFile

_OFFICE = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
_PACKAGE = "http://schemas.openxmlformats.org/package/2006"
_WORD = "http://schemas.openxmlformats.org/wordprocessingml/2006/main"
_DRAWING = "http://schemas.openxmlformats.org/drawingml/2006/main"
_SLIDES = "http://schemas.openxmlformats.org/presentationml/2006/main"
_SHEETS = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
_ODF = "urn:oasis:names:tc:opendocument:xmlns:"
_MAIN = "application/vnd.openxmlformats-officedocument."
Cells = Sequence[Sequence[str]]


def make_zip(members: Mapping[str, bytes | str], *, first_stored: bool = False) -> bytes:
    """Return a zip file of these members; the first one unpacked where a format asks for it."""
    buffer = io.BytesIO()
    with ZipFile(buffer, "w", ZIP_DEFLATED) as archive:
        for number, (name, data) in enumerate(members.items()):
            method = ZIP_STORED if first_stored and not number else ZIP_DEFLATED
            archive.writestr(name, data, method)
    return buffer.getvalue()


def make_docx(
    blocks: Sequence[str | Cells],
    *,
    picture: bytes | None = None,
    title: str = "",
    author: str = "",
) -> bytes:
    """Return a DOCX file: strings are paragraphs (headings behind `# `), cells are a table."""
    styles = (
        f'<w:styles xmlns:w="{_WORD}"><w:style w:type="paragraph" w:styleId="H1">'
        '<w:name w:val="heading 1"/></w:style></w:styles>'
    )
    body = "".join(_word_block(block) for block in blocks)
    relations = {"rStyles": ("styles", "styles.xml")}
    members: dict[str, bytes | str] = {}
    if picture is not None:
        relations["rPicture"] = ("image", "media/image1.png")
        members["word/media/image1.png"] = picture
    document = f'<w:document xmlns:w="{_WORD}"><w:body>{body}</w:body></w:document>'
    return make_zip(
        {
            **_package("word/document.xml", "wordprocessingml.document.main+xml"),
            "docProps/core.xml": _core(title, author),
            "word/document.xml": document,
            "word/styles.xml": styles,
            "word/_rels/document.xml.rels": _relations(relations),
            **members,
        }
    )


def make_pptx(slides: Sequence[tuple[str, str]], *, picture: bytes | None = None) -> bytes:
    """Return a PPTX file of slides, each a title and a text; the picture is on the first."""
    names = [f"slides/slide{number}.xml" for number in range(1, len(slides) + 1)]
    entries = "".join(f'<p:sldId id="{256 + i}" r:id="r{i}"/>' for i in range(len(slides)))
    members: dict[str, bytes | str] = {
        **_package("ppt/presentation.xml", "presentationml.presentation.main+xml"),
        "ppt/presentation.xml": f'<p:presentation xmlns:p="{_SLIDES}" xmlns:r="{_OFFICE}">'
        f"<p:sldIdLst>{entries}</p:sldIdLst></p:presentation>",
        "ppt/_rels/presentation.xml.rels": _relations(
            {f"r{i}": ("slide", name) for i, name in enumerate(names)}
        ),
    }
    for name, (title, text) in zip(names, slides, strict=True):
        members[f"ppt/{name}"] = _slide(title, text)
    if picture is not None:
        members["ppt/slides/_rels/slide1.xml.rels"] = _relations(
            {"rPicture": ("image", "../media/image1.png")}
        )
        members["ppt/media/image1.png"] = picture
    return make_zip(members)


def make_xlsx(sheets: Mapping[str, Cells]) -> bytes:
    """Return an XLSX file; a cell that reads as a number is one, an empty one is left out."""
    entries = "".join(
        f'<sheet name="{escape(name)}" sheetId="{i}" r:id="r{i}"/>'
        for i, name in enumerate(sheets, 1)
    )
    numbered = list(enumerate(sheets.values(), 1))
    return make_zip(
        {
            **_package("xl/workbook.xml", "spreadsheetml.sheet.main+xml"),
            "xl/workbook.xml": f'<workbook xmlns="{_SHEETS}" xmlns:r="{_OFFICE}">'
            f"<sheets>{entries}</sheets></workbook>",
            "xl/_rels/workbook.xml.rels": _relations(
                {f"r{i}": ("worksheet", f"worksheets/sheet{i}.xml") for i, _ in numbered}
            ),
            **{f"xl/worksheets/sheet{i}.xml": _sheet(cells) for i, cells in numbered},
        }
    )


def make_odf(kind: str, body: str, *, title: str = "") -> bytes:
    """Return an OpenDocument file.

    Args:
        kind: `text`, `spreadsheet` or `presentation`.
        body: what is in `office:body`, with the usual prefixes.
        title: in its metadata.
    """
    names = {"office": "office", "text": "text", "table": "table", "draw": "drawing"}
    spaces = " ".join(f'xmlns:{short}="{_ODF}{name}:1.0"' for short, name in names.items())
    spaces += f' xmlns:presentation="{_ODF}presentation:1.0"'
    spaces += ' xmlns:xlink="http://www.w3.org/1999/xlink"'
    meta = f'<meta xmlns:dc="http://purl.org/dc/elements/1.1/"><dc:title>{escape(title)}</dc:title>'
    return make_zip(
        {
            "mimetype": f"application/vnd.oasis.opendocument.{kind}",
            "content.xml": f"<office:document-content {spaces}><office:body><office:{kind}>{body}"
            f"</office:{kind}></office:body></office:document-content>",
            "meta.xml": meta + "</meta>",
        },
        first_stored=True,
    )


def odf_table(name: str, cells: Cells) -> str:
    """Return a table for the body of `make_odf`."""
    rows = "".join(
        "<table:table-row>"
        + "".join(
            f"<table:table-cell><text:p>{escape(cell)}</text:p></table:table-cell>" for cell in row
        )
        + "</table:table-row>"
        for row in cells
    )
    return f'<table:table table:name="{escape(name)}">{rows}</table:table>'


def make_epub(chapters: Mapping[str, str], *, title: str, picture: bytes | None = None) -> bytes:
    """Return an EPUB of chapters: HTML bodies by file name, in reading order."""
    items = "".join(
        f'<item id="c{i}" href="{name}" media-type="application/xhtml+xml"/>'
        for i, name in enumerate(chapters)
    )
    spine = "".join(f'<itemref idref="c{i}"/>' for i in range(len(chapters)))
    pictures: dict[str, bytes | str] = {}
    if picture is not None:
        items += '<item id="p" href="images/p.png" media-type="image/png"/>'
        pictures["OEBPS/images/p.png"] = picture
    return make_zip(
        {
            "mimetype": "application/epub+zip",
            "META-INF/container.xml": '<container><rootfiles><rootfile full-path="OEBPS/b.opf"/>'
            "</rootfiles></container>",
            "OEBPS/b.opf": '<package xmlns:dc="http://purl.org/dc/elements/1.1/"><metadata>'
            f"<dc:title>{escape(title)}</dc:title><dc:creator>A. Writer</dc:creator></metadata>"
            f"<manifest>{items}</manifest><spine>{spine}</spine></package>",
            **{f"OEBPS/{name}": f"<html><body>{b}</body></html>" for name, b in chapters.items()},
            **pictures,
        },
        first_stored=True,
    )


def make_mail(
    subject: str, text: str, attachments: Mapping[str, bytes] | None = None
) -> EmailMessage:
    """Return a mail; `as_bytes()` is its file, `add_attachment` puts more into it."""
    mail = EmailMessage()
    mail["From"] = "Åse Writer <ase@example.org>"
    mail["To"] = "Reader <reader@example.org>"
    mail["Date"] = "Tue, 03 Jan 2023 10:00:00 +0100"
    mail["Subject"] = subject
    mail.set_content(text)
    for name, data in (attachments or {}).items():
        mail.add_attachment(data, maintype="application", subtype="octet-stream", filename=name)
    return mail


def make_ole(*streams: str) -> bytes:
    """Return the beginning of a compound file with these streams' names in its directory."""
    entries = b"".join(name.encode("utf-16-le").ljust(128, b"\0") for name in streams)
    return b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1".ljust(512, b"\0") + entries


def _package(main: str, kind: str) -> dict[str, bytes | str]:
    types = (
        f'<Types xmlns="{_PACKAGE}/content-types"><Override PartName="/{main}" '
        f'ContentType="{_MAIN}{kind}"/></Types>'
    )
    relations = _relations({"rMain": ("officeDocument", main)})
    return {"[Content_Types].xml": types, "_rels/.rels": relations}


def _relations(targets: Mapping[str, tuple[str, str]]) -> str:
    listed = "".join(
        f'<Relationship Id="{key}" Type="{_OFFICE}/{kind}" Target="{target}"/>'
        for key, (kind, target) in targets.items()
    )
    return f'<Relationships xmlns="{_PACKAGE}/relationships">{listed}</Relationships>'


def _core(title: str, author: str) -> str:
    return (
        '<core xmlns:dc="http://purl.org/dc/elements/1.1/" xmlns:t="http://purl.org/dc/terms/">'
        f"<dc:title>{escape(title)}</dc:title><dc:creator>{escape(author)}</dc:creator>"
        "<t:created>2023-01-03T10:00:00Z</t:created></core>"
    )


def _word_block(block: str | Cells) -> str:
    if isinstance(block, str):
        title = block.removeprefix("# ")
        style = '<w:pPr><w:pStyle w:val="H1"/></w:pPr>' if title != block else ""
        return f"<w:p>{style}<w:r><w:t>{escape(title)}</w:t></w:r></w:p>"
    rows = ("".join(f"<w:tc>{_word_block(cell)}</w:tc>" for cell in row) for row in block)
    return "<w:tbl>" + "".join(f"<w:tr>{row}</w:tr>" for row in rows) + "</w:tbl>"


def _slide(title: str, text: str) -> str:
    shapes = "".join(
        f'<p:sp><p:nvSpPr><p:nvPr><p:ph type="{kind}"/></p:nvPr></p:nvSpPr><p:txBody>'
        f"<a:p><a:r><a:t>{escape(words)}</a:t></a:r></a:p></p:txBody></p:sp>"
        for kind, words in (("body", text), ("title", title))
    )
    return f'<p:sld xmlns:p="{_SLIDES}" xmlns:a="{_DRAWING}">{shapes}</p:sld>'


def _sheet(cells: Cells) -> str:
    rows = "".join(
        f'<row r="{number}">' + "".join(map(_cell, _references(number, row), row)) + "</row>"
        for number, row in enumerate(cells, 1)
    )
    return f'<worksheet xmlns="{_SHEETS}"><sheetData>{rows}</sheetData></worksheet>'


def _references(number: int, row: Sequence[str]) -> list[str]:
    return [f"{chr(ord('A') + column)}{number}" for column in range(len(row))]


def _cell(reference: str, value: str) -> str:
    if not value:
        return ""
    if value.replace(".", "", 1).isdecimal():
        return f'<c r="{reference}"><v>{value}</v></c>'
    return f'<c r="{reference}" t="inlineStr"><is><t>{escape(value)}</t></is></c>'
