import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from latelight.encoders import create_encoder, encoder_names
from latelight.encoders.checkpoint import open_checkpoint
from latelight.encoders.model_options import ModelOptions
from latelight.encoders.registry import create_reranker, is_visual
from latelight.errors import LicenceError, ModelError, SettingError, WeightsNotFoundError
from tests.encoders.test_checkpoint import write


def test_the_default_comes_first() -> None:
    assert encoder_names()[0] == "latelight-small"


@pytest.mark.parametrize("name", encoder_names())
def test_every_encoder_declares_itself_without_reading_weights(name: str, tmp_path: Path) -> None:
    info = create_encoder(name, weights=tmp_path / "nowhere").info
    assert info.name == name
    assert info.weights
    assert all(len(digest) == 64 for digest in info.weights.values())


@pytest.mark.parametrize("name", encoder_names())
def test_a_directory_without_weights_is_named(name: str, tmp_path: Path) -> None:
    with pytest.raises(WeightsNotFoundError, match=str(tmp_path)):
        create_encoder(name, weights=tmp_path).load()


def test_an_unknown_name_is_answered_with_the_known_ones() -> None:
    with pytest.raises(SettingError, match=r"latelight-small, colbert-small.*vllm:URL#MODEL"):
        create_encoder("colbert-large")


def test_a_negative_number_of_threads_is_refused() -> None:
    with pytest.raises(SettingError, match="n_threads is -1"):
        create_encoder("latelight-small", n_threads=-1)


def test_a_model_of_the_catalogue_that_is_not_here_says_how_to_get_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HF_HUB_CACHE", str(tmp_path))
    with pytest.raises(WeightsNotFoundError, match="latelight models get lateon"):
        create_encoder("lightonai/LateOn")


def test_a_model_of_the_catalogue_is_opened_from_the_weights_directory(tmp_path: Path) -> None:
    config = {"architectures": ["HF_ColBERT"], "model_type": "bert"}
    place = tmp_path / "colbertv2.0"
    write(place, config__json=config, artifact__metadata={"dim": 128}, model__safetensors="")
    info = create_encoder("colbertv2.0", weights=tmp_path).info
    assert (info.name, info.dim, info.licence) == ("colbertv2.0", 128, "MIT")
    assert info.rendering["query_prompt"] == "[unused0] "


def test_a_licence_is_asked_for_before_anything_is_opened(tmp_path: Path) -> None:
    write(tmp_path / "jina-colbert-v2", config__json={})
    with pytest.raises(LicenceError, match="CC-BY-NC"):
        create_encoder("jina-colbert-v2", weights=tmp_path)


def test_visual_models_are_opened_by_their_own_adapters(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: dict[str, Any] = {}
    vision = ModuleType("latelight.encoders.vision")

    def open_visual(checkpoint: Any, card: Any, **options: Any) -> str:
        asked.update(checkpoint=checkpoint, card=card, **options)
        return "opened"

    vision.open_visual = open_visual  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "latelight.encoders.vision", vision)
    write(tmp_path / "colqwen2-v1.0", config__json={"architectures": ["ColQwen2ForRetrieval"]})
    options = ModelOptions(device="cpu", dtype="bfloat16")
    made: Any = create_encoder("colqwen2-v1.0", weights=tmp_path, n_threads=3, options=options)
    assert made == "opened"
    assert asked["card"].family == "colqwen2" and asked["checkpoint"].layout == "retrieval"
    told = {key: asked[key] for key in ("device", "dtype", "n_threads")}
    assert told == {"device": "cpu", "dtype": "bfloat16", "n_threads": 3}


@pytest.mark.parametrize(
    ("config", "visual"),
    [
        ({"architectures": ["ColPaliForRetrieval"]}, True),
        ({"architectures": ["Qwen2VLModel"], "vision_config": {}}, True),
        ({"architectures": ["HF_ColBERT"]}, False),
    ],
)
def test_directories_tell_by_their_configuration_whether_they_see(
    tmp_path: Path, config: dict[str, Any], visual: bool
) -> None:
    assert is_visual(open_checkpoint(write(tmp_path, config__json=config))) is visual


def test_a_body_without_a_head_is_refused(tmp_path: Path) -> None:
    write(tmp_path, config__json={"architectures": ["BertModel"]})
    with pytest.raises(ModelError, match="gives no rows to store"):
        create_encoder(str(tmp_path))


