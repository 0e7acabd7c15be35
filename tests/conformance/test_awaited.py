"""The awaited client against a real server, under asyncio and trio's stand-in."""

import asyncio
from pathlib import Path

import pytest

import latelight
from latelight.errors import InputError, NotFoundError, ServerUnreachableError
from latelight.pipelines.progress import Ended, ItemFailed
from latelight.testing.files import PdfPage, PdfText, make_pdf


def test_everything_is_awaited(url: str, tmp_path: Path) -> None:
    (tmp_path / "files").mkdir()
    (tmp_path / "files" / "page.pdf").write_bytes(
        make_pdf([PdfPage(texts=(PdfText("harbour ferry timetable", 72, 700),))])
    )
    (tmp_path / "files" / "bad.pdf").write_bytes(b"%PDF-1.7 no more")

    async def run() -> None:
        async with latelight.AsyncClient(url) as db:
            assert (await db.whoami())["open"] is True
            with pytest.raises(NotFoundError):
                await db.collection("paper")
            paper = await db.collection("paper", create=True)
            job = await paper.add(tmp_path / "files", wait=False)
            events = [event async for event in job.events()]
            assert isinstance(events[-1], Ended)
            assert len([one for one in events if isinstance(one, ItemFailed)]) == 1
            assert (await job.wait()).n_added == 1
            assert await job.state == "done"
            assert (await job.failures)[0].code == "damaged_file"
            assert (await job.retry_failed()) is job
            await job.wait()
            await paper.add([{"id": "a", "text": "The ferry leaves."}])

            hits = await paper.search("ferry timetable", explain=True)
            assert [hit.rank for hit in hits] == [1, 2]
            assert hits[0].snippet().plain() == "harbour [ferry] [timetable]"
            assert (await hits[0].preview()).width > 100
            assert (await hits[0].heatmap("ferry")).peak > 0
            assert len(await hits[0].row_maps()) == 1
            with pytest.raises(InputError, match="no picture"):
                await hits[1].heatmap()
            both = await paper.search_batch(["ferry", "leaves"], k=1)
            assert [found.query for found in both] == ["ferry", "leaves"]
            unit = hits[0].unit.unit_id
            assert (await paper.similar(hits[0].doc_id, unit))[0].doc_id == "a"
            assert (await paper.explain("ferry", "a"))[0].evidence
            assert (await paper.get("a")).units[0].text == "The ferry leaves."
            assert len(await paper.documents()) == (await paper.stats()).n_documents == 2
            assert await paper.digest in await paper.versions()
            assert await paper.delete(["a"]) == 1
            assert [name async for name, _ in db.every_collection()] == ["default"]
            assert len(await db.jobs(collection="paper")) == 2
            assert (await db.job(job.id)).id == job.id
            with pytest.raises(NotFoundError):
                await paper.release.status()
            await db.drop_collection("paper")
            assert await db.collections() == []

    asyncio.run(run())


def test_versions_and_trials_are_awaited(url: str) -> None:
    async def run() -> None:
        async with latelight.AsyncClient(url) as db:
            paper = await db.collection("paper", create=True)
            await paper.add(
                [{"id": "a", "text": "The ferry leaves."}, {"id": "b", "text": "Ferry"}]
            )
            words = paper.view(pipeline={"search": {"mode": "bm25"}})
            (found,) = await words.search("ferry leaves", k=1, explain=True)
            assert {one.signal for one in found.evidence} == {"bm25"}
            assert (await words.search_batch(["ferry"]))[0].query == "ferry"
            assert (await words.explain("ferry", "a"))[0].evidence
            assert (await words.similar("b", "c0"))[0].doc_id == "a"
            same = await paper.explain_difference("ferry", b="live")
            assert {move.how for move in same.moves} == {"same"}
            assert await found.row_maps() == ()  # no stored row ranks by words

    asyncio.run(run())


def test_many_searches_run_at_once_and_a_collection_need_not_be_looked_for(url: str) -> None:
    with latelight.Client(url) as client:
        client.collection("paper", create=True).add({"id": "a", "text": "The ferry."})

    async def run() -> None:
        async with latelight.AsyncClient(url) as db:
            found = await asyncio.gather(
                *(db.collection("paper").search("ferry") for _ in range(50))
            )
        assert {hits[0].doc_id for hits in found} == {"a"}

    asyncio.run(run())


def test_nobody_there_is_an_error_of_its_own() -> None:
    from latelight.client.retries import Retries

    async def run() -> None:
        retries = Retries(most=1, first_seconds=0.01)
        async with latelight.AsyncClient("http://127.0.0.1:9", retries=retries) as db:
            with pytest.raises(ServerUnreachableError, match=r"127\.0\.0\.1:9"):
                await db.collections()

    asyncio.run(run())
