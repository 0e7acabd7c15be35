"""The retriever within the real langchain-core."""

import asyncio

import pytest

import latelight
from latelight.app import Collection
from latelight.errors import InputError

pytest.importorskip("langchain_core")

from langchain_core.documents import Document
from langchain_core.runnables import RunnableLambda

from latelight.integrations.langchain import LatelightRetriever

QUERY = "the ferry timetable"


def check(found: list[Document]) -> None:
    page, record = found
    assert (page.id, page.metadata["doc_id"], page.metadata["unit"]) == ("page/p1", "page", "p1")
    assert "harbour ferry timetable" in page.page_content
    assert page.metadata["place"] == "page 1"
    assert page.metadata["locator"]["page"] == 1
    assert page.metadata["year"] == 2024
    assert page.metadata["score"] > record.metadata["score"] > 0
    ferry = next(e for e in page.metadata["evidence"] if e["token"] == "ferry")
    assert ferry["locators"][0]["box"]
    assert record.metadata["title"] == "Boats"


def test_a_library_here_is_asked(paper: Collection) -> None:
    retriever = LatelightRetriever(collection=paper, k=2)
    check(retriever.invoke(QUERY))
    check(asyncio.run(retriever.ainvoke(QUERY)))
    assert retriever.batch([QUERY, QUERY])[1][0].id == "page/p1"


def test_a_library_behind_a_server_is_asked(url: str) -> None:
    with latelight.Client(url) as client:
        check(LatelightRetriever(collection=client.collection("paper"), k=2).invoke(QUERY))


def test_an_awaited_library_is_asked(url: str) -> None:
    async def run() -> None:
        async with latelight.AsyncClient(url) as client:
            retriever = LatelightRetriever(collection=client.collection("paper"), k=2)
            check(await retriever.ainvoke(QUERY))
            with pytest.raises(InputError, match="is awaited"):
                retriever.invoke(QUERY)

    asyncio.run(run())


def test_it_is_part_of_a_chain_and_keeps_its_options(paper: Collection) -> None:
    retriever = LatelightRetriever(collection=paper, filter={"year": 2022}, explain=False, k=5)
    chain = retriever | RunnableLambda(lambda found: [one.metadata for one in found])
    (found,) = chain.invoke(QUERY)
    assert found["doc_id"] == "a/b"
    assert found["evidence"] == []