def test_options_out_of_range_are_refused() -> None:
    with pytest.raises(SettingError, match="dtype is 'int4'"):
        ModelOptions(dtype="int4")  # type: ignore[arg-type]
    with pytest.raises(SettingError, match="batch_tokens is -1"):
        ModelOptions(batch_tokens=-1)
    with pytest.raises(SettingError, match="backend is 'tensorrt'"):
        ModelOptions(backend="tensorrt")  # type: ignore[arg-type]


@pytest.mark.parametrize("device", ["cpu:3", "gpu", "cuda:", "cuda:0,", "", "auto,cpu", "cuda:-1"])
def test_what_is_no_device_is_refused_without_torch(device: str) -> None:
    with pytest.raises(SettingError, match=r"expected auto, cpu, mps, cuda or cuda:NUMBER"):
        ModelOptions(device=device)


IDLE: list[tuple[str, Any]] = [
    ("device", "cuda:7"),
    ("dtype", "float16"),
    ("backend", "torch"),
    ("batch_tokens", 512),
    ("trust_remote_code", True),
]


@pytest.mark.parametrize("name", [*encoder_names(), "vllm:http://localhost:1#colbertv2.0"])
@pytest.mark.parametrize(("option", "value"), IDLE)
def test_options_without_effect_are_refused(name: str, option: str, value: Any) -> None:
    with pytest.raises(SettingError, match=rf"{option} is .* change nothing: {name}.*leave") as met:
        create_encoder(name, options=ModelOptions(**{option: value}))
    assert "Expected" in str(met.value)


@pytest.mark.parametrize(("option", "value"), IDLE)
def test_the_carried_reranker_refuses_them_too(option: str, value: Any) -> None:
    with pytest.raises(SettingError, match=f"{option} is .* change nothing: reranker"):
        create_reranker(options=ModelOptions(**{option: value}))


def test_carried_encoders_run_on_the_processor() -> None:
    assert create_encoder("latelight-small", options=ModelOptions(device="cpu")).info.dim == 128
    assert create_reranker(options=ModelOptions(device="cpu")).name == "reranker"


@pytest.mark.parametrize(("option", "value"), IDLE[2:])
def test_visual_models_refuse_what_only_models_of_text_take(
    tmp_path: Path, option: str, value: Any
) -> None:
    write(tmp_path, config__json={"architectures": ["ColPaliForRetrieval"]})
    with pytest.raises(SettingError, match=f"{option} is .* change nothing: .*looks at pictures"):
        create_encoder(str(tmp_path), options=ModelOptions(**{option: value}))


def test_an_export_has_its_own_number_type_but_may_be_found_on_any_machine(tmp_path: Path) -> None:
    pylate = {"model_type": "ColBERT", "query_prefix": "[Q] ", "document_prefix": "[D] "}
    write(tmp_path, config__json={"hidden_size": 8}, config_sentence_transformers__json=pylate)
    (tmp_path / "model.onnx").touch()
    where = str(tmp_path)
    assert create_encoder(where, options=ModelOptions(device="cuda")).info.dim == 8
    for options in (ModelOptions(dtype="float16"), ModelOptions(device="cuda", backend="onnx")):
        with pytest.raises(SettingError, match=r"change nothing: .*number type of its export"):
            create_encoder(where, options=options)


@pytest.mark.parametrize("is_here", [False, True])
def test_visual_models_are_not_asked_of_a_server(tmp_path: Path, is_here: bool) -> None:
    """Whether its files are here or not: those of a directory are read, the catalogue knows its."""
    model = str(tmp_path / "seeing") if is_here else "colqwen2-v1.0"
    write(tmp_path / "seeing", config__json={"architectures": ["ColPaliForRetrieval"]})
    with pytest.raises(SettingError, match=rf"{model} looks at pictures.*encoder: {model}"):
        create_encoder(f"vllm:http://localhost:1#{model}")


def test_models_of_one_vector_have_no_choice_of_backend(tmp_path: Path) -> None:
    modules = [{"type": "sentence_transformers.models.Transformer", "path": ""}]
    write(tmp_path, config__json={"hidden_size": 8}, modules__json=modules)
    assert create_encoder(str(tmp_path), options=ModelOptions(dtype="float16")).info.dim == 8
    with pytest.raises(SettingError, match=r"backend is 'onnx'.*torch alone"):
        create_encoder(str(tmp_path), options=ModelOptions(backend="onnx"))
