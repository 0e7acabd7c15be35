import json
from pathlib import Path

import numpy as np
import pytest

from latelight.encoders.projection import find_projection, load_projection
from latelight.errors import ModelError, WeightsNotFoundError

WEIGHT = np.arange(6, dtype=np.float32).reshape(2, 3)  # (dim, width), as checkpoints store it


def write_safetensors(path: Path, tensor: np.ndarray, *, name: str = "linear.weight") -> Path:
    dtype = {"float32": "F32", "float16": "F16", "int64": "I64"}[str(tensor.dtype)]
    entry = {"dtype": dtype, "shape": tensor.shape, "data_offsets": [0, tensor.nbytes]}
    header = json.dumps({name: entry, "__metadata__": {"format": "pt"}}).encode()
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(len(header).to_bytes(8, "little") + header + tensor.tobytes())
    return path


def test_a_stanford_checkpoint_gives_width_by_dim(tmp_path: Path) -> None:
    write_safetensors(tmp_path / "model.safetensors", WEIGHT)
    matrix = load_projection(find_projection(tmp_path, "owner/name"), (3, 2))
    np.testing.assert_array_equal(matrix, WEIGHT.T)
    assert matrix.flags["C_CONTIGUOUS"]


def test_a_pylate_checkpoint_keeps_its_head_apart(tmp_path: Path) -> None:
    (tmp_path / "model.safetensors").write_bytes(b"the body, without a projection")
    dense = write_safetensors(tmp_path / "1_Dense" / "model.safetensors", WEIGHT)
    assert find_projection(tmp_path, "owner/name") == dense


def test_half_precision_is_read(tmp_path: Path) -> None:
    path = write_safetensors(tmp_path / "model.safetensors", WEIGHT.astype(np.float16))
    np.testing.assert_array_equal(load_projection(path, (3, 2)), WEIGHT.T)


def test_the_hubs_cache_is_searched(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_HUB_CACHE", str(tmp_path))
    snapshot = tmp_path / "models--owner--name" / "snapshots" / "abc"
    path = write_safetensors(snapshot / "model.safetensors", WEIGHT)
    assert find_projection(None, "owner/name") == path


def test_an_empty_cache_says_what_to_do(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("HF_HUB_CACHE", raising=False)
    monkeypatch.setenv("HF_HOME", str(tmp_path))
    with pytest.raises(WeightsNotFoundError, match="hf download owner/name"):
        find_projection(None, "owner/name")


@pytest.mark.parametrize(
    "content", [b"", b"short", b"\xff" * 64, (2).to_bytes(8, "little") + b"[]"]
)
def test_a_file_that_is_no_safetensors_file_is_refused(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "model.safetensors").write_bytes(content)
    with pytest.raises(ModelError, match=r"linear\.weight"):
        load_projection(tmp_path / "model.safetensors", (3, 2))


def test_a_checkpoint_without_projection_is_refused(tmp_path: Path) -> None:
    path = write_safetensors(tmp_path / "model.safetensors", WEIGHT, name="bert.pooler")
    with pytest.raises(ModelError, match="KeyError"):
        load_projection(path, (3, 2))


def test_an_integer_tensor_is_refused(tmp_path: Path) -> None:
    path = write_safetensors(tmp_path / "model.safetensors", WEIGHT.astype(np.int64))
    with pytest.raises(ModelError, match="I64"):
        load_projection(path, (3, 2))


def test_a_projection_of_another_model_is_refused(tmp_path: Path) -> None:
    path = write_safetensors(tmp_path / "model.safetensors", WEIGHT)
    with pytest.raises(ModelError, match="another model"):
        load_projection(path, (384, 96))
