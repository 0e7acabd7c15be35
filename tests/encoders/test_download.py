import json
from collections.abc import Sequence
from pathlib import Path

import pytest

from latelight.encoders.catalog import ModelCard
from latelight.encoders.checkpoint import open_checkpoint
from latelight.encoders.download import WANTED, download
from latelight.errors import LicenceError, ModelError

FREE = ModelCard("free", "owner/free", "colbert", "MIT", True, 128, revision="v1")
GATED = ModelCard("gated", "owner/gated", "colbert", "", False, 128)


class Hub:
    """Writes a checkpoint instead of downloading it, and remembers what was asked for."""

    def __init__(self, root: Path, base: str = "") -> None:
        self.root, self.base = root, base
        self.asked: list[tuple[str, str, Path | None]] = []

    def __call__(
        self, repository: str, revision: str, patterns: Sequence[str], target: Path | None
    ) -> Path:
        assert tuple(patterns) == WANTED
        self.asked.append((repository, revision, target))
        where = target or self.root / f"models--{repository.replace('/', '--')}/snapshots/abc"
        where.mkdir(parents=True)
        (where.parent.parent / "refs").mkdir(exist_ok=True)
        (where.parent.parent / "refs" / "main").write_text("abc")
        if self.base and repository != self.base:
            named = {"base_model_name_or_path": self.base}
            (where / "adapter_config.json").write_text(json.dumps(named))
        (where / "config.json").write_text(json.dumps({"architectures": ["HF_ColBERT"]}))
        return where


def test_a_model_is_put_into_the_weights_directory(tmp_path: Path) -> None:
    hub = Hub(tmp_path)
    got = download(FREE, weights=tmp_path / "weights", fetch=hub)
    assert hub.asked == [("owner/free", "v1", tmp_path / "weights" / "free")]
    assert (got.directory, got.layout) == (tmp_path / "weights" / "free", "stanford")


def test_nothing_is_downloaded_before_the_licence_is_accepted(tmp_path: Path) -> None:
    hub = Hub(tmp_path)
    with pytest.raises(LicenceError, match="not known here"):
        download(GATED, fetch=hub)
    assert hub.asked == []


def test_an_acceptance_is_noted_so_that_nobody_is_asked_again(tmp_path: Path) -> None:
    weights = tmp_path / "weights"
    got = download(GATED, weights=weights, accept_licence=True, fetch=Hub(tmp_path))
    assert open_checkpoint(got.directory, GATED).card is GATED


def test_an_adapters_base_is_downloaded_with_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HF_HUB_CACHE", str(tmp_path))
    hub = Hub(tmp_path, base="owner/base")
    got = download(FREE, fetch=hub)
    assert [asked[0] for asked in hub.asked] == ["owner/free", "owner/base"]
    assert got.layout == "adapter" and got.base is not None


def test_without_the_hubs_library_the_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(__import__("sys").modules, "huggingface_hub", None)
    with pytest.raises(ModelError, match=r"pip install latelight\[models\]"):
        download(FREE)


def test_a_hub_that_cannot_be_reached_is_told(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    hub = pytest.importorskip("huggingface_hub")

    def fail(*_: object, **__: object) -> str:
        raise ConnectionError("no route to host")

    monkeypatch.setattr(hub, "snapshot_download", fail)
    with pytest.raises(ModelError, match=r"owner/free could not be downloaded.*no route to host"):
        download(FREE, weights=tmp_path)
