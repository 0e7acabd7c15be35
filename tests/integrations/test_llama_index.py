"""The retriever within the real llama-index-core."""

import asyncio

import pytest

import latelight
from latelight.app import Collection

pytest.importorskip("llama_index.core")

from llama_index.core.schema import MetadataMode, NodeWithScore

from latelight.integrations.llama_index import LatelightRetriever

QUERY = "the ferry timetable"


def check(found: list[NodeWithScore]) -> None:
    page, record = found
    assert page.node.node_id == "page/p1"
    assert page.score is not None
    assert record.score is not None
    assert page.score > record.score > 0
    assert page.score == page.node.metadata["score"]
    assert "harbour ferry timetable" in page.node.get_content()
    assert page.node.metadata["evidence"]
    assert page.node.metadata["place"] == "page 1"
    assert page.node.ref_doc_id == "page"


def test_a_library_here_is_asked(paper: Collection) -> None:
    retriever = LatelightRetriever(paper, k=2)
    check(retriever.retrieve(QUERY))
    check(asyncio.run(retriever.aretrieve(QUERY)))


def test_libraries_behind_a_server_are_asked(url: str) -> None:
    with latelight.Client(url) as client:
        check(LatelightRetriever(client.collection("paper"), k=2).retrieve(QUERY))

    async def run() -> None:
        async with latelight.AsyncClient(url) as client:
            check(await LatelightRetriever(client.collection("paper"), k=2).aretrieve(QUERY))

    asyncio.run(run())


def test_prompts_get_places_and_no_numbers(paper: Collection) -> None:
    (found,) = LatelightRetriever(paper, k=5, filter={"year": 2024}).retrieve(QUERY)
    prompt = found.node.get_content(metadata_mode=MetadataMode.LLM)
    assert "page 1" in prompt
    assert "harbour ferry timetable" in prompt
    assert "contribution" not in prompt
    assert "score" not in prompt
