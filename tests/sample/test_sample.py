import io

import pypdfium2 as pdfium
import pytest
from PIL import Image

from latelight.encoders.sight import PatchEncoder
from latelight.sample import LIBRARY, SAMPLE_QUERIES, sample_files


def text_of(name: str) -> str:
    pages = pdfium.PdfDocument(LIBRARY / name)
    try:
        return "\n".join(page.get_textpage().get_text_range() for page in pages)
    finally:
        pages.close()


def test_the_library_holds_every_kind_of_file_and_stays_small() -> None:
    files = sample_files()
    assert {path.suffix for path in files} == {".pdf", ".png", ".md", ".txt", ".html"}
    assert sum(path.stat().st_size for path in files) < 300_000


def test_there_are_four_questions() -> None:
    assert len(set(SAMPLE_QUERIES)) == 4


def test_the_fourth_answer_is_drawn() -> None:
    with pdfium.PdfDocument(LIBRARY / "annual-report-2024.pdf") as report:
        page = report[4].render(scale=1.5).to_pil()
    kinds = [region.kind for region in PatchEncoder().look(page)]
    assert kinds == ["line chart"]
    assert "line chart" not in text_of("annual-report-2024.pdf")


def test_the_first_answer_is_a_row_of_a_table() -> None:
    report = " ".join(text_of("annual-report-2024.pdf").split())
    assert "Fog signal: new air compressor April 18,450" in report


def test_the_second_answer_has_no_text_layer() -> None:
    assert text_of("station-log-1962.pdf").strip() == ""


def test_the_third_answer_shares_no_word_with_its_question() -> None:
    notes = (LIBRARY / "keepers-notes.md").read_text(encoding="utf-8")
    start = notes.index("Flour keeps")
    answer = notes[start : notes.index(".", start)].casefold().replace(":", "").split()
    question = SAMPLE_QUERIES[2].casefold().strip("?").split()
    assert "mice" in answer
    assert not set(answer) & set(question)


@pytest.mark.parametrize(
    ("figures", "total"),
    [
        ((118_622, 46_180, 30_000, 21_437), 216_239),
        ((42_575, 57_904, 18_266, 23_110, 40_000), 181_855),
        ((18_450, 7_920, 3_640, 5_275, 2_980, 4_310), 42_575),
        ((812, 1_204, 1_689, 1_940, 767), 6_412),
    ],
)
def test_the_reports_figures_add_up(figures: tuple[int, ...], total: int) -> None:
    assert sum(figures) == total
    report = text_of("annual-report-2024.pdf")
    assert all(f"{figure:,}" in report for figure in (*figures, total))


def test_the_picture_opens() -> None:
    with Image.open(io.BytesIO((LIBRARY / "inside-the-tower.png").read_bytes())) as picture:
        assert picture.size == (1_200, 1_680)
