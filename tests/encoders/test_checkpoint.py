import json
from pathlib import Path
from typing import Any

import pytest

from latelight.encoders.catalog import ModelCard, card_of
from latelight.encoders.checkpoint import (
    Checkpoint,
    find_checkpoint,
    locate_card,
    open_checkpoint,
    recognise,
)
from latelight.encoders.hub import find_snapshot
from latelight.encoders.licences import note_acceptance
from latelight.errors import LicenceError, ModelError, WeightsNotFoundError
from latelight.weights import sha256_of


def write(directory: Path, **files: Any) -> Path:
    """Write files; a name's `__` stands for a dot, values are JSON unless they are text."""
    directory.mkdir(parents=True, exist_ok=True)
    for name, value in files.items():
        text = value if isinstance(value, str) else json.dumps(value)
        (directory / name.replace("__", ".")).write_text(text)
    return directory


def saved_as(config: dict[str, str]) -> dict[str, Any]:
    return {"modules__json": [], "config_sentence_transformers__json": config}


def modules(*types: str) -> list[dict[str, str]]:
    return [{"type": kind, "path": ""} for kind in types]


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("HF_HUB_CACHE", str(tmp_path / "hub"))
    return tmp_path / "hub"


def write_snapshot(cache: Path, repository: str, commit: str = "abc", *, ref: str = "main") -> Path:
    folder = cache / f"models--{repository.replace('/', '--')}"
    (folder / "refs").mkdir(parents=True, exist_ok=True)
    (folder / "refs" / ref).write_text(commit)
    return write(folder / "snapshots" / commit, config__json={"architectures": ["HF_ColBERT"]})


@pytest.mark.parametrize(
    ("layout", "files"),
    [
        ("adapter", {"adapter_config__json": {}, "modules__json": []}),
        ("pylate", {"modules__json": modules("pylate.models.Dense.Dense")}),
        ("pylate", saved_as({"model_type": "ColBERT"})),
        ("multi-vector", {"modules__json": modules("st.MultiVectorMask")}),
        ("dense", {"modules__json": modules("st.Transformer", "st.Pooling")}),
        ("cross-encoder", saved_as({"model_type": "CrossEncoder"})),
        ("stanford", {"config__json": {"architectures": ["HF_ColBERT"]}}),
        ("retrieval", {"config__json": {"architectures": ["ColPaliForRetrieval"]}}),
        ("cross-encoder", {"config__json": {"architectures": ["BertForSequenceClassification"]}}),
        ("encoder", {"config__json": {"architectures": ["BertModel"]}}),
        ("onnx", {"model__onnx": "", "tokenizer__json": {}}),
        ("onnx", {"model__onnx": "", "config__json": {"architectures": ["HF_ColBERT"]}}),
    ],
)
def test_layouts_are_recognised_by_their_files(
    tmp_path: Path, layout: str, files: dict[str, Any]
) -> None:
    assert recognise(write(tmp_path, **files)) == layout


def test_a_directory_without_a_model_is_told_what_was_expected(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match=r"HF_ColBERT"):
        recognise(write(tmp_path, README__md="hello"))


def test_damaged_configuration_is_named(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match=r"config\.json is no JSON"):
        recognise(write(tmp_path, config__json="{"))
    checkpoint = Checkpoint(write(tmp_path, other__json="[]"), "stanford")
    with pytest.raises(ModelError, match="expected a JSON object"):
        checkpoint.read_json("other.json")


def test_pickled_weights_are_refused_and_safetensors_beside_them_are_not(tmp_path: Path) -> None:
    write(tmp_path, config__json={"architectures": ["HF_ColBERT"]}, pytorch_model__bin="")
    with pytest.raises(ModelError, match=r"pytorch_model\.bin, a pickle"):
        open_checkpoint(tmp_path)
    write(tmp_path, model__safetensors="")
    assert open_checkpoint(tmp_path).layout == "stanford"


def test_digests_cover_what_shapes_vectors_and_nothing_else(tmp_path: Path) -> None:
    write(tmp_path, config__json={}, model__safetensors="w", README__md="x", notes__log="y")
    write(tmp_path / "1_Dense", model__safetensors="d")
    (tmp_path / "latelight-licence.json").write_text("{}")
    write(tmp_path / ".cache", config__json={})
    found = Checkpoint(tmp_path, "stanford").digests()
    assert list(found) == ["1_Dense/model.safetensors", "config.json", "model.safetensors"]
    assert found["config.json"] == sha256_of(tmp_path / "config.json")


def test_an_adapter_brings_its_base(tmp_path: Path, cache: Path) -> None:
    base = write(tmp_path / "base", config__json={}, model__safetensors="b")
    named = {"base_model_name_or_path": str(base)}
    adapter = write(tmp_path / "adapter", adapter_config__json=named, adapter_model__safetensors="")
    opened = open_checkpoint(adapter)
    assert opened.base == base.resolve()
    assert "base/model.safetensors" in opened.digests()
    write(adapter, adapter_config__json={"base_model_name_or_path": "owner/base"})
    with pytest.raises(WeightsNotFoundError, match="hf download owner/base"):
        open_checkpoint(adapter)
    snapshot = write_snapshot(cache, "owner/base")
    assert open_checkpoint(adapter).base == snapshot


