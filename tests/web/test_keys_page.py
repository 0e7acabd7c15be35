"""The page on a server that wants a key."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from latelight.app import Library, engine
from latelight.settings import Settings
from latelight.testing.encoders import FakeEncoder
from latelight.testing.files import text_pdf
from tests.web.conftest import Complaints, started, stop, watched


@pytest.fixture
def keyed(library_root: Path, browser: Any, tmp_path: Path) -> Iterator[tuple[str, str]]:
    """The address of a server with a key, and the key."""
    from latelight.releases.catalog import CATALOG
    from latelight.releases.keys import KeyStore

    root = tmp_path / "library"
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(engine, "create_encoder", lambda *a, **k: FakeEncoder(dim=64))
        engine.shared_encoder.cache_clear()
        pages = Library(root, Settings(n_threads=1)).collection("pages", create=True)
        pages.add(text_pdf("The lamp burns oil."), name="lamp.pdf")
        engine.shared_encoder.cache_clear()
    secret = KeyStore(root / CATALOG).create("page", {"*": "admin"})
    server = started(root)
    yield server.url, secret
    stop(server)


def test_a_key_is_asked_for_and_sent_with_everything(
    browser: Any, keyed: tuple[str, str], complaints: Complaints
) -> None:
    url, secret = keyed
    complaints.expected.append("401")
    context = browser.new_context(base_url=url)
    page = watched(context, complaints)
    page.goto("/")
    page.wait_for_selector(".notice.is-key")
    page.click("text=Enter a key")
    page.fill("dialog input", "ll_wrong")
    page.click("dialog >> text=Use this key")
    page.wait_for_selector(".notice.is-key")
    page.click("text=Enter a key")
    page.fill("dialog input", secret)
    page.click("dialog >> text=Use this key")
    page.fill(".search-box", "lamp")
    page.press(".search-box", "Enter")
    page.wait_for_selector(".hit .thumb.is-loaded")
    assert page.get_attribute(".hit .thumb img", "src").startswith("blob:")
    page.click(".hit h2 a")
    page.wait_for_selector(".surface:not(.is-loading)")
    page.goto("/#/library/default/pages")
    more = {"name": "more.txt", "mimeType": "text/plain", "buffer": b"More oil."}
    page.set_input_files("input[name=files]", [more])
    page.wait_for_selector(".job .state:has-text('Done')")
    assert secret not in page.url
    assert page.evaluate("() => JSON.stringify(localStorage)").find(secret) < 0
    context.close()
