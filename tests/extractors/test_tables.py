import pytest

from latelight.extractors.delimiters import find_delimiter
from latelight.extractors.tables import plain_cell, table_pieces
from latelight.types import CellRange, Locator
from latelight.types.cells import column_letters, column_number


def test_the_header_is_repeated_where_a_table_goes_on() -> None:
    rows = [(1, ["Year", "Cost"]), *((n, [f"year {n}", str(n)]) for n in range(2, 8))]
    pieces = list(table_pieces("S", rows, 30))
    assert [piece.cells.a1 for piece in pieces] == ["A1:B3", "A4:B5", "A6:B7"]
    assert [piece.cells.header for piece in pieces] == [0, 1, 1]
    assert pieces[1].text == "Year\tCost\nyear 4\t4\nyear 5\t5"


def test_figures_make_no_header() -> None:
    rows = [(n, [f"{n}", "12.5 %"]) for n in range(1, 9)]
    assert all(piece.cells.header == 0 for piece in table_pieces("", rows, 20))


def test_a_title_above_the_header_is_not_taken_for_it() -> None:
    rows = [(1, ["Costs of 2023"]), (2, ["Item", "Cost"]), (3, ["Rope", "3"]), (4, ["Oil", "4"])]
    last = list(table_pieces("", rows, 30))[-1]
    assert last.cells.header == 2
    assert last.text.startswith("Item\tCost\n")


def test_empty_rows_keep_lines_and_rows_in_step_and_many_of_them_part_tables() -> None:
    rows = [(2, ["", "a", "b"]), (4, ["", "c", "d"]), (9, ["", "", "e"])]
    first, second = table_pieces("S", rows, 100)
    assert (first.text, first.cells.a1) == ("a\tb\n\nc\td", "B2:C4")
    assert (second.text, second.cells.a1) == ("e", "C9")


@pytest.mark.parametrize(
    ("word", "cell"), [("Year", "B3"), ("Cost", "C3"), ("eight", "B8"), ("last", "D9")]
)
def test_every_character_knows_its_cell(word: str, cell: str) -> None:
    text = "Year\tCost\nsix\t6\n\neight\t8\n\t\tlast"
    cells = CellRange("S", 6, 2, 9, 4, header=3)
    assert cells.cell_at(text, text.index(word)).a1 == cell


def test_columns_count_in_letters() -> None:
    assert [column_letters(n) for n in (1, 26, 27, 702, 703)] == ["A", "Z", "AA", "ZZ", "AAA"]
    assert all(column_number(column_letters(n)) == n for n in range(1, 20_000, 7))


def test_a_cell_is_one_line_without_tabs() -> None:
    assert plain_cell(" a\tb\r\n\u2028c ") == "a b c"


@pytest.mark.parametrize(
    "place",
    [
        Locator(cells=CellRange("Sheet 1", 2, 3, 40, 28, header=1), part=("a.eml", "b.xlsx")),
        Locator(cells=CellRange("", 5, 1, 5, 1)),
        Locator(page=2),
    ],
)
def test_a_locator_comes_back_from_json(place: Locator) -> None:
    assert Locator.from_dict(place.to_dict()) == place


def test_a_range_that_is_none_is_refused() -> None:
    with pytest.raises(ValueError, match="'B:2' is no range"):
        CellRange.from_dict({"table": "", "range": "B:2"})


@pytest.mark.parametrize(
    ("text", "delimiter"),
    [
        ("a,b\n1,2", ","),
        ("a;b\n1,5;2,5\n3,5;4,5", ";"),
        ("a\tb, c\n1\t2, 3", "\t"),
        ("a|b|c\n1|2|3", "|"),
        ('name,said\n"Smith, J.","one;\ntwo;"\nX,y', ","),
        ("just words\nand more", None),
        ("One, two.\nThree\nFour\nFive, six, seven.\nEight", None),
        ("", None),
    ],
)
def test_the_delimiter_is_what_cuts_lines_alike(text: str, delimiter: str | None) -> None:
    assert find_delimiter(text.splitlines(keepends=True)) == delimiter
