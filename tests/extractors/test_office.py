"""DOCX, PPTX, XLSX and OpenDocument files, each by the units that come out."""

import pytest

from latelight.errors import DamagedFileError, EmptyFileError, EncryptedFileError
from latelight.extractors.archive import Archive
from latelight.extractors.protocol import DEFAULT_OPTIONS, ExtractionOptions
from latelight.extractors.registry import extract
from latelight.testing.files import picture_bytes, text_picture
from latelight.testing.office_files import (
    make_docx,
    make_odf,
    make_pptx,
    make_xlsx,
    make_zip,
    odf_table,
)
from latelight.types import Extraction, Source

TABLE = [["Year", "Cost"], ["2019", "4.2"]]
PICTURE = picture_bytes(text_picture(["Harbour lights"]))
NO_OCR = ExtractionOptions(ocr="never", render_images=True)


def read(name: str, data: bytes, options: ExtractionOptions = NO_OCR) -> Extraction:
    return extract(Source(name, data), options)


def told(found: Extraction) -> list[tuple[str, str]]:
    return [(unit.unit_id, unit.text) for unit in found.units]


def with_member(data: bytes, name: str, text: str) -> bytes:
    archive = Archive(data, "a", DEFAULT_OPTIONS)
    return make_zip({**{own: archive.read(own) for own in archive.members}, name: text})


def test_a_word_document_gives_passages_under_headings_and_tables_with_cells() -> None:
    data = make_docx(
        ["# Costs", "The refit was dear.", TABLE, "After it."], title="Ferry", author="Å. Writer"
    )
    found = read("a.docx", data)
    assert told(found) == [
        ("c0", "Costs\n\nThe refit was dear."),
        ("t0", "Year\tCost\n2019\t4.2"),
        ("c1", "After it."),
    ]
    assert [unit.heading for unit in found.units] == [("Costs",)] * 3
    cells = found.units[1].locator.cells
    assert cells is not None
    assert (cells.table, cells.a1) == ("table 1", "A1:B2")
    assert found.title == "Ferry"
    assert found.metadata == {"title": "Ferry", "author": "Å. Writer", "created": "2023-01-03"}


def test_what_was_deleted_or_written_twice_is_left_out() -> None:
    body = make_docx(["stays"])
    word = Archive(body, "a", DEFAULT_OPTIONS).read("word/document.xml").decode()
    extra = (
        "<w:p><w:del><w:r><w:delText>gone</w:delText></w:r></w:del><w:ins><w:r><w:t>new</w:t>"
        "</w:r></w:ins><Fallback><w:r><w:t>twice</w:t></w:r></Fallback></w:p></w:body>"
    )
    data = with_member(body, "word/document.xml", word.replace("</w:body>", extra))
    assert read("a.docx", data).text == "stays\n\nnew"


def test_a_table_of_one_cell_is_a_frame_around_text() -> None:
    found = read("a.docx", make_docx([[["only words"]]]))
    assert told(found) == [("c0", "only words")]


def test_a_table_within_a_table_is_read_once() -> None:
    body = make_docx([[["a", "b"], ["c", "INNER"]]])
    word = Archive(body, "a", DEFAULT_OPTIONS).read("word/document.xml").decode()
    inner = "<w:tbl><w:tr><w:tc><w:p><w:r><w:t>d</w:t></w:r></w:p></w:tc></w:tr></w:tbl>"
    place = "<w:p><w:r><w:t>INNER</w:t></w:r></w:p>"
    data = with_member(body, "word/document.xml", word.replace(place, inner))
    assert read("a.docx", data).text == "a\tb\nc\td"


def test_slides_are_pages_titles_first() -> None:
    found = read("a.pptx", make_pptx([("Wind", "Off the coast"), ("Sun", "On roofs")]))
    assert told(found) == [("s0", "Wind\nOff the coast"), ("s1", "Sun\nOn roofs")]
    assert [unit.locator.page for unit in found.units] == [1, 2]
    assert [unit.kind for unit in found.units] == ["page", "page"]
    assert found.units[1].heading == ("Sun",)


def test_sheets_are_cut_into_pieces_that_repeat_their_header() -> None:
    rows = [["Region", "Units"], *([f"Region number {i}", str(i)] for i in range(40))]
    found = read("a.xlsx", make_xlsx({"Sales": rows, "Notes": [["", "lonely"]]}),
                 ExtractionOptions(passage_characters=300))  # fmt: skip
    pieces = [unit for unit in found.units if unit.heading == ("Sales",)]
    assert len(pieces) > 2
    assert all(unit.text.startswith("Region\tUnits\n") for unit in pieces)
    last = found.units[-1].locator.cells
    assert last is not None
    assert (last.table, last.a1) == ("Notes", "B1")
    rows_seen = [line for unit in pieces for line in unit.text.split("\n")[1:]]
    assert rows_seen == ["\t".join(row) for row in rows[1:]]


