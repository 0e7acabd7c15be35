import pytest

from latelight.errors import FileTooLargeError
from latelight.extractors.detect import detect_media_type
from latelight.extractors.eml import MAX_DEPTH
from latelight.extractors.mail_parts import looks_like_mail, read_mail
from latelight.extractors.parts import open_part
from latelight.extractors.protocol import ExtractionOptions
from latelight.extractors.registry import extract
from latelight.testing.files import picture_bytes, text_pdf, text_picture
from latelight.testing.office_files import make_docx, make_mail, make_xlsx
from latelight.types import Extraction, Source

OPTIONS = ExtractionOptions(ocr="never", render_images=True)


def read(data: bytes, **limits: int) -> Extraction:
    return extract(Source("a.eml", data), ExtractionOptions(ocr="never", **limits))  # type: ignore[arg-type]


def test_headers_and_text_are_read_and_say_who_and_when() -> None:
    found = read(make_mail("Tilbud på båt", "Hei,\nher er tilbudet.\n").as_bytes())
    assert found.media_type == "message/rfc822"
    assert found.text == (
        "Tilbud på båt\n\nFrom: Åse Writer <ase@example.org>\nTo: Reader <reader@example.org>\n"
        "Date: Tue, 03 Jan 2023 10:00:00 +0100\n\nHei,\nher er tilbudet."
    )
    assert found.metadata == {
        "title": "Tilbud på båt",
        "author": "Åse Writer",
        "created": "2023-01-03",
    }
    assert found.units[0].heading == ("Tilbud på båt",)


def test_attachments_are_read_by_their_content_and_name_their_origin() -> None:
    data = make_mail(
        "Files",
        "See below.",
        {"report.bin": text_pdf("First page.", "Second page."),
         "figures.xlsx": make_xlsx({"S": [["Year", "Cost"], ["2019", "4"]]})},
    ).as_bytes()  # fmt: skip
    units = {unit.unit_id: unit for unit in read(data).units}
    assert set(units) == {"c0", "a1.p1", "a1.p2", "a2.t0"}
    assert units["a1.p2"].locator.page == 2
    assert units["a1.p2"].locator.part == ("report.bin",)
    assert units["a1.p2"].words is not None and len(units["a1.p2"].words.spans) == 2
    cells = units["a2.t0"].locator.cells
    assert cells is not None and cells.a1 == "A1:B2"
    assert units["a2.t0"].heading == ("figures.xlsx", "S")


def test_mails_within_mails_keep_the_whole_way() -> None:
    inner = make_mail("Inner", "Nested words.", {"a.docx": make_docx(["Deep words."])})
    outer = make_mail("Outer", "Look.")
    outer.add_attachment(inner)
    found = extract(Source("a.eml", outer.as_bytes()), OPTIONS)
    deep = next(unit for unit in found.units if unit.text == "Deep words.")
    assert deep.locator.part == ("Inner.eml", "a.docx")
    assert deep.unit_id == "a1.a1.c0"
    span = deep.locator.span
    assert span is not None and found.text[span.start : span.end] == "Deep words."


def test_a_part_can_be_opened_again_by_its_names() -> None:
    picture = picture_bytes(text_picture(["words"]))
    inner = make_mail("Inner", "x", {"a.docx": make_docx(["y"], picture=picture)})
    outer = make_mail("Outer", "Look.")
    outer.add_attachment(inner)
    source = Source("a.eml", outer.as_bytes())
    unit = extract(source, OPTIONS).units[-1]
    assert unit.kind == "image"
    assert open_part(source, unit.locator.part).data == picture


def test_an_attachment_that_cannot_be_read_is_a_warning() -> None:
    data = make_mail("Files", "Text.", {"a.pdf": text_pdf("x")[:99], "b.zip": b"PK\x03\x04"})
    found = read(data.as_bytes())
    assert [unit.unit_id for unit in found.units] == ["c0"]
    assert [warning.split("'")[1] for warning in found.warnings] == ["a.pdf", "b.zip"]


def test_attachments_of_one_name_are_told_apart_and_paths_are_only_names() -> None:
    data = make_mail("S", "t", {"../../etc/x.txt": b"one two"})
    data.add_attachment(b"three", maintype="application", subtype="x", filename="x.txt")
    mail = read_mail(data.as_bytes(), "a.eml")
    assert [one.name for one in mail.attachments] == ["x.txt", "x.txt (2)"]


def test_html_is_read_where_there_is_no_plain_text() -> None:
    data = b"From: a@x\nTo: b@x\nSubject: S\nContent-Type: text/html\n\n<p>One<p>Two &amp; three"
    assert read(data).text.endswith("\n\nOne\n\nTwo & three")


def test_a_text_in_another_encoding_than_it_says_is_read_by_its_content() -> None:
    data = "From: a@x\nTo: b@x\nSubject: S\nContent-Type: text/plain; charset=ascii\n\nbåt".encode()
    assert read(data).text.endswith("båt")


def test_mails_nested_without_end_are_cut_off() -> None:
    mail = make_mail("Innermost", "words")
    for number in range(MAX_DEPTH + 2):
        outer = make_mail(f"Around {number}", "words")
        outer.add_attachment(mail)
        mail = outer
    found = read(mail.as_bytes())
    assert max(len(unit.locator.part) for unit in found.units) == MAX_DEPTH
    assert f"at most {MAX_DEPTH} are opened" in found.warnings[0]


def test_parts_and_attachments_are_limited() -> None:
    many = make_mail("S", "t", {f"{i}.txt": b"some words" for i in range(9)}).as_bytes()
    found = read(many, max_attachments=3)
    assert len(found.units) == 4
    assert "6 attachments were left out; raise max_attachments" in found.warnings[0]
    with pytest.raises(FileTooLargeError, match="max_characters"):
        read(many, max_characters=60)


@pytest.mark.parametrize(
    ("head", "expected"),
    [
        (b"From: a\nTo: b\nSubject: x\n\nbody", True),
        (b"Received: from x\n by y\nDate: now\nX-Any: 1\n\n", True),
        (b"From a@x Tue Jan 3 10:00:00 2023\nFrom: a\nTo: b\n\n", True),
        (b"Note: buy milk\nFrom: the shop\nAlso: bread\nThen: home\n\n", False),
        (b"Dear all,\n\nFrom: and To: are words.", False),
        (b"Subject: only\n\nbody", False),
        (b"", False),
    ],
)
def test_a_mail_is_known_by_its_header(head: bytes, expected: bool) -> None:
    assert looks_like_mail(head) == expected
    assert (detect_media_type(Source("x.txt", head or b"x")) == "message/rfc822") == expected
