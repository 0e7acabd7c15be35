"""`latelight models check` on tiny checkpoints: golden rows, and published weights."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("sentence_transformers")

from safetensors.torch import load_file, save_file  # noqa: E402

from latelight.encoders import model_check  # noqa: E402
from latelight.encoders.golden import carried_rows, compare  # noqa: E402
from latelight.encoders.registry import create_encoder  # noqa: E402
from tests.cli.conftest import Run  # noqa: E402
from tests.encoders.checkpoints import text_models as build  # noqa: E402
from tests.encoders.vision.checkpoints import colpali  # noqa: E402


@pytest.fixture(autouse=True)
def quickly(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(model_check, "_MIN_SECONDS", 0.01)


def change_weights(directory: Path, change: Callable[[str, Any], Any]) -> None:
    path = directory / "model.safetensors"
    weights = {key: change(key, tensor) for key, tensor in load_file(path).items()}
    save_file(weights, path, metadata={"format": "pt"})


def checked(run: Run, *words: str) -> tuple[int, dict[str, Any]]:
    ran = run("models", "check", *words, "--device", "cpu", "--json")
    return ran.code, {one["name"]: one for one in json.loads(ran.out)}


def test_golden_rows_are_recorded_once_and_found_again(run: Run, tmp_path: Path) -> None:
    model, file = str(build.build_pylate(tmp_path / "tiny")), str(tmp_path / "golden.json")
    code, told = checked(run, model, "--golden", file)
    assert code == 0 and told["golden rows"]["told"] == f"recorded in {file}"
    before = Path(file).read_bytes()
    code, told = checked(run, model, "--golden", file)
    assert code == 0 and told["golden rows"]["ok"]
    assert float(told["golden rows"]["told"].split()[2]) > 0.999
    assert Path(file).read_bytes() == before


def test_other_weights_are_told_by_their_golden_rows(run: Run, tmp_path: Path) -> None:
    directory, file = build.build_pylate(tmp_path / "tiny"), str(tmp_path / "golden.json")
    checked(run, str(directory), "--golden", file)
    change_weights(directory, lambda key, one: one.roll(1, 0) if "word_emb" in key else one)
    code, told = checked(run, str(directory), "--golden", file)
    assert code == 1 and not told["golden rows"]["ok"]
    assert all(one["ok"] for name, one in told.items() if name != "golden rows")


def test_a_file_of_something_else_is_refused(run: Run, tmp_path: Path) -> None:
    tiny, other = build.build_pylate(tmp_path / "tiny"), build.build_pylate(tmp_path / "other")
    file = tmp_path / "golden.json"
    checked(run, str(other), "--golden", str(file))
    ran = run("models", "check", str(tiny), "--golden", str(file))
    assert ran.code == 2 and "golden rows of other, not of tiny" in " ".join(ran.err.split())
    for text in ("{}", "[]]", '[{"name": "tiny"}]'):
        file.write_text(text)
        ran = run("models", "check", str(tiny), "--golden", str(file))
        assert ran.code == 2, text
    assert "holds no golden rows" in " ".join(ran.err.split())


@pytest.mark.model
@pytest.mark.parametrize("name", ["latelight-small", "bge-small"])
def test_carried_encoders_give_the_rows_that_are_recorded_of_them(name: str) -> None:
    known = carried_rows(name)
    assert known is not None
    assert compare(create_encoder(name), known) > 0.999


def blind(key: str, one: Any) -> Any:
    """No pixel comes through any more, though each patch is still embedded."""
    return one * 0 if "multi_modal_projector" in key else one


@pytest.mark.parametrize("is_blind", [False, True])
def test_vectors_of_published_weights_must_follow_the_pixels(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, is_blind: bool
) -> None:
    directory = tmp_path / "weights" / "colpali-v1.3"
    directory.mkdir(parents=True)
    colpali.build(directory)
    if is_blind:
        change_weights(directory, blind)
    monkeypatch.setenv("LATELIGHT_WEIGHTS", str(tmp_path / "weights"))
    code, told = checked(run, "colpali-v1.3", "--accept-license")
    assert (code, told["geometry"]["ok"]) == (int(is_blind), not is_blind)
    if is_blind:
        assert "looks elsewhere than its boxes say" in told["geometry"]["told"]
        # A directory of the user's own may hold weights that nobody trained.
        assert checked(run, str(directory))[1]["geometry"]["ok"]
