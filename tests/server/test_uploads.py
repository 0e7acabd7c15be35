"""Bodies that are not what they should be: refused as problems, with nothing left of them."""

import io
import zipfile
from typing import Any

import pytest
from fastapi.testclient import TestClient
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from latelight.app import Library
from latelight.server.uploads import plain_name
from tests.server.conftest import NOTES, Serve
from tests.server.test_contract import wait

URL = f"{NOTES}/documents"
FORM = {"content-type": "multipart/form-data; boundary=x"}


def part(data: bytes, disposition: str = 'form-data; name="files"; filename="a.txt"') -> bytes:
    return f"--x\r\nContent-Disposition: {disposition}\r\n\r\n".encode() + data + b"\r\n"


@pytest.fixture
def made(client: TestClient) -> TestClient:
    client.put(NOTES, json={})
    return client


def is_clean(library: Library) -> bool:
    left = [path for path in library.root.glob("incoming/*/*") if path.name != "LOCK"]
    return not left and not library.jobs()


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"--x--\r\n",
        b"no form at all",
        part(b"The ferry."),
        part(b"The ferry.") + b"--x",
        part(b"The ferry.") + b"--y--\r\n",
        b"--x\r\n\r\nno headers\r\n--x--\r\n",
        part(b"x", 'form-data; filename="a.txt"') + b"--x--\r\n",
        part(b"x", "attachment") + b"--x--\r\n",
        part(b"x", 'form-data; name="other"; filename="a"') + b"--x--\r\n",
        part(b"x", 'form-data; name="unknown"') + part(b"x") + b"--x--\r\n",
        part(b"{", 'form-data; name="metadata"') + part(b"x") + b"--x--\r\n",
        part(b"[]", 'form-data; name="metadata"') + part(b"x") + b"--x--\r\n",
        part(b'{"a": {}}', 'form-data; name="metadata"') + part(b"x") + b"--x--\r\n",
        part(b"\xff", 'form-data; name="metadata"') + part(b"x") + b"--x--\r\n",
        part(b"one") + part(b"two") + b"--x--\r\n",
        b"--x\r\nContent-Disposition: " + b"a" * 100_000 + b"\r\n\r\nx\r\n--x--\r\n",
        b"--x\r\n" + b"A: b\r\n" * 10_000 + b"\r\nx\r\n--x--\r\n",
    ],
)
def test_malformed_forms_are_refused_and_leave_nothing(
    made: TestClient, library: Library, body: bytes
) -> None:
    answer = made.post(URL, content=body, headers=FORM)
    assert (answer.status_code, answer.json()["code"]) == (422, "invalid_input")
    assert is_clean(library)


@pytest.mark.parametrize(
    "kind", ["text/plain", "multipart/form-data", "multipart/form-data; boundary=" + "x" * 300, ""]
)
def test_other_types_are_refused(made: TestClient, library: Library, kind: str) -> None:
    answer = made.post(URL, content=part(b"x") + b"--x--\r\n", headers={"content-type": kind})
    assert answer.status_code == 422
    assert is_clean(library)


@settings(
    max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(data=st.data())
def test_a_form_that_was_damaged_never_breaks_the_server(
    made: TestClient, library: Library, data: st.DataObject
) -> None:
    whole = bytearray(part(b"The ferry.", "attachment") + part(b"a", 'form-data; name="metadata"'))
    whole += b"--x--\r\n"
    for _ in range(data.draw(st.integers(1, 6))):
        at = data.draw(st.integers(0, len(whole) - 1))
        cut = data.draw(st.integers(0, 20))
        whole[at : at + cut] = data.draw(st.binary(max_size=20))
        whole = whole or bytearray(b"-")
    answer = made.post(URL, content=bytes(whole), headers=FORM)
    assert answer.status_code == 422, answer.text
    assert is_clean(library)


def test_what_is_too_long_is_refused_as_it_streams(serve: Serve, library: Library) -> None:
    client = serve(max_upload_bytes=100_000, max_json_bytes=2_000)
    client.put(NOTES, json={})
    said = client.post(URL, files={"files": ("a.txt", b"x" * 200_000)})
    assert (said.status_code, said.json()["code"]) == (413, "too_large")

    def pieces() -> Any:
        yield b'--x\r\nContent-Disposition: form-data; name="files"; filename="a"\r\n\r\n'
        for _ in range(1000):
            yield b"x" * 1000

    streamed = client.post(URL, content=pieces(), headers=FORM)
    assert (streamed.status_code, streamed.json()["code"]) == (413, "too_large")
    long = client.post(f"{NOTES}/search", json={"text": "x" * 3000})
    assert (long.status_code, long.json()["code"]) == (413, "too_large")
    records = client.post(URL, json={"records": [{"text": "x" * 3000}]})
    assert (records.status_code, records.json()["code"]) == (413, "too_large")
    assert is_clean(library)


@pytest.mark.parametrize(
    ("given_name", "kept"),
    [
        ("../../etc/passwd", "passwd"),
        ("..\\..\\boot.ini", "boot.ini"),
        ("/", "unnamed"),
        ("..", "unnamed"),
        ("", "unnamed"),
        ("a\x00b\x1b[31m.txt", "ab[31m.txt"),
        ("Ünïcode ✓.pdf", "Ünïcode ✓.pdf"),
    ],
)
def test_names_lose_their_folders(given_name: str, kept: str) -> None:
    assert plain_name(given_name) == kept


def test_files_land_nowhere_but_in_the_library(made: TestClient, library: Library) -> None:
    before = set(library.root.parent.iterdir())
    name = "../../../escaped.txt"
    job = made.post(URL, files={"files": (name, b"The ferry was refitted.")}).json()
    assert wait(made, job)["progress"]["n_added"] == 1
    assert set(library.root.parent.iterdir()) == before
    (one,) = made.get(URL).json()["items"]
    assert one["source"] == "escaped.txt"


def test_a_bomb_fails_alone_with_its_reason(made: TestClient) -> None:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("[Content_Types].xml", "<Types/>")
        archive.writestr("word/document.xml", b"0" * (600 << 20))
    files = [
        ("files", ("bomb.docx", packed.getvalue())),
        ("files", ("good.txt", b"The lamp burns oil.")),
    ]
    ended = wait(made, made.post(URL, files=files).json())
    assert (ended["state"], ended["progress"]["n_added"], ended["n_failures"]) == ("done", 1, 1)
    (failure,) = made.get(f"/v1/jobs/{ended['job_id']}/failures").json()["items"]
    assert failure["source"] == "bomb.docx"


def test_a_large_file_streams_in_pieces(made: TestClient, library: Library) -> None:
    text = b"".join(b'{"id": "d%d", "text": "note %d"}\n' % (i, i) for i in range(300))
    text += b" " * (5 << 20) + b"\n"
    job = made.post(URL, files={"files": ("many.jsonl", text)}).json()
    ended = wait(made, job)
    assert (ended["progress"]["n_added"], ended["progress"]["n_items"]) == (300, 300)
