"""LoRA adapters as most vidore/* models are published, and keys as earlier libraries wrote them."""

import json
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from latelight.encoders.vision import VisualEncoder, open_visual
from latelight.errors import ModelError, WeightsNotFoundError
from tests.encoders.vision.checkpoints import omni, qwen
from tests.encoders.vision.making import Checkpoint, pictures, unit

pytest.importorskip("torch")
pytest.importorskip("transformers")
pytest.importorskip("peft")

TARGETS = r".*(language_model).*(q_proj|v_proj).*|.*custom_text_proj"


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return qwen.build_colqwen2_5(tmp_path_factory.mktemp("base"))


@pytest.fixture(scope="module")
def adapter(base: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_adapter(base, tmp_path_factory.mktemp("adapter"))


def make_adapter(base: Path, directory: Path) -> Path:
    adapted = adapt(base)
    adapted.save_pretrained(directory)
    return directory


def adapt(base: Path) -> Any:
    import torch
    from peft import LoraConfig, get_peft_model

    torch.manual_seed(1)
    model = qwen.engine_class("ColQwen2_5").from_pretrained(base)
    config = LoraConfig(r=4, lora_alpha=8, target_modules=TARGETS, task_type="FEATURE_EXTRACTION")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", FutureWarning)  # peft asks transformers in an old way
        adapted = get_peft_model(model, config).eval()
    for name, weights in adapted.named_parameters():
        if "lora_" in name:
            torch.nn.init.normal_(weights, std=0.3)
    return adapted


def opened(directory: Path) -> VisualEncoder:
    return open_visual(Checkpoint(directory, "adapter"), device="cpu", n_threads=1)


def test_an_adapter_changes_rows_as_peft_does(base: Path, adapter: Path) -> None:
    import torch

    encoder = opened(adapter)
    assert (encoder.info.dim, encoder.info.rendering["family"]) == (128, "colqwen2.5")
    model = adapt(base)
    body = qwen.engine_class("ColQwen2_5").__mro__[1]
    rows = encoder.encode_documents([unit(one) for one in pictures()])
    plain = opened(base).encode_documents([unit(one) for one in pictures()])
    for i, picture in enumerate(pictures()):
        given = encoder.loaded().picture(picture)
        batch = {
            "input_ids": torch.from_numpy(given.ids)[None],
            "attention_mask": torch.ones(1, given.n_tokens, dtype=torch.long),
            **given.tensors,
        }
        inner = model.base_model.model
        with torch.no_grad():
            hidden = body.forward(inner, **batch)[0]
            theirs = torch.nn.functional.normalize(inner.custom_text_proj(hidden)[0], dim=-1)
        np.testing.assert_allclose(rows[i].vectors, theirs.numpy(), atol=1e-5)
        assert np.abs(rows[i].vectors - plain[i].vectors).max() > 0.01


def test_digests_cover_adapter_and_base(adapter: Path) -> None:
    encoder = opened(adapter)
    encoder.load()
    assert {"adapter_model.safetensors", "base/model.safetensors"} <= set(encoder.info.weights)


def test_an_adapter_whose_base_is_missing_says_which(adapter: Path, tmp_path: Path) -> None:
    config = json.loads((adapter / "adapter_config.json").read_text())
    config["base_model_name_or_path"] = "vidore/colqwen2.5-base"
    (tmp_path / "adapter_config.json").write_text(json.dumps(config))
    with pytest.raises(WeightsNotFoundError, match=r"adapter of 'vidore/colqwen2\.5-base'"):
        opened(tmp_path)


def test_an_adapter_of_another_model_is_an_error(adapter: Path, tmp_path: Path) -> None:
    from safetensors.torch import load_file, save_file

    other = tmp_path / "other"
    other.mkdir()
    (other / "adapter_config.json").write_text((adapter / "adapter_config.json").read_text())
    weights = load_file(adapter / "adapter_model.safetensors")
    renamed = {key.replace("layers.1.", "layers.7."): value for key, value in weights.items()}
    save_file(renamed, other / "adapter_model.safetensors", metadata={"format": "pt"})
    with pytest.raises(ModelError, match="adapter"):
        opened(other).load()


def as_before_4_52(key: str) -> str:
    return key.replace("language_model.", "model.") if key.startswith("language_model.") else key


def as_colpali_engine_saves(key: str) -> str:
    return f"model.{key}"


@pytest.mark.parametrize("named", [as_before_4_52, as_colpali_engine_saves])
@pytest.mark.parametrize("build", [qwen.build_colqwen2_5, qwen.build_colqwen3, omni.build_engine])
def test_keys_of_other_libraries_are_understood(build: Any, named: Any, tmp_path: Path) -> None:
    import torch
    from safetensors.torch import load_file, save_file

    if build is qwen.build_colqwen3 and named is as_before_4_52:
        pytest.skip("there was no Qwen3-VL")
    directory = build(tmp_path)
    encoder = opened(directory)
    rows = encoder.encode_documents([unit(pictures()[0])])[0].vectors
    weights = load_file(directory / "model.safetensors")
    other = {named(key): value for key, value in weights.items()}
    assert set(other) != set(weights)
    other["lm_head.weight"] = torch.zeros(4, 32)
    save_file(other, directory / "model.safetensors", metadata={"format": "pt"})
    again = opened(directory).encode_documents([unit(pictures()[0])])[0].vectors
    np.testing.assert_array_equal(again, rows)


def test_adapter_keys_of_earlier_libraries_are_understood(
    base: Path, adapter: Path, tmp_path: Path
) -> None:
    from safetensors.torch import load_file, save_file

    old = tmp_path / "old"
    old.mkdir()
    (old / "adapter_config.json").write_text((adapter / "adapter_config.json").read_text())
    weights = load_file(adapter / "adapter_model.safetensors")
    renamed = {key.replace(".language_model.", ".model."): v for key, v in weights.items()}
    assert set(renamed) != set(weights)
    save_file(renamed, old / "adapter_model.safetensors", metadata={"format": "pt"})
    rows = opened(old).encode_documents([unit(pictures()[0])])[0].vectors
    np.testing.assert_allclose(
        rows, opened(adapter).encode_documents([unit(pictures()[0])])[0].vectors, atol=1e-6
    )
