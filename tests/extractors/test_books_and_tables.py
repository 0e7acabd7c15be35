"""EPUB, RTF, CSV, JSONL, pictures in HTML, and legacy files."""

import base64
import os
import shutil
import stat
import sys
import time
import tracemalloc
from pathlib import Path

import pytest

from latelight.errors import (
    DamagedFileError,
    EmptyFileError,
    EncryptedFileError,
    ExtractionTimeoutError,
    FileTooLargeError,
    UnsupportedMediaError,
)
from latelight.extractors.archive import Archive
from latelight.extractors.protocol import DEFAULT_OPTIONS, ExtractionOptions
from latelight.extractors.registry import extract
from latelight.testing.files import picture_bytes, text_picture
from latelight.testing.office_files import make_docx, make_epub, make_ole, make_zip
from latelight.types import Extraction, Source

NO_OCR = ExtractionOptions(ocr="never", render_images=True)
PICTURE = picture_bytes(text_picture(["Harbour lights"]))
TWO_CHAPTERS = {"one.xhtml": "<h1>One</h1><p>It begins.", "two.xhtml": "<h1>Two</h1><p>It ends."}


def read(name: str, data: bytes, options: ExtractionOptions = NO_OCR) -> Extraction:
    return extract(Source(name, data), options)


# Books


def test_a_book_is_read_chapter_by_chapter() -> None:
    found = read("a.epub", make_epub(TWO_CHAPTERS, title="The Book", picture=PICTURE))
    assert [(u.text, u.heading, u.locator.part) for u in found.units[:2]] == [
        ("One\n\nIt begins.", ("One",), ("OEBPS/one.xhtml",)),
        ("Two\n\nIt ends.", ("Two",), ("OEBPS/two.xhtml",)),
    ]
    assert found.units[2].locator.part == ("OEBPS/images/p.png",)
    assert (found.title, found.metadata["author"]) == ("The Book", "A. Writer")


def test_a_protected_book_is_refused_but_obfuscated_fonts_are_not() -> None:
    archive = Archive(make_epub(TWO_CHAPTERS, title="T"), "a", DEFAULT_OPTIONS)
    members = {name: archive.read(name) for name in archive.members}
    for uri, locked in (("OEBPS/one.xhtml", True), ("OEBPS/font.otf", False)):
        mark = f'<encryption><CipherReference URI="{uri}"/></encryption>'
        data = make_zip({**members, "META-INF/encryption.xml": mark}, first_stored=True)
        if locked:
            with pytest.raises(EncryptedFileError, match="copy-protected"):
                read("a.epub", data)
        else:
            assert read("a.epub", data).title == "T"


# RTF


RTF = rb"""{\rtf1\ansi\ansicpg1252{\fonttbl{\f0\fcharset0 Times;}{\f1\fcharset204 Arial;}}
{\info{\title My {\b Title}}{\author Bob}}{\header not this}{\*\generator nor this}
\pard\outlinelevel0 Heading\par\pard Caf\'e9 \u8364? \u-10179?\u-8704? \f1\'cf\'f0\f0\par
\trowd A\cell B\cell\row\trowd 1\cell 2\par more\cell\row\pard After \{it\}\par}"""


def test_rich_text_keeps_headings_tables_and_every_encoding() -> None:
    found = read("a.rtf", RTF)
    assert [(unit.unit_id, unit.text) for unit in found.units] == [
        ("c0", "Heading\n\nCafé € \U0001f600 Пр"),
        ("t0", "A\tB\n1\t2 more"),
        ("c1", "After {it}"),
    ]
    assert found.metadata == {"title": "My Title", "author": "Bob"}
    assert found.units[2].heading == ("Heading",)


def test_pictures_in_rich_text_are_units() -> None:
    data = rb"{\rtf1 Words.\par{\*\shppict{\pict{\*\blipuid 00}\pngblip " + PICTURE.hex().encode()
    found = read("a.rtf", data + b"}}}")
    assert found.units[-1].locator.part == ("picture 1",)
    assert found.units[-1].kind == "image"


def test_styles_make_headings_and_pictures_for_old_readers_are_left_out() -> None:
    body = rb"\par\pard\s0 " + b"Body. " * 99
    data = (
        rb"{\rtf1{\stylesheet{\s0 Normal;}{\s1\outlinelevel1 Part;}{\s7 Heading 3;}}\pard\s1 Title"
        + body
        + rb"\par\pard\s7 Below"
        + body
        + rb"\par{\nonshppict{\pict\wmetafile8 0102}}}"
    )
    found = read("a.rtf", data)
    assert found.units[-1].heading == ("Title", "Below")
    assert found.warnings == ()


def test_groups_without_end_are_refused() -> None:
    with pytest.raises(DamagedFileError, match="nested deeper"):
        read("a.rtf", b"{\\rtf1" + b"{" * 100_000)


# Tables of text


def test_a_table_knows_its_cells_and_its_encoding() -> None:
    data = 'name;amount;city\n"Müller; Co";12,5;Köln\n\nSmith;3;London\n'.encode("cp1252")
    found = read("a.csv", data)
    assert found.text == "name\tamount\tcity\nMüller; Co\t12,5\tKöln\n\nSmith\t3\tLondon"
    cells = found.units[0].locator.cells
    assert cells is not None
    assert cells.cell_at(found.text, found.text.index("London")).a1 == "C4"


