"""With the real model, from the upload to the evidence."""

from pathlib import Path

import pytest
from fastapi.testclient import TestClient

from latelight.app import Library
from latelight.sample import sample_files
from latelight.server.app import create_app
from latelight.server.config import ServerConfig
from latelight.settings import Settings
from tests.server.conftest import NOTES
from tests.server.test_contract import uploaded, wait


@pytest.mark.model
def test_a_report_is_uploaded_found_explained_and_drawn(tmp_path: Path) -> None:
    app = create_app(Library(tmp_path / "library", Settings(n_threads=1)), ServerConfig())
    report = next(file for file in sample_files() if file.name.startswith("annual"))
    with TestClient(app, base_url="http://localhost") as client:
        client.put(NOTES, json={})
        ended = wait(client, uploaded(client, (report.name, report.read_bytes())))
        assert (ended["state"], ended["n_failures"]) == ("done", 0)
        asked = {"text": "what drove the cost of heating?", "k": 1, "explain": True}
        (hit,) = client.post(f"{NOTES}/search", json=asked).json()["hits"]
        assert (hit["kind"], hit["has_preview"]) == ("page", True)
        assert hit["snippet"]["marks"]
        unit = f"{NOTES}/documents/{hit['doc_id']}/units/{hit['unit_id']}"
        why = client.post(f"{unit}/explain", json={"text": asked["text"]}).json()
        assert why["contributions_sum"] == pytest.approx(why["score"], abs=1e-3)
        assert all("box" in place for place in why["rows"][0]["places"] if "span" in place)
        heat = client.get(f"{unit}/heatmap.png", params={"text": asked["text"]})
        assert heat.content.startswith(b"\x89PNG")
        assert len(heat.content) > 10_000
