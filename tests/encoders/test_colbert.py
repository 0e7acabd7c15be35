"""Tiny ColBERT checkpoints in every layout: loaded offline, compared with their libraries."""

import json
import shutil
import socket
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("sentence_transformers")

from safetensors.torch import load_file, save_file  # noqa: E402

from latelight.encoders import colbert, strict_loading  # noqa: E402
from latelight.encoders.checkpoint import open_checkpoint  # noqa: E402
from latelight.encoders.colbert import TorchRows, open_colbert  # noqa: E402
from latelight.encoders.model_options import ModelOptions  # noqa: E402
from latelight.encoders.multivector import MultiVectorTextEncoder  # noqa: E402
from latelight.encoders.protocol import Encoder  # noqa: E402
from latelight.encoders.registry import create_encoder  # noqa: E402
from latelight.errors import ModelError, SettingError, WeightsNotFoundError  # noqa: E402
from latelight.testing.encoders import passage  # noqa: E402
from tests.encoders.checkpoints import text_models as build  # noqa: E402
from tests.encoders.checkpoints.conformance import TinyConformance  # noqa: E402

CPU = ModelOptions(device="cpu")
LAYOUTS = ("pylate", "stanford", "native", "adapter")
QUERIES = ["How much did the refit cost?", "ferry"]
DOCUMENTS = [
    "The ferry was refitted in 2019 for 4.2 million crowns; the county paid.",
    "Short.",
    "Naïve café — boats, 日本語!",
]


@pytest.fixture(scope="module", autouse=True)
def no_network() -> Iterator[None]:
    def refuse(*_: object) -> None:
        raise AssertionError("a connection was attempted")

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(socket.socket, "connect", refuse)
        patch.setattr(socket.socket, "connect_ex", refuse)
        yield


_built: dict[str, Path] = {}