def test_names_are_found_in_the_cache_and_in_the_weights_directory(
    tmp_path: Path, cache: Path
) -> None:
    card = card_of("colbertv2.0")
    with pytest.raises(WeightsNotFoundError, match=r"latelight models get colbertv2\.0"):
        find_checkpoint("colbertv2.0")
    snapshot = write_snapshot(cache, card.source)
    found = find_checkpoint("colbert-ir/colbertv2.0")
    assert found is not None and found.directory == snapshot and found.name == "colbertv2.0"
    own = write(
        tmp_path / "weights" / "colbertv2.0", config__json={"architectures": ["HF_ColBERT"]}
    )
    assert locate_card(card, tmp_path / "weights") == own
    assert find_checkpoint(str(own)) == Checkpoint(own, "stanford")
    assert find_checkpoint("nowhere") is None


def test_revisions_are_commits_or_references(cache: Path) -> None:
    snapshot = write_snapshot(cache, "o/n", "c0ffee", ref="v2")
    assert find_snapshot("o/n") is None
    assert find_snapshot("o/n", "v2") == find_snapshot("o/n", "c0ffee") == snapshot
    assert find_snapshot("o/n", "v3") is None


def test_the_cache_is_read_as_the_hubs_own_library_reads_it(cache: Path) -> None:
    hub = pytest.importorskip("huggingface_hub")
    snapshot = write_snapshot(cache, "o/n", "0" * 40)
    told = hub.snapshot_download("o/n", local_files_only=True, cache_dir=cache)
    assert Path(told) == find_snapshot("o/n") == snapshot


GATED = ModelCard("gated", "o/gated", "colbert", "CC-BY-NC-4.0", False, 128)


def test_a_licence_that_is_not_permissive_is_refused_until_it_is_accepted(cache: Path) -> None:
    snapshot = write_snapshot(cache, GATED.source)
    with pytest.raises(LicenceError, match=r"CC-BY-NC-4\.0.*--accept-license"):
        open_checkpoint(snapshot, GATED)
    assert open_checkpoint(snapshot, GATED, accept_licence=True).licence == "CC-BY-NC-4.0"
    note_acceptance(GATED, snapshot)
    assert open_checkpoint(snapshot, GATED).card is GATED
    newer = write_snapshot(cache, GATED.source, "def")
    assert open_checkpoint(newer, GATED).card is GATED
    other = ModelCard("gated", "o/gated", "colbert", "LicenseRef-Other", False, 128)
    with pytest.raises(LicenceError, match="LicenseRef-Other"):
        open_checkpoint(newer, other)


def test_the_licence_of_a_directory_is_its_readmes(tmp_path: Path) -> None:
    checkpoint = Checkpoint(tmp_path, "stanford")
    assert checkpoint.licence == "NOASSERTION"
    (tmp_path / "README.md").write_text("---\nlanguage: en\nlicense: apache-2.0\n---\n# Hello\n")
    assert checkpoint.licence == "apache-2.0"
    (tmp_path / "README.md").write_text("# license: mit\n")
    assert checkpoint.licence == "NOASSERTION"


@pytest.mark.parametrize(
    ("files", "expected"),
    [
        ({"config__json": {}}, ()),
        ({"config__json": {"matryoshka_dimensions": None}}, ()),
        ({"config__json": {"matryoshka_dimensions": [96, 64]}}, (64, 96)),
        (
            {
                "config__json": {"matryoshka_dims": [32]},
                "config_sentence_transformers__json": {"truncate_dim": 16},
            },
            (16, 32),
        ),
    ],
)
def test_lengths_to_which_rows_may_be_cut_are_read_from_its_own_files(
    tmp_path: Path, files: dict[str, Any], expected: tuple[int, ...]
) -> None:
    assert open_checkpoint(write(tmp_path, **files)).truncated_dims == expected


def test_those_of_the_catalogue_count_too(tmp_path: Path) -> None:
    card = card_of("jina-colbert-v2")
    write(tmp_path, config__json={"matryoshka_dimensions": [32]})
    found = open_checkpoint(tmp_path, card, accept_licence=True)
    assert found.truncated_dims == (32, 64, 96)


@pytest.mark.parametrize("stated", ["64", [0], [64.5], [True], {"a": 1}])
def test_lengths_that_are_none_are_refused(tmp_path: Path, stated: Any) -> None:
    write(tmp_path, config__json={"matryoshka_dimensions": stated})
    with pytest.raises(ModelError, match=r"matryoshka_dimensions in .*expected a list of lengths"):
        _ = open_checkpoint(tmp_path).truncated_dims
