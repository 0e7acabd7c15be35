import codecs
import random

import pytest

from latelight.extractors.plausibility import is_plausible

ENGLISH = (
    "The ferry was refitted in 2019 at a cost of $4.2 million, of which the county paid half and "
    "the harbour trust the remainder; passengers crossed without charge during the first month of "
    "service, and the timetable was printed again for the following season in March."
)
GERMAN = (
    "Die Fähre wurde im Jahr 2019 für 4,2 Millionen Euro überholt; die Hälfte davon zahlte der "
    "Landkreis, den Rest trug der Hafenverein, und im ersten Monat fuhren alle Gäste umsonst."
)
VIETNAMESE = (
    "Chiếc phà được sửa chữa vào năm 2019 với chi phí bốn triệu, trong đó chính quyền địa phương "
    "trả một nửa, phần còn lại do hiệp hội bến cảng chi trả cho toàn bộ hành khách trong tháng đầu."
)


@pytest.mark.parametrize("text", [ENGLISH, GERMAN, VIETNAMESE])
def test_language_is_plausible(text: str) -> None:
    assert is_plausible(text.split())


def test_letters_of_a_wrong_table_are_not() -> None:
    assert not is_plausible(codecs.encode(ENGLISH, "rot13").split())


def test_words_full_of_marks_are_not() -> None:
    draw = random.Random(0)
    noisy = "".join(draw.choice("|!{~^»") if draw.random() < 0.1 else c for c in ENGLISH)
    assert not is_plausible(noisy.split())


@pytest.mark.parametrize(
    "text",
    [
        "",
        "brrr",
        " ".join(f"{n}.{n} {n}%" for n in range(200)),  # figures
        "Паром был отремонтирован в тысяча девятнадцатом году " * 5,
        "渡轮于二零一九年翻修耗资四百二十万" * 20,
        "NGT SMB FBR HVK " + ENGLISH,  # some abbreviations
    ],
)
def test_what_cannot_be_told_is_plausible(text: str) -> None:
    assert is_plausible(text.split())