@pytest.fixture(scope="session")
def checkpoints(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    if not _built:
        root = tmp_path_factory.mktemp("colbert")
        _built["pylate"] = build.build_pylate(root / "pylate")
        _built["stanford"] = build.build_stanford(root / "stanford")
        _built["native"] = build.build_native(root / "native")
        _built["adapter"] = build.build_adapter(root / "adapter", _built["native"])
    return _built


class _Conforms(TinyConformance):
    layout = ""

    @pytest.fixture(autouse=True)
    def _place(self, checkpoints: dict[str, Path]) -> None:
        type(self).directory = checkpoints[self.layout]

    def make_encoder(self) -> Encoder:
        return create_encoder(str(self.directory), options=CPU)


class TestPyLateConforms(_Conforms):
    layout = "pylate"


class TestStanfordConforms(_Conforms):
    layout = "stanford"


class TestNativeConforms(_Conforms):
    layout = "native"


class TestAdapterConforms(_Conforms):
    layout = "adapter"


@pytest.fixture(scope="module")
def encoders(checkpoints: dict[str, Path]) -> dict[str, MultiVectorTextEncoder]:
    return {name: open_colbert(open_checkpoint(path), CPU) for name, path in checkpoints.items()}


@pytest.mark.parametrize("layout", LAYOUTS)
def test_rows_are_those_of_sentence_transformers(
    layout: str, checkpoints: dict[str, Path], encoders: dict[str, MultiVectorTextEncoder]
) -> None:
    from sentence_transformers import MultiVectorEncoder

    theirs = MultiVectorEncoder(str(checkpoints[layout]), device="cpu", local_files_only=True)
    ours = encoders[layout]
    for text, expected in zip(QUERIES, theirs.encode_query(QUERIES), strict=True):
        np.testing.assert_allclose(ours.encode_query(text).vectors, expected, atol=1e-5)
    found = ours.encode_documents([passage(text) for text in DOCUMENTS])
    for one, expected in zip(found, theirs.encode_document(DOCUMENTS), strict=True):
        np.testing.assert_allclose(one.vectors, expected, atol=1e-5)


def by_hand(directory: Path, body: dict[str, Any], head: Any, ids: list[int], n: int) -> Any:
    """The published forward: BERT, a matrix, length 1; the first `n` tokens are attended to."""
    from transformers import BertConfig, BertModel

    config = BertConfig.from_pretrained(directory, local_files_only=True)
    model = BertModel(config, add_pooling_layer=False).eval()
    model.load_state_dict({k: v for k, v in body.items() if not k.startswith("pooler.")})
    mask = torch.zeros(1, len(ids), dtype=torch.long)
    mask[:, :n] = 1
    with torch.no_grad():
        states = model(torch.tensor([ids]), attention_mask=mask).last_hidden_state[0]
    return torch.nn.functional.normalize(states @ head.T, dim=-1).numpy()


def token_ids(directory: Path, *tokens: str) -> list[int]:
    from tokenizers import Tokenizer

    made = Tokenizer.from_file(str(directory / "tokenizer.json"))
    return [made.token_to_id(token) for token in tokens]


def words(directory: Path, text: str) -> list[int]:
    from tokenizers import Tokenizer

    made = Tokenizer.from_file(str(directory / "tokenizer.json"))
    return list(made.encode(text, add_special_tokens=False).ids)


@pytest.mark.parametrize(
    ("layout", "markers"), [("stanford", ("[unused0]", "[unused1]")), ("pylate", ("[Q] ", "[D] "))]
)
def test_rows_are_those_of_the_published_forward(
    layout: str,
    markers: tuple[str, str],
    checkpoints: dict[str, Path],
    encoders: dict[str, MultiVectorTextEncoder],
) -> None:
    place = checkpoints[layout]
    weights = load_file(place / "model.safetensors")
    body = {key.removeprefix("bert."): value for key, value in weights.items()}
    head = body.pop("linear.weight", None)
    if head is None:
        head = load_file(place / "1_Dense" / "model.safetensors")["linear.weight"]
    cls, sep, mask, query, document = token_ids(place, "[CLS]", "[SEP]", "[MASK]", *markers)

    text = [cls, query, *words(place, QUERIES[0]), sep]
    filled = [*text, *[mask] * (build.QUERY_LENGTH - len(text))]
    expected = by_hand(place, body, head, filled, len(text))
    found = encoders[layout].encode_query(QUERIES[0])
    np.testing.assert_allclose(found.vectors, expected, atol=1e-5)
    assert len(found.tokens) == build.QUERY_LENGTH

    text = [cls, document, *words(place, DOCUMENTS[0]), sep]
    punctuation = set(token_ids(place, *".,;"))
    kept = [i for i, number in enumerate(text) if number not in punctuation]
    expected = by_hand(place, body, head, text, len(text))[kept]
    (rows,) = encoders[layout].encode_documents([passage(DOCUMENTS[0])])
    np.testing.assert_allclose(rows.vectors, expected, atol=1e-5)


@pytest.mark.parametrize("layout", LAYOUTS)
def test_users_words_change_nothing_but_their_own_tokens(
    layout: str, encoders: dict[str, MultiVectorTextEncoder]
) -> None:
    """A query that names markers has no row of a marker beside the ones that it always has."""
    encoder = encoders[layout]
    usual = [t.text for t in encoder.encode_query("ferry").tokens if t.kind == "marker"]
    for word in ("[Q] ", "[D] ", "[unused1]", "[MASK]", "[SEP]"):
        told = encoder.encode_query(f"{word}ferry")
        assert [t.text for t in told.tokens if t.kind == "marker"] == usual
        assert "".join(t.text for t in told.tokens if t.kind == "token").startswith("[")


def test_everything_that_shapes_vectors_is_told(
    encoders: dict[str, MultiVectorTextEncoder], checkpoints: dict[str, Path]
) -> None:
    before = open_colbert(open_checkpoint(checkpoints["adapter"]), CPU).info
    assert before.weights == {} and before.rendering["dtype"] == "float32"
    encoder = encoders["adapter"]
    encoder.load()
    info = encoder.info
    assert {"adapter_model.safetensors", "base/model.safetensors", "1_Dense/model.safetensors"} <= (
        set(info.weights)
    )
    assert "transformers 5." in info.rendering["runtime"]
    assert info.rendering["query_prompt"] == "[Q] "


def test_an_adapter_changes_its_bases_rows(encoders: dict[str, MultiVectorTextEncoder]) -> None:
    own, base = (encoders[name].encode_query("ferry").vectors for name in ("adapter", "native"))
    assert np.abs(own - base).max() > 0.01


# -- checkpoints that are not whole ----------------------------------------------------------------


def changed(path: Path, target: Path, change: Any, file: str = "model.safetensors") -> Path:
    shutil.copytree(path, target)
    weights = load_file(target / file)
    change(weights)
    save_file(weights, target / file, metadata={"format": "pt"})
    return target


@pytest.mark.parametrize("layout", ["pylate", "stanford", "native"])
def test_missing_weights_are_named_and_never_random(
    layout: str, checkpoints: dict[str, Path], tmp_path: Path
) -> None:
    gone: list[str] = []

    def drop(weights: dict[str, Any]) -> None:
        gone.append(next(key for key in weights if "layers.1." in key or "layer.1." in key))
        del weights[gone[0]]

    place = changed(checkpoints[layout], tmp_path / "broken", drop)
    with pytest.raises(ModelError, match="lacks the weights") as told:
        open_colbert(open_checkpoint(place), CPU).load()
    assert gone[0].removeprefix("bert.") in str(told.value)


def test_weights_that_nobody_asks_for_are_named(
    checkpoints: dict[str, Path], tmp_path: Path
) -> None:
    def add(weights: dict[str, Any]) -> None:
        weights["layers.7.attn.Wo.weight"] = torch.zeros(3, 3)

    place = changed(checkpoints["native"], tmp_path / "more", add)
    with pytest.raises(ModelError, match=r"does not have.*layers\.7\.attn\.Wo\.weight"):
        open_colbert(open_checkpoint(place), CPU).load()


def test_weights_of_another_shape_are_named(checkpoints: dict[str, Path], tmp_path: Path) -> None:
    def shrink(weights: dict[str, Any]) -> None:
        weights["final_norm.weight"] = torch.ones(3)

    place = changed(checkpoints["native"], tmp_path / "other", shrink)
    with pytest.raises(ModelError, match="final_norm"):
        open_colbert(open_checkpoint(place), CPU).load()


def test_a_projection_without_weights_is_an_error(
    checkpoints: dict[str, Path], tmp_path: Path
) -> None:
    shutil.copytree(checkpoints["pylate"], tmp_path / "headless")
    (tmp_path / "headless/1_Dense/model.safetensors").unlink()
    with pytest.raises(ModelError, match="headless"):
        open_colbert(open_checkpoint(tmp_path / "headless"), CPU).load()


def test_an_adapter_with_a_weight_too_few_is_an_error(
    checkpoints: dict[str, Path], tmp_path: Path
) -> None:
    def drop(weights: dict[str, Any]) -> None:
        del weights[sorted(weights)[0]]

    place = changed(
        checkpoints["adapter"], tmp_path / "thin", drop, file="adapter_model.safetensors"
    )
    with pytest.raises(ModelError, match="thin"):
        open_colbert(open_checkpoint(place), CPU).load()


def test_a_rendering_that_differs_from_the_librarys_is_an_error(
    checkpoints: dict[str, Path], tmp_path: Path
) -> None:
    shutil.copytree(checkpoints["pylate"], tmp_path / "odd")
    config = json.loads((tmp_path / "odd/config_sentence_transformers.json").read_text())
    config["prompts"] = {"query": "table: "}
    config["query_prefix"] = "[Q] "
    (tmp_path / "odd/config_sentence_transformers.json").write_text(json.dumps(config))
    both = open_colbert(open_checkpoint(tmp_path / "odd"), CPU)
    both.load()  # the prefix goes before the prompt, here as there
    assert both.info.rendering["query_prompt"] == "[Q] table: "
    checkpoint = open_checkpoint(checkpoints["pylate"])
    with pytest.MonkeyPatch.context() as patch:
        read = colbert.read_recipe
        patch.setattr(
            colbert, "read_recipe", lambda given: replace(read(given), query_prompt="table: ")
        )
        with pytest.raises(ModelError, match="is read as"):
            open_colbert(checkpoint, CPU).load()


# -- running -----------------------------------------------------------------------------------


def test_batches_of_all_sizes_give_the_same_rows(checkpoints: dict[str, Path]) -> None:
    texts = [f"The ferry number {i} left the harbour. " * (1 + i % 4) for i in range(12)]
    units = [passage(text) for text in texts]
    small, large = (
        open_colbert(
            open_checkpoint(checkpoints["native"]), ModelOptions("cpu", batch_tokens=n)
        ).encode_documents(units)
        for n in (1, 100_000)
    )
    for one, other in zip(small, large, strict=True):
        np.testing.assert_allclose(one.vectors, other.vectors, atol=1e-5)


def test_a_batch_that_does_not_fit_into_memory_is_halved(
    encoders: dict[str, MultiVectorTextEncoder], monkeypatch: pytest.MonkeyPatch
) -> None:
    encoder = encoders["native"]
    units = [passage("The ferry left the harbour.")] * 9
    expected = encoder.encode_documents(units)
    run, sizes = TorchRows._run, []

    def tight(self: TorchRows, replica: Any, sequences: Any) -> Any:
        sizes.append(len(sequences))
        if len(sequences) > 2:
            raise torch.OutOfMemoryError("CUDA out of memory")
        return run(self, replica, sequences)

    monkeypatch.setattr(TorchRows, "_run", tight)
    found = encoder.encode_documents(units)
    assert sizes[0] == 9 and min(sizes) <= 2
    for one, other in zip(found, expected, strict=True):
        np.testing.assert_allclose(one.vectors, other.vectors, atol=1e-5)


def test_copies_on_several_devices_share_the_work_and_give_the_same_rows(
    checkpoints: dict[str, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Two copies, both on the processor: what a second card would be handed goes to the second."""
    monkeypatch.setattr(colbert, "pick_devices", lambda wanted: ("cpu", "cpu"))
    options = ModelOptions("cpu", batch_tokens=64)
    shared = open_colbert(open_checkpoint(checkpoints["native"]), options)
    runner = shared._loaded().model._runner  # type: ignore[attr-defined]
    one, other = (replica.model for replica in runner.replicas)
    assert one is not other
    used: set[int] = set()
    for model in (one, other):
        model[0].register_forward_pre_hook(lambda module, _: used.add(id(module)))
    texts = [f"The ferry number {i} left the harbour. " * (1 + i % 4) for i in range(24)]
    units = [passage(text) for text in texts]
    found = shared.encode_documents(units)
    assert len(used) == 2
    alone = open_colbert(open_checkpoint(checkpoints["native"]), CPU).encode_documents(units)
    for ours, expected in zip(found, alone, strict=True):
        np.testing.assert_allclose(ours.vectors, expected.vectors, atol=1e-5)


def test_half_precision_gives_nearly_the_same_float32_rows(checkpoints: dict[str, Path]) -> None:
    options = ModelOptions(device="cpu", dtype="bfloat16")
    half = open_colbert(open_checkpoint(checkpoints["pylate"]), options)
    full = open_colbert(open_checkpoint(checkpoints["pylate"]), CPU)
    one, other = half.encode_query("ferry").vectors, full.encode_query("ferry").vectors
    assert one.dtype == np.float32
    assert (one * other).sum(axis=1).min() > 0.99
    assert half.info.rendering != full.info.rendering


def test_devices_that_are_not_there_are_named(checkpoints: dict[str, Path]) -> None:
    for device in ("abacus", "cuda:99"):
        if device.startswith("cuda") and torch.cuda.is_available():
            continue
        with pytest.raises(SettingError, match=f"'{device}' is none|'{device}' is not on this"):
            create_encoder(str(checkpoints["native"]), options=ModelOptions(device=device)).load()


def test_without_the_extra_its_name_is_told(
    checkpoints: dict[str, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    real = strict_loading.metadata.version

    def version(package: str) -> str:
        if package == "sentence-transformers":
            raise strict_loading.metadata.PackageNotFoundError
        return real(package)

    monkeypatch.setattr(strict_loading.metadata, "version", version)
    with pytest.raises(WeightsNotFoundError, match=r"pip install latelight\[models\]"):
        create_encoder(str(checkpoints["native"])).load()


def test_loading_leaves_the_libraries_as_they_were(checkpoints: dict[str, Path]) -> None:
    import transformers
    from huggingface_hub import constants

    before = transformers.PreTrainedModel.__dict__["from_pretrained"], constants.HF_HUB_OFFLINE
    open_colbert(open_checkpoint(checkpoints["native"]), CPU).load()
    after = transformers.PreTrainedModel.__dict__["from_pretrained"], constants.HF_HUB_OFFLINE
    assert before == after
