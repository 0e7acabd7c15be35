"""`latelight mcp`, asked by the real package's client over standard input and output."""

import asyncio
import base64
import io
import json
import sys
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from latelight.app import Collection, Library

mcp: Any = pytest.importorskip("mcp")
stdio: Any = pytest.importorskip("mcp.client.stdio")

SOURCE = Path(__file__).parents[2] / "src"


def asked(library: str, talk: Callable[[Any], Awaitable[None]]) -> None:
    """Start the command, and talk with it."""

    async def run() -> None:
        parameters = mcp.StdioServerParameters(
            command=sys.executable,
            args=["-m", "latelight.cli.main", "mcp", "--library", library, "-c", "paper"],
            env={"PYTHONPATH": str(SOURCE), "PATH": "/usr/bin:/bin"},
        )
        async with (
            stdio.stdio_client(parameters) as (read, write),
            mcp.ClientSession(read, write) as session,
        ):
            await session.initialize()
            await talk(session)

    asyncio.run(asyncio.wait_for(run(), 60))


def test_a_model_searches_looks_and_reads(url: str) -> None:
    async def talk(session: Any) -> None:
        tools = {tool.name: tool for tool in (await session.list_tools()).tools}
        assert set(tools) == {"search", "get_document", "list_collections"}
        assert all(tool.annotations.read_only_hint for tool in tools.values())
        assert "query" in tools["search"].input_schema["required"]

        found = await session.call_tool("search", {"query": "ferry timetable", "k": 1})
        hit, picture = found.content
        told = json.loads(hit.text)
        assert (told["doc_id"], told["place"]) == ("page", "page 1")
        assert "[ferry] [timetable]" in told["snippet"]
        reasons = {one["query_word"]: one["found"] for one in told["evidence"]}
        assert reasons == {"ferry": "ferry", "timetable": "timetable"}
        crop = Image.open(io.BytesIO(base64.b64decode(picture.data)))
        assert picture.mime_type == "image/png"
        assert crop.width > crop.height > 50, "the line and what is around it, not the page"

        filtered = await session.call_tool(
            "search", {"query": "ferry", "filter": {"year": {"$lt": 2023}}}
        )
        assert json.loads(filtered.content[0].text)["doc_id"] == "a/b"
        assert len(filtered.content) == 1, "text alone has no picture"

        document = await session.call_tool("get_document", {"doc_id": "a/b"})
        told = json.loads(document.content[0].text)
        assert told["units"][0]["text"] == "Boats\nThe ferry leaves the harbour."
        assert (told["n_units"], told["next_start"]) == (1, None)

        collections = await session.call_tool("list_collections", {})
        (one,) = json.loads(collections.content[0].text)
        assert (one["namespace"], one["collection"], one["n_documents"]) == ("default", "paper", 2)

        text = await session.read_resource("latelight://default/paper/a%2Fb")
        assert "The ferry leaves the harbour." in text.contents[0].text

    asked(url, talk)


def test_errors_tell_the_model_what_to_do(url: str) -> None:
    async def talk(session: Any) -> None:
        for name, arguments, said in (
            ("get_document", {"doc_id": "nothing"}, "not_found"),
            ("search", {"query": " "}, "at least one word"),
            ("search", {"query": "a", "collection": "nothing"}, "not_found"),
            ("search", {"query": "a", "filter": {"$no": 1}}, "invalid_filter"),
            ("search", {"query": "a", "k": 1000}, "20"),
        ):
            answer = await session.call_tool(name, arguments)
            assert answer.is_error
            assert said in answer.content[0].text

    asked(url, talk)


def test_long_documents_come_in_pieces(library: Library, paper: Collection) -> None:
    from latelight.integrations.mcp_server import Tools

    text = "\n\n".join(f"Paragraph {n} about ferries. " + "word " * 150 for n in range(60))
    paper.add(text.encode(), name="long.txt", doc_id="long")
    tools = Tools(library, "paper", "default")
    pieces, start = [], 0
    while start is not None:
        told = json.loads(tools.get_document("long", start=start))
        pieces.append(told)
        start = told["next_start"]
    assert len(pieces) > 1
    assert all(sum(len(u["text"]) for u in one["units"]) <= 20_000 for one in pieces)
    names = [unit["unit_id"] for one in pieces for unit in one["units"]]
    assert names == [unit.unit_id for unit in paper.get("long").units]
