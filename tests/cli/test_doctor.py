"""What `latelight doctor` says of the models that come with an installation."""

import json
from typing import Any

import pytest

from latelight.encoders.sight import PatchEncoder
from tests.cli.conftest import Run


def test_the_carried_models_are_tried(run: Run) -> None:
    told = run("doctor").out
    assert "latelight-small 1, 128 dims, weights verified" in told
    assert "latelight-sight, 48 concepts, weights verified" in told


def test_weights_that_are_others_are_told(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    card: dict[str, Any] = PatchEncoder()._card()
    for one in card["files"].values():
        one["sha256"] = "0" * 64
    monkeypatch.setattr(PatchEncoder, "_card", lambda _: card)
    told = run("doctor", "--json")
    assert told.code == 1
    (sight,) = [one for one in json.loads(told.out) if one["name"] == "sight"]
    assert not sight["ok"] and "sha256" in sight["told"]
