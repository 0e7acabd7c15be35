"""Recordings and films: their evidence can be heard and seen, where the browser can play them."""

import json
from typing import Any

import httpx2
import numpy as np
import pytest

from latelight.testing.files import text_picture
from latelight.testing.media import spoken_tones, video_bytes, wav_bytes
from tests.web.conftest import Complaints, Server, watched

EARS = {"extract": {"speech": "never"}, "spaces": {"sound": {"encoder": "ears"}}}
WORDS = ("ferry", "harbour", "lamp", "left")
SIZE = (320, 240)
PLAYER = ".panel .player"


def seconds_of_tones(seconds: int) -> Any:
    return np.resize(spoken_tones(WORDS), seconds * 16_000)


def filled(server: Server, name: str, files: dict[str, bytes], spec: dict[str, Any]) -> None:
    """Make a collection of files, and wait until all of it is there."""
    home = f"{server.url}/v1/namespaces/default/collections/{name}"
    with httpx2.Client(timeout=120) as client:
        made = client.put(home, json={"pipeline": spec})
        assert made.status_code in {200, 201}, made.text
        given = [("files", item) for item in files.items()]
        job = client.post(f"{home}/documents", files=given).json()
        with client.stream("GET", f"{server.url}/v1/jobs/{job['job_id']}/events") as events:
            assert json.loads(list(events.iter_lines())[-2].removeprefix("data: ")) == {
                "state": "done"
            }
        assert client.get(home).json()["n_documents"] == len(files)


@pytest.fixture(scope="module")
def recordings(server: Server) -> Server:
    """A recording, a film with sound that browsers play, and one that they do not."""
    pictures = [text_picture(["LAMP"], SIZE)]
    spoken = {"seconds_each": 4.0, "samples": spoken_tones(WORDS)}
    files = {
        "long.wav": wav_bytes(seconds_of_tones(70)),
        "film.webm": video_bytes(pictures, container="webm", **spoken),
        "film.mkv": video_bytes(pictures, **spoken),
    }
    filled(server, "sounds", files, EARS)
    return server


def opened(page: Any, name: str, query: str = "harbour") -> None:
    """Open the evidence of the hit of a file."""
    page.goto(f"/#/search?c=default%2Fsounds&q={query}&group=document")
    page.click(f".hit:has-text('{name}') h2 a")
    page.wait_for_selector(".panel .surface:not(.is-loading)")


def state(page: Any, what: str) -> Any:
    return page.locator(PLAYER).evaluate(f"(media) => media.{what}")


def until(page: Any, condition: str) -> None:
    page.wait_for_function(
        f"() => {{ const media = document.querySelector('{PLAYER}'); return {condition}; }}"
    )


def test_a_recording_is_heard_from_where_its_unit_begins(page: Any, recordings: Server) -> None:
    opened(page, "long.wav")
    assert page.locator(PLAYER).evaluate("(media) => media.tagName") == "AUDIO"
    until(page, "media.readyState >= 1")
    begins = page.inner_text(".panel-title p").split("–")[0]
    minutes, seconds = begins.split(":")
    assert int(state(page, "currentTime")) == 60 * int(minutes) + int(seconds)
    assert page.locator(".playhead").count() == 0 or state(page, "paused")
    page.locator(PLAYER).evaluate("(media) => media.play()")
    until(page, "media.currentTime > 0.3")
    assert page.locator(".panel .playhead").is_visible()


def test_it_pauses_where_the_unit_ends_and_plays_on_when_asked(
    page: Any, recordings: Server
) -> None:
    page.goto("/#/search?c=default%2Fsounds&q=harbour")
    page.click(".hit:has-text('long.wav'):has-text('0:00') h2 a")
    page.wait_for_selector(".panel .surface:not(.is-loading)")
    until(page, "media.readyState >= 1")
    minutes, seconds = page.inner_text(".panel-title p").split("–")[1].split(":")
    ends = 60 * int(minutes) + int(seconds)
    page.locator(PLAYER).evaluate(
        f"(media) => {{ media.currentTime = {ends} - 2.2; media.play(); }}"
    )
    until(page, "media.paused && media.currentTime > 1")
    assert ends - 1.5 < state(page, "currentTime") < ends + 1
    page.locator(PLAYER).evaluate("(media) => media.play()")
    until(page, f"!media.paused && media.currentTime > {ends} + 0.5")


