"""What is sent, and what answers become."""

import asyncio
import traceback
from pathlib import Path

import httpx2
import pytest

from latelight import errors
from latelight.client import calls
from latelight.client.address import Address
from latelight.client.calls import Place, part
from latelight.client.carriers import AsyncCarrier
from latelight.client.retries import Retries
from latelight.client.steps import FilePart
from latelight.errors import (
    FileChangedError,
    FilterError,
    InputError,
    KeyRefusedError,
    LatelightError,
    ServerError,
    ServerUnreachableError,
)
from latelight.pipelines.progress import Progress
from tests.client.answering import FAST, KEY, Script, carrier, keys, ok, problem

PLACE = Place("default", "reports")
JOB = {
    "job_id": "j1",
    "namespace": "default",
    "collection": "reports",
    "state": "done",
    "said": "a file",
    "progress": Progress().to_dict(),
    "error": "",
    "created_at": 1.0,
    "updated_at": 2.0,
    "n_failures": 0,
}


def test_the_key_is_sent_and_a_repetition_says_that_it_is_one() -> None:
    server = Script(httpx2.ReadTimeout("slow"), ok({"deleted": 1}), ok({"deleted": 1}))
    carried = carrier(server)
    assert carried.run(calls.delete_documents(PLACE, ["a"])) == 1
    carried.run(calls.delete_documents(PLACE, ["a"]))
    first, again, other = keys(server.requests)
    assert first == again != other
    assert server.requests[0].headers["authorization"] == f"Bearer {KEY}"


def test_looking_needs_no_idempotency_key() -> None:
    server = Script(ok({"open": True}))
    carrier(server).run(calls.whoami())
    assert keys(server.requests) == [None]


@pytest.mark.parametrize(
    ("name", "quoted"),
    [("a/b", "a%2Fb"), ("..", "%2E%2E"), ("a b?#", "a%20b%3F%23"), ("é", "%C3%A9"), ("x.y", "x.y")],
)
def test_ids_are_one_part_of_the_path_whatever_is_in_them(name: str, quoted: str) -> None:
    server = Script(problem(404, "not_found"))
    with pytest.raises(errors.NotFoundError):
        carrier(server, url="http://host/below").run(calls.get_document(PLACE, name))
    assert part(name) == quoted
    expected = f"/below/v1/namespaces/default/collections/reports/documents/{quoted}"
    assert server.requests[0].url.raw_path.decode() == expected


ALL = [
    (kind.code, kind)
    for kind in vars(errors).values()
    if isinstance(kind, type)
    and issubclass(kind, LatelightError)
    and not issubclass(kind, ServerError)
    and kind is not LatelightError
]


@pytest.mark.parametrize(("code", "kind"), ALL)
def test_a_problem_is_the_error_that_an_embedded_library_raises(
    code: str, kind: type[LatelightError]
) -> None:
    with pytest.raises(LatelightError) as told:
        carrier(Script(problem(422, code, detail="So, do this."))).run(calls.whoami())
    assert type(told.value) is kind
    assert str(told.value) == "So, do this."
    assert "r1" in told.value.__notes__[0]


@pytest.mark.parametrize("code", ["unauthorized", "forbidden"])
def test_a_refused_key_says_what_to_do_and_not_the_key(code: str) -> None:
    answer = problem(401, code, detail="The key is not known", remedy="Make one.")
    with pytest.raises(KeyRefusedError, match=r"The key is not known\. Make one\.") as told:
        carrier(Script(answer)).run(calls.whoami())
    assert told.value.code == code
    assert KEY not in "".join(traceback.format_exception(told.value))


def test_other_codes_are_kept() -> None:
    with pytest.raises(ServerError) as told:
        carrier(Script(problem(412, "precondition_failed"))).run(calls.whoami())
    assert told.value.code == "precondition_failed"


@pytest.mark.parametrize(
    ("answer", "kind", "said"),
    [
        (httpx2.Response(502, text="<html>"), ServerUnreachableError, "such as a proxy"),
        (httpx2.Response(404, text="not here"), ServerError, "no Latelight server"),
        (httpx2.Response(301, headers={"Location": "http://x"}), ServerError, "sent elsewhere"),
        (httpx2.Response(200, text="<html>"), ServerError, "not as expected"),
        (httpx2.Response(200, json=[]), ServerError, "not as expected"),
    ],
)
def test_something_else_that_answers_is_told_apart(
    answer: httpx2.Response, kind: type[LatelightError], said: str
) -> None:
    with pytest.raises(kind, match=said):
        carrier(Script(answer), Retries(most=0)).run(calls.delete_documents(PLACE, []))


def test_an_unreachable_server_says_where_and_what_to_look_at() -> None:
    with pytest.raises(ServerUnreachableError, match=r"http://host \(refused\).*latelight serve"):
        carrier(Script(httpx2.ConnectError("refused"))).run(calls.whoami())


@pytest.mark.parametrize("value", [{"year": float("nan")}, {"year": {1, 2}}, {"a": "\ud800"}])
def test_what_has_no_json_form_is_refused_before_it_is_sent(value: object) -> None:
    server = Script(ok({}))
    with pytest.raises(InputError, match="written as JSON"):
        carrier(server).run(calls.search(PLACE, {"text": "a", "filter": value}))
    assert server.requests == []


def test_files_are_read_as_they_are_sent_and_again_when_asked_again(tmp_path: Path) -> None:
    path = tmp_path / "a.bin"
    path.write_bytes(bytes(range(256)) * 1000)
    server = Script(httpx2.WriteError("gone"), ok(JOB))
    files = [
        FilePart("files", "folder/a.bin", path, path.stat().st_size),
        FilePart("files", "b.txt", b"in memory", 9),
    ]
    job = carrier(server).run(calls.add_files(PLACE, files, {"year": 2023}, ""))
    assert job.record.job_id == "j1"
    first, again = server.bodies
    assert path.read_bytes() in again
    assert b'filename="folder/a.bin"' in again
    assert b"in memory" in again
    assert b'{"year": 2023}' in again
    assert len(first) == len(again) == int(server.requests[1].headers["content-length"])


def test_a_file_that_shrinks_while_it_is_sent_is_an_error(tmp_path: Path) -> None:
    path = tmp_path / "a.bin"
    path.write_bytes(b"half")
    with pytest.raises(FileChangedError, match="4 bytes of 8"):
        carrier(Script(ok(JOB))).run(
            calls.add_files(PLACE, [FilePart("files", "a.bin", path, 8)], {})
        )


def test_the_awaited_carrier_does_the_same() -> None:
    server = Script(httpx2.ReadTimeout("slow"), problem(422, "invalid_filter", detail="So."))

    async def run() -> None:
        transport = httpx2.MockTransport(server)
        carried = AsyncCarrier(Address("http://host", KEY), FAST, transport)
        with pytest.raises(FilterError, match="So"):
            await carried.run(calls.search(PLACE, {"text": "a"}))
        await carried.close()

    asyncio.run(run())
    assert len(set(keys(server.requests))) == 1
    assert len(server.requests) == 2
