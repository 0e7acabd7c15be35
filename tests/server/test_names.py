"""Names of uploaded files: with their folders, and leading nowhere."""

import pytest
from fastapi.testclient import TestClient

from latelight.server.uploads import relative_name
from tests.server.conftest import NOTES


@pytest.mark.parametrize(
    ("given", "kept"),
    [
        ("report.pdf", "report.pdf"),
        ("2023/report.pdf", "2023/report.pdf"),
        ("a\\b\\c.txt", "a/b/c.txt"),
        ("../../etc/passwd", "etc/passwd"),
        ("/etc/passwd", "etc/passwd"),
        ("C:\\Users\\me\\x.txt", "Users/me/x.txt"),
        ("a/./b//c.txt", "a/b/c.txt"),
        ("a\x00/b\x1b[31m.txt", "a/b[31m.txt"),
        ("folder/", "folder/unnamed"),
        ("..", "unnamed"),
        ("", "unnamed"),
    ],
)
def test_names_keep_their_folders_and_nothing_else(given: str, kept: str) -> None:
    assert relative_name(given) == kept


def test_a_very_long_name_keeps_its_end() -> None:
    name = relative_name("x" * 400 + "/" + "y" * 400 + ".pdf")
    assert len(name) <= 500
    assert name.endswith("y.pdf")


def test_files_of_one_name_stay_apart(notes: TestClient) -> None:
    files = [
        ("files", ("2022/report.txt", b"The ferry of one year.")),
        ("files", ("2023/report.txt", b"The ferry of another year.")),
    ]
    assert notes.post(f"{NOTES}/documents", files=files).status_code == 202
    clash = [files[0], ("files", ("./2022/report.txt", b"Another."))]
    assert notes.post(f"{NOTES}/documents", files=clash).status_code == 422
