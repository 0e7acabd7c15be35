from latelight.extractors.layout import BREAK, Word, reading_lines, text_of_lines


def row(words: str, left: float, top: float, step: float = 10.0) -> list[Word]:
    """Words of a monospaced line, `step` a character, 10 high."""
    placed, x = [], left
    for word in words.split():
        placed.append(Word(word, x, top, x + step * len(word), top + 10))
        x += step * (len(word) + 0.4)
    return placed


def read(words: list[Word], ordered: bool = False) -> str:
    return text_of_lines(words, reading_lines(words, ordered), 1000, 1000)[0]


LEFT = ["the quick brown fox", "jumps over a lazy", "dog and then goes", "home to his den."]
RIGHT = [
    "meanwhile all the hens",
    "sit on their long perch",
    "and wait until it is",
    "quite dark outside.",
]


def two_columns() -> tuple[list[Word], list[Word]]:
    left = [word for i, line in enumerate(LEFT) for word in row(line, 50, 100 + 15 * i)]
    right = [word for i, line in enumerate(RIGHT) for word in row(line, 500, 104 + 15 * i)]
    return left, right


def test_prose_in_two_columns_is_read_column_by_column() -> None:
    left, right = two_columns()
    title = row("a title across the whole page that crosses over the gutter", 50, 60, 14.0)
    assert read(title + left + right).split("\n") == [
        "a title across the whole page that crosses over the gutter",
        *LEFT,
        *RIGHT,
    ]


def test_columns_written_line_by_line_in_the_file_are_no_columns() -> None:
    words = []
    for number, (one, other) in enumerate(zip(LEFT, RIGHT, strict=True)):
        words += row(one, 50, 100 + 15 * number) + row(other, 500, 100 + 15 * number)
    assert read(words, ordered=True).split("\n") == [
        f"{one} {other}" for one, other in zip(LEFT, RIGHT, strict=True)
    ]
    assert read(words, ordered=False).split("\n") == LEFT + RIGHT


def test_a_table_is_read_row_by_row_whatever_its_order_in_the_file() -> None:
    labels = ["Net sales", "Cost of sales", "Gross profit", "Income taxes", "Net income"]
    words = [w for i, label in enumerate(labels) for w in row(label, 50, 100 + 15 * i)]
    words += [w for i in range(5) for w in row(f"$ {i}00", 500, 100 + 15 * i)]
    assert read(words, ordered=True).split("\n") == [
        f"{label} $ {i}00" for i, label in enumerate(labels)
    ]


def test_boxes_follow_the_words_into_their_new_order() -> None:
    words = [Word("b", 500, 100, 600, 120), Word("a", 100, 100, 200, 120)]
    text, placed = text_of_lines(words, reading_lines(words, False), 1000, 200)
    assert text == "a b"
    assert placed.spans.tolist() == [[0, 1], [2, 3]]
    assert placed.boxes[1].tolist() == [0.5, 0.5, 0.6000000238418579, 0.6000000238418579]


def test_a_full_stop_and_a_superscript_stay_in_their_line() -> None:
    words = [
        Word("sales", 0, 100, 50, 110),
        Word("1", 52, 98, 55, 103),
        Word(".", 60, 109, 61, 110),
        Word("below", 0, 115, 50, 125),
    ]
    assert read(words) == "sales 1 .\nbelow"


def test_right_to_left_lines_are_read_from_the_right() -> None:
    words = [Word("شلومي", 500, 100, 600, 120), Word("سلام", 700, 100, 800, 120)]
    assert read(words) == "سلام شلومي"


def test_a_word_broken_at_a_line_end_is_joined_only_to_its_own_other_half() -> None:
    broken = [Word("infor" + BREAK, 0, 100, 50, 110), Word("mation", 0, 120, 60, 130, glued=True)]
    assert read(broken) == f"infor{BREAK}mation"
    strange = [broken[0], Word("else", 0, 120, 60, 130)]
    assert read(strange) == "infor-\nelse"


def test_nothing_gives_nothing() -> None:
    text, placed = text_of_lines([], reading_lines([], True), 10, 10)
    assert (text, placed.spans.shape, placed.boxes.shape) == ("", (0, 2), (0, 4))