def test_a_film_is_watched_and_its_sound_lit(page: Any, recordings: Server) -> None:
    answers: list[int] = []
    page.on("response", lambda one: "/original" in one.url and answers.append(one.status))
    opened(page, "film.webm")
    until(page, "media.readyState >= 2")
    assert page.locator(PLAYER).evaluate("(media) => media.tagName") == "VIDEO"
    assert [state(page, "videoWidth"), state(page, "videoHeight")] == list(SIZE)
    assert answers
    assert set(answers) == {206}
    page.locator(PLAYER).evaluate("(media) => media.play()")
    until(page, "media.currentTime > 0.3")


def test_a_film_of_which_only_the_sound_is_known_is_heard(page: Any, recordings: Server) -> None:
    opened(page, "film.mkv")
    page.wait_for_selector(".playing:has-text('not its pictures')")
    assert 30 < page.locator(PLAYER).bounding_box()["height"] < 60


def test_what_cannot_be_played_is_told_and_keeps_its_evidence(
    page: Any, recordings: Server
) -> None:
    page.route("**/original**", lambda route: route.fulfill(body="no film"))
    opened(page, "film.webm")
    page.wait_for_selector(".playing:has-text('cannot play the film')")
    assert page.locator(PLAYER).count() == 0
    assert page.locator(".panel .surface img").evaluate("(image) => image.naturalWidth") > 0


def test_with_a_key_a_long_recording_is_fetched_when_asked_for(
    browser: Any, recordings: Server, complaints: Complaints
) -> None:
    """The server is open and would refuse a key; it does not see that the page has one."""
    context = browser.new_context(base_url=recordings.url, viewport={"width": 1440, "height": 900})
    page = watched(context, complaints)
    context.add_init_script("sessionStorage.setItem('latelight.key', 'll_whatever')")
    page.route("**/v1/**", keyless)
    page.route("**/explain", large)
    opened(page, "long.wav")
    page.click(".panel .playing >> text=Load the recording, 40 MB")
    until(page, "media.readyState >= 1")
    assert state(page, "src").startswith("blob:")
    context.close()


def keyless(route: Any) -> None:
    headers = route.request.headers
    assert headers.pop("authorization", "") or route.request.resource_type != "fetch"
    route.continue_(headers=headers)


def large(route: Any) -> None:
    """Answer as the server does, but with a document that is said to be large."""
    headers = {k: v for k, v in route.request.headers.items() if k != "authorization"}
    answer = route.fetch(headers=headers)
    told = answer.json()
    told["hit"]["n_bytes"] = 40_000_000
    route.fulfill(response=answer, json=told)


@pytest.mark.model
def test_a_frame_is_shown_where_its_film_has_it(page: Any, server: Server) -> None:
    """The words on it are read by the carried OCR."""
    pictures = [text_picture(lines) for lines in (["LAMP OIL", "IN WINTER"], ["FERRY", "HARBOUR"])]
    film = video_bytes(pictures, seconds_each=6.0, container="webm")
    filled(server, "films", {"talk.webm": film}, {})
    page.goto("/#/search?c=default%2Ffilms&q=ferry+harbour")
    page.click(".hit >> nth=0 >> h2 a")
    page.wait_for_selector(".panel .surface:not(.is-loading)")
    assert page.locator(".panel .evidence.kind-frame").count() == 1
    until(page, "media.readyState >= 2 && !media.seeking")
    minutes, seconds = page.inner_text(".panel-title p").split("–")[0].split(":")
    assert int(state(page, "currentTime")) == 60 * int(minutes) + int(seconds)
    assert state(page, "currentTime") > 4