def test_numbers_show_as_dates_and_percent_where_the_sheet_shows_them_so() -> None:
    data = make_xlsx({"S": [["45000.5", "0.25", "1.5"]]})
    styles = (
        '<styleSheet><numFmts><numFmt numFmtId="170" formatCode="yyyy\\-mm\\-dd"/></numFmts>'
        '<cellXfs><xf numFmtId="0"/><xf numFmtId="170"/><xf numFmtId="9"/></cellXfs></styleSheet>'
    )
    archive = Archive(data, "a", DEFAULT_OPTIONS)
    sheet = archive.read("xl/worksheets/sheet1.xml").decode()
    sheet = sheet.replace('r="A1"', 'r="A1" s="1"').replace('r="B1"', 'r="B1" s="2"')
    relations = archive.read("xl/_rels/workbook.xml.rels").decode()
    relations = relations.replace(
        "</Relationships>",
        '<Relationship Id="s" Type="x/styles" Target="styles.xml"/></Relationships>',
    )
    for name, text in (
        ("xl/styles.xml", styles),
        ("xl/worksheets/sheet1.xml", sheet),
        ("xl/_rels/workbook.xml.rels", relations),
    ):
        data = with_member(data, name, text)
    assert read("a.xlsx", data).text == "2023-03-15 12:00:00\t25%\t1.5"


def test_an_opendocument_text_keeps_headings_tables_and_spaces() -> None:
    body = (
        '<text:h text:outline-level="1">Opening</text:h><text:p>Two<text:s text:c="2"/>spaces'
        "<text:line-break/>and a line</text:p>"
        + odf_table("T", TABLE)
        + "<text:tracked-changes><text:p>gone</text:p></text:tracked-changes>"
    )
    found = read("a.odt", make_odf("text", body, title="Book"))
    assert told(found) == [
        ("c0", "Opening\n\nTwo  spaces\nand a line"),
        ("t0", "Year\tCost\n2019\t4.2"),
    ]
    assert found.title == "Book"


def test_opendocument_sheets_know_their_cells_and_repeats_are_bounded() -> None:
    empty = (
        '<table:table-row table:number-rows-repeated="1000000"><table:table-cell '
        'table:number-columns-repeated="16000"/></table:table-row>'
    )
    many = (
        '<table:table-row table:number-rows-repeated="1048576"><table:table-cell '
        'table:number-columns-repeated="1048576"><text:p>x</text:p></table:table-cell>'
        "</table:table-row>"
    )
    sheet = odf_table("One", TABLE).replace("</table:table>", f"{empty}{many}</table:table>")
    found = read("a.ods", make_odf("spreadsheet", sheet + odf_table("Two", [["a", "b"]])))
    first, last = found.units[0].locator.cells, found.units[-1].locator.cells
    assert first is not None and last is not None
    assert (first.table, first.a1, last.table, last.a1) == ("One", "A1:B2", "Two", "A1:B1")
    assert len(found.text) < 300_000


def test_opendocument_slides_are_pages() -> None:
    page = (
        "<draw:page><draw:frame><draw:text-box><text:p>Body</text:p></draw:text-box></draw:frame>"
        '<draw:frame presentation:class="title"><draw:text-box><text:p>Head</text:p>'
        "</draw:text-box></draw:frame><presentation:notes><draw:frame><draw:text-box>"
        "<text:p>Say it</text:p></draw:text-box></draw:frame>"
        '<draw:frame presentation:class="page-number"><draw:text-box>'
        "<text:p>7</text:p></draw:text-box></draw:frame></presentation:notes></draw:page>"
    )
    found = read("a.odp", make_odf("presentation", page))
    assert told(found) == [("s0", "Head\nBody\nNotes: Say it")]
    assert found.units[0].locator.page == 1


@pytest.mark.parametrize(
    ("name", "data"),
    [
        ("a.docx", make_docx(["Words."], picture=PICTURE)),
        ("a.pptx", make_pptx([("Title", "Words")], picture=PICTURE)),
    ],
)
def test_pictures_are_units_that_name_their_part(name: str, data: bytes) -> None:
    unit = read(name, data).units[-1]
    assert (unit.kind, unit.unit_id) == ("image", "i1.i1")
    assert unit.locator.part[0].endswith("media/image1.png")
    assert unit.image is not None


def test_a_picture_that_cannot_be_read_is_a_warning() -> None:
    found = read("a.docx", make_docx(["Words."], picture=PICTURE[:300]))
    assert [unit.unit_id for unit in found.units] == ["c0"]
    assert "1 embedded pictures could not be read" in found.warnings[0]


@pytest.mark.parametrize(
    ("name", "data"), [("a.docx", make_docx([])), ("a.xlsx", make_xlsx({"S": []})),
                       ("a.odt", make_odf("text", ""))],
)  # fmt: skip
def test_nothing_to_read_is_an_empty_file(name: str, data: bytes) -> None:
    with pytest.raises(EmptyFileError, match=name):
        read(name, data)


def test_an_entity_bomb_in_a_part_is_refused() -> None:
    bomb = '<!DOCTYPE x [<!ENTITY a "aaaa">]><document>&a;</document>'
    data = with_member(make_docx(["x"]), "word/document.xml", bomb)
    with pytest.raises(DamagedFileError, match=r"word/document\.xml declares the entity"):
        read("a.docx", data)


def test_a_document_without_its_main_part_is_damaged() -> None:
    data = make_docx(["x"]).replace(b"word/document.xml", b"word/documents.xm")
    with pytest.raises(DamagedFileError, match=r"a\.docx"):
        read("a.docx", data)


def test_an_encrypted_opendocument_file_needs_a_password() -> None:
    data = with_member(
        make_odf("text", "<text:p>x</text:p>"), "META-INF/manifest.xml", "<m><encryption-data/></m>"
    )
    with pytest.raises(EncryptedFileError, match="without a password"):
        read("a.odt", data)
