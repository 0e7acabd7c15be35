"""A folder with one file of each format: added at once, found, and shown where it was found."""

import base64
from pathlib import Path

import pytest

from latelight.app import Collection, Library
from latelight.errors import (
    InputError,
    NotFoundError,
    PipelineMismatchError,
    UnsupportedMediaError,
)
from latelight.pipelines.spec import parse_spec
from latelight.testing.files import picture_bytes, text_pdf, text_picture
from latelight.testing.office_files import (
    make_docx,
    make_epub,
    make_mail,
    make_odf,
    make_ole,
    make_pptx,
    make_xlsx,
    odf_table,
)

CELLS = [["Harbour", "Berths"], ["Bergen", "aquamarine"], ["Oslo", "42"]]
PICTURE = base64.b64encode(picture_bytes(text_picture(["x"], (20, 20)))).decode()
FILES = {
    "report.docx": make_docx(["# Costs", "The crimson refit was dear."], title="Refit"),
    "talk.pptx": make_pptx([("Wind", "Cobalt turbines"), ("Sun", "Saffron roofs")]),
    "berths.xlsx": make_xlsx({"Harbours": CELLS}),
    "letter.odt": make_odf("text", "<text:p>An emerald letter.</text:p>"),
    "stock.ods": make_odf("spreadsheet", odf_table("Stock", [["Part", "Count"], ["indigo", "3"]])),
    "show.odp": make_odf("presentation", "<draw:page><text:p>A magenta slide</text:p></draw:page>"),
    "book.epub": make_epub({"a.xhtml": "<h1>One</h1><p>The turquoise sea."}, title="Sea"),
    "note.rtf": b"{\\rtf1 The scarlet note.\\par}",
    "mail.eml": make_mail(
        "Offer", "The ochre boat is for sale.", {"plan.pdf": text_pdf("Lilac plan.", "Beige plan.")}
    ).as_bytes(),
    "list.csv": b"name;colour\nrope;vermilion\n",
    "list.tsv": b"name\tcolour\nsail\tazure\n",
    "page.html": f'<h1>P</h1><p>Maroon <img src="data:image/png;base64,{PICTURE}">'.encode(),
    "records.jsonl": b'{"text": "An amber record."}\n{"text": "An olive record."}\n',
    "old.doc": make_ole("WordDocument"),
}  # fmt: skip


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    root = tmp_path / "files"
    root.mkdir()
    for name, data in FILES.items():
        (root / name).write_bytes(data)
    return root


@pytest.fixture
def everything(library: Library, folder: Path, monkeypatch: pytest.MonkeyPatch) -> Collection:
    monkeypatch.setenv("PATH", "")  # no LibreOffice
    target = library.collection("all", create=True)
    report = target.add(folder).wait()
    assert [failure.source.rsplit("/", 1)[-1] for failure in report.failures] == ["old.doc"]
    assert report.failures[0].code == UnsupportedMediaError.code
    assert report.n_added == len(FILES)  # the records are two documents, the old file is none
    return target


def test_every_format_is_found_where_it_is(everything: Collection) -> None:
    for word, name in {
        "crimson": "report.docx", "cobalt": "talk.pptx", "emerald": "letter.odt",
        "indigo": "stock.ods", "magenta": "show.odp", "turquoise": "book.epub",
        "scarlet": "note.rtf", "ochre": "mail.eml", "vermilion": "list.csv", "azure": "list.tsv",
        "maroon": "page.html", "olive": "records.jsonl:2",
    }.items():  # fmt: skip
        hit = everything.search(word, explain=True)[0]
        assert hit.document.source.endswith(name), word
        assert f"[{word}]" in hit.snippet().plain().lower()


def test_evidence_in_a_table_names_the_cell(everything: Collection) -> None:
    for mode in ("maxsim", "bm25"):
        hit = everything.search("aquamarine", explain=True, mode=mode)[0]  # type: ignore[arg-type]
        own = hit.unit.locator.cells
        assert own is not None
        assert (own.table, own.a1) == ("Harbours", "A1:B3")
        won = next(one for one in hit.evidence if one.text.lower() == "aquamarine")
        assert won.locator.cells is not None
        assert won.locator.cells.a1 == "B2"
        assert won.to_dict()["locators"][0]["cells"] == {"table": "Harbours", "range": "B2"}


def test_a_page_of_an_attachment_can_be_lit(everything: Collection) -> None:
    hit = everything.search("beige", explain=True)[0]
    assert (hit.unit.locator.part, hit.unit.locator.page) == (("plan.pdf",), 2)
    assert all(one.locator.part == ("plan.pdf",) for one in hit.evidence)
    assert hit.heatmap().image.size[0] > 100


def test_a_slide_has_no_picture_and_says_so(everything: Collection) -> None:
    hit = everything.search("saffron", explain=True)[0]
    assert hit.unit.locator.page == 2
    with pytest.raises(UnsupportedMediaError, match="show its text instead"):
        hit.heatmap()


def test_a_pipeline_with_plugins_is_held_to_their_versions(
    library: Library, monkeypatch: pytest.MonkeyPatch
) -> None:
    from latelight.app import engine

    spec = parse_spec("extract: {plugins: {mine: {parameters: {word: x}}}}")
    with pytest.raises(NotFoundError, match="'mine', which is not installed"):
        library.collection("a", create=True, pipeline=spec)
    monkeypatch.setattr(engine, "plugin_versions", lambda names: dict.fromkeys(names, "1.0"))
    target = library.collection("a", create=True, pipeline=spec)
    target.add({"text": "words"})
    monkeypatch.setattr(engine, "plugin_versions", lambda names: dict.fromkeys(names, "2.0"))
    with pytest.raises(PipelineMismatchError, match=r"mine 1\.0; 2\.0 is installed"):
        target.add({"text": "more words"}).wait()


def test_what_a_file_says_of_itself_can_be_filtered_on(library: Library, tmp_path: Path) -> None:
    mail = make_mail("Dues", "The harbour dues are paid.", {})
    (tmp_path / "a.eml").write_bytes(mail.as_bytes())
    target = library.collection("c", create=True)
    target.add(tmp_path / "a.eml", metadata={"year": 2024})
    (document,) = target.documents()
    assert document.metadata["year"] == 2024
    author = document.metadata["file.author"]
    assert len(target.search("harbour", filter={"file.author": author})) == 1
    assert len(target.search("harbour", filter={"file.author": "nobody"})) == 0
    # It is not the caller's: the same file with the same metadata is there already.
    assert target.add(tmp_path / "a.eml", metadata={"year": 2024}).wait().n_unchanged == 1


def test_names_of_files_own_properties_are_refused(library: Library) -> None:
    target = library.collection("c", create=True)
    with pytest.raises(InputError, match=r"'file\.author': names that begin with 'file\.'"):
        target.add(b"words", name="a.txt", metadata={"file.author": "me"})
