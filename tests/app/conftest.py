from collections.abc import Iterator
from pathlib import Path

import pytest

from latelight.app import Library, engine
from latelight.settings import Settings
from latelight.testing.encoders import FakeEncoder


@pytest.fixture
def library(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Library]:
    """A library whose default encoder is a fake, so that nothing heavy is loaded."""
    monkeypatch.setattr(engine, "create_encoder", lambda *a, **k: FakeEncoder(dim=64))
    engine.shared_encoder.cache_clear()
    yield Library(tmp_path / "library", Settings(n_threads=1))
    engine.shared_encoder.cache_clear()