def test_wide_encodings_and_tabs_are_read() -> None:
    found = read("a.tsv", "a\tb\n1\tß\n".encode("utf-16"))
    assert (found.media_type, found.text) == ("text/tab-separated-values", "a\tb\n1\tß")


def test_a_table_by_name_only_is_text() -> None:
    assert read("a.csv", b"A letter to you.\nIt has no columns.").media_type == "text/plain"


def test_long_tables_are_read_in_the_memory_of_what_they_give() -> None:
    data = b"name,amount\n" + b"some name,12345\n" * 400_000
    tracemalloc.start()
    with pytest.raises(FileTooLargeError, match="max_characters"):
        read("a.csv", data, ExtractionOptions(max_characters=100_000))
    assert tracemalloc.get_traced_memory()[1] < len(data) + (8 << 20)
    tracemalloc.stop()


def test_empty_cells_alone_are_an_empty_file() -> None:
    with pytest.raises(EmptyFileError, match=r"a\.csv"):
        read("a.csv", b",,\n,,\n")


# Records


def test_records_are_passages_under_their_titles() -> None:
    data = b'{"title": "One", "text": "First.", "year": 2019}\nnot json\n{"text": "Second."}\n'
    found = read("a.jsonl", data)
    assert [(unit.text, unit.heading) for unit in found.units] == [
        ("One\nFirst.\nyear: 2019", ("One",)),
        ("Second.", ()),
    ]
    assert found.warnings == ("1 lines are no JSON and were left out: 2.",)


def test_records_of_which_none_is_json_are_damaged() -> None:
    with pytest.raises(DamagedFileError, match="none of 2 lines"):
        read("a.jsonl", b"one\ntwo\n")


# Pictures in HTML


def test_pictures_in_a_page_are_units_behind_its_text() -> None:
    address = "data:image/png;base64," + base64.b64encode(PICTURE).decode()
    page = f'<p>Words.<img src="{address}"><img src="http://x/y.png"><img src="{address}">'
    found = read("a.html", page.encode())
    assert [unit.unit_id for unit in found.units] == ["c0", "i1.i1"]
    assert found.units[1].locator.part == ("picture 1",)


def test_a_page_of_pictures_alone_is_read() -> None:
    address = "data:image/png;base64," + base64.b64encode(PICTURE).decode()
    assert len(read("a.html", f'<html><img src="{address}">'.encode()).units) == 1


# Legacy files


def converter(folder: Path, body: str) -> None:
    program = folder / "soffice"
    program.write_text(f"#!{sys.executable}\nimport pathlib, sys, time\n{body}\n")
    program.chmod(program.stat().st_mode | stat.S_IEXEC)


MAKES_DOCX = f"""
options = dict(zip(sys.argv, sys.argv[1:]))
profile = [a for a in sys.argv if a.startswith("-env:UserInstallation=file:///")]
assert profile and "--headless" in sys.argv and sys.argv[-1].endswith(".doc")
out = pathlib.Path(options["--outdir"])
out.mkdir()
(out / "original.docx").write_bytes({make_docx(["Converted words."])!r})
"""


@pytest.fixture
def programs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    shell = shutil.which("sh")
    assert shell is not None
    monkeypatch.setenv("PATH", str(tmp_path))
    return tmp_path


@pytest.mark.skipif(os.name == "nt", reason="the stand-in for the converter is a script")
class TestLegacy:
    def test_a_missing_converter_is_named_with_its_remedy(self, programs: Path) -> None:
        with pytest.raises(UnsupportedMediaError, match=r"a\.doc.*install LibreOffice"):
            read("a.doc", make_ole("WordDocument"))

    def test_a_legacy_file_is_converted_and_read(self, programs: Path) -> None:
        converter(programs, MAKES_DOCX)
        found = read("a.doc", make_ole("WordDocument"))
        assert (found.media_type, found.text) == ("application/msword", "Converted words.")

    def test_a_converter_that_makes_nothing_is_quoted(self, programs: Path) -> None:
        converter(programs, "print('Error: source file could not be loaded')")
        with pytest.raises(DamagedFileError, match="could not be loaded"):
            read("a.xls", make_ole("Workbook"))

    def test_a_converter_that_hangs_is_ended(self, programs: Path) -> None:
        converter(programs, "time.sleep(600)")
        begin = time.monotonic()
        with pytest.raises(ExtractionTimeoutError, match="LibreOffice did not finish"):
            read("a.ppt", make_ole("PowerPoint Document"), ExtractionOptions(timeout_s=1))
        assert time.monotonic() - begin < 20


def test_a_locked_office_file_is_told_from_a_legacy_one() -> None:
    with pytest.raises(EncryptedFileError, match="without a password"):
        read("a.docx", make_ole("EncryptionInfo", "EncryptedPackage"))


def test_other_compound_files_are_unsupported() -> None:
    with pytest.raises(UnsupportedMediaError, match="x-ole-storage"):
        read("a.db", make_ole("Something"))
