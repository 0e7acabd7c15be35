"""Published models of text in their repositories' layouts, compared with their library."""

import socket
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("sentence_transformers")

from safetensors.torch import load_file, save_file  # noqa: E402

from latelight.encoders.model_options import ModelOptions  # noqa: E402
from latelight.encoders.protocol import Encoder  # noqa: E402
from latelight.encoders.registry import create_encoder  # noqa: E402
from latelight.errors import ModelError, WeightsNotFoundError  # noqa: E402
from latelight.testing.encoders import passage  # noqa: E402
from latelight.types import CharSpan  # noqa: E402
from latelight.weights import sha256_of  # noqa: E402
from tests.encoders.checkpoints import published_text as build  # noqa: E402
from tests.encoders.checkpoints.conformance import TinyConformance  # noqa: E402

CPU = ModelOptions(device="cpu")
NAMES = (*build.MODERN, "xlm")
QUERIES = ["How much did the Ferry's refit cost?", "Boats"]
DOCUMENTS = [
    "The ferry was refitted in 2019 for 4.2 million crowns; the county paid.",
    "Naïve café — BOATS, 日本語!",
]
DIMS = {"gte-modern": 24, "late-on": 24, "mxbai-edge": 12, "xlm": 24}


@pytest.fixture(scope="module", autouse=True)
def no_network() -> Iterator[None]:
    def refuse(*_: object) -> None:
        raise AssertionError("a connection was attempted")

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(socket.socket, "connect", refuse)
        patch.setattr(socket.socket, "connect_ex", refuse)
        yield


@pytest.fixture(scope="module")
def places(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    root = tmp_path_factory.mktemp("published")
    made = {name: build.build_modern_pylate(root / name, one) for name, one in build.MODERN.items()}
    return {**made, "xlm": build.build_xlm_stanford(root / "xlm")}


@pytest.fixture(scope="module")
def encoders(places: dict[str, Path]) -> dict[str, Encoder]:
    return {name: create_encoder(str(place), options=CPU) for name, place in places.items()}


class _Conforms(TinyConformance):
    name = ""

    @pytest.fixture(autouse=True)
    def _place(self, places: dict[str, Path]) -> None:
        type(self).directory = places[self.name]

    def make_encoder(self) -> Encoder:
        return create_encoder(str(self.directory), options=CPU)


class TestGteModernColbertConforms(_Conforms):
    name = "gte-modern"


class TestLateOnConforms(_Conforms):
    name = "late-on"


class TestMxbaiEdgeConforms(_Conforms):
    name = "mxbai-edge"


class TestXlmRobertaConforms(_Conforms):
    name = "xlm"


@pytest.mark.parametrize("name", NAMES)
def test_rows_have_their_lengths_and_are_those_of_sentence_transformers(
    name: str, places: dict[str, Path], encoders: dict[str, Encoder]
) -> None:
    from sentence_transformers import MultiVectorEncoder

    theirs = MultiVectorEncoder(str(places[name]), device="cpu", local_files_only=True)
    ours = encoders[name]
    pairs = [
        (ours.encode_query(text).vectors, expected)
        for text, expected in zip(QUERIES, theirs.encode_query(QUERIES), strict=True)
    ]
    found = ours.encode_documents([passage(text) for text in DOCUMENTS])
    pairs += [
        (one.vectors, expected)
        for one, expected in zip(found, theirs.encode_document(DOCUMENTS), strict=True)
    ]
    for rows, expected in pairs:
        assert rows.shape[1] == DIMS[name] == ours.info.dim
        np.testing.assert_allclose(np.linalg.norm(rows, axis=1), 1, atol=1e-5)
        np.testing.assert_allclose(rows, np.asarray(expected), atol=1e-5)


def by_hand(place: Path, ids: list[int]) -> Any:
    """ModernBERT, then each Dense with its residual, then length 1."""
    from transformers import ModernBertModel

    body = ModernBertModel.from_pretrained(place, local_files_only=True).eval()
    mask = torch.ones(1, len(ids), dtype=torch.long)
    with torch.no_grad():
        rows = body(torch.tensor([ids]), attention_mask=mask).last_hidden_state[0]
        for i, step in enumerate(build.MXBAI_EDGE.steps, 1):
            weights = load_file(place / f"{i}_Dense" / "model.safetensors")
            beside = rows @ weights["residual.weight"].T if "residual.weight" in weights else rows
            rows = rows @ weights["linear.weight"].T + (beside if step.is_residual else 0)
    return torch.nn.functional.normalize(rows, dim=-1).numpy()


def test_residual_projections_of_lower_case_models_are_the_published_forward(
    places: dict[str, Path], encoders: dict[str, Encoder]
) -> None:
    """As PyLate does it: [CLS], the marker as one id, the lower-cased words, [SEP]."""
    from tokenizers import Tokenizer

    place = places["mxbai-edge"]
    tokenizer = Tokenizer.from_file(str(place / "tokenizer.json"))
    words = tokenizer.encode(QUERIES[0].lower(), add_special_tokens=False).ids
    ids = [tokenizer.token_to_id(one) for one in ("[CLS]", "[Q] ")]
    expected = by_hand(place, [*ids, *words, tokenizer.token_to_id("[SEP]")])
    found = encoders["mxbai-edge"].encode_query(QUERIES[0])
    np.testing.assert_allclose(found.vectors, expected, atol=1e-5)


@pytest.mark.parametrize("name", build.MODERN)
def test_queries_that_are_not_filled_up_have_their_own_tokens_alone(
    name: str, encoders: dict[str, Encoder]
) -> None:
    kinds = [token.kind for token in encoders[name].encode_query("ferry").tokens]
    assert kinds.count("marker") == 3 and "expansion" not in kinds
    long = encoders[name].encode_query("the ferry left the harbour " * 30)
    assert len(long.vectors) == build.MODERN[name].query_length


def test_xlm_roberta_fills_queries_up_and_looks_at_what_it_put_there(
    places: dict[str, Path], tmp_path: Path, encoders: dict[str, Encoder]
) -> None:
    found = encoders["xlm"].encode_query("ferry")
    assert len(found.vectors) == 32
    assert [token.text for token in found.tokens if token.kind == "expansion"][-1] == "<mask>"
    assert [token.text for token in found.tokens[:2]] == ["<s>", "[QueryMarker]"]
    blind = create_encoder(
        str(build.build_xlm_stanford(tmp_path / "blind", attends=False)), options=CPU
    )
    assert np.abs(blind.encode_query("ferry").vectors - found.vectors)[:3].max() > 1e-3


def letters(text: str, spans: Iterable[Sequence[int]]) -> str:
    """The letters and digits that the spans cover; a lone word start covers its word's first."""
    covered = {place for a, b in spans for place in range(max(a, 0), b)}
    return "".join(one for i, one in enumerate(text) if one.isalnum() and i in covered)


def query_spans(encoder: Encoder, text: str) -> list[tuple[int, int]]:
    spans = [token.span for token in encoder.encode_query(text).tokens if token.kind == "token"]
    return [(one.start, one.end) for one in spans if one is not None]


def document_spans(encoder: Encoder, text: str) -> list[list[int]]:
    (rows,) = encoder.encode_documents([passage(text)])
    assert rows.locators.spans is not None and len(rows.locators.spans) == rows.n_rows
    return list(rows.locators.spans.tolist())


@pytest.mark.parametrize("name", NAMES)
def test_rows_know_their_characters(name: str, encoders: dict[str, Encoder]) -> None:
    for text in (DOCUMENTS[0], QUERIES[0], "two  four\n1 2 3."):
        whole = [(0, len(text))]
        assert letters(text, document_spans(encoders[name], text)) == letters(text, whole)
    own = query_spans(encoders[name], QUERIES[0])
    assert letters(QUERIES[0], own) == "HowmuchdidtheFerrysrefitcost"
    tokens = encoders[name].encode_query(QUERIES[0]).tokens
    for token in tokens:
        if token.kind == "token":
            assert isinstance(token.span, CharSpan)
            assert QUERIES[0][token.span.start : token.span.end] == token.text


@pytest.mark.parametrize("name", NAMES)
def test_nobodys_words_become_markers(name: str, encoders: dict[str, Encoder]) -> None:
    encoder = encoders[name]
    usual = [t.text for t in encoder.encode_query("ferry").tokens if t.kind == "marker"]
    for word in ("[Q] ", "[q] ", "[D] ", "<mask> ", "[MASK]", "[QueryMarker] ", "</s>", "[SEP]"):
        text = f"{word}ferry"
        told = encoder.encode_query(text).tokens
        assert [t.text for t in told if t.kind == "marker"] == usual
        whole = letters(text, [(0, len(text))])
        assert letters(text, query_spans(encoder, text)) == whole
        assert letters(text, document_spans(encoder, text)) == whole


def test_a_residual_that_lost_its_weights_is_an_error(tmp_path: Path) -> None:
    place = build.build_modern_pylate(tmp_path / "thin", build.MXBAI_EDGE)
    path = place / "3_Dense" / "model.safetensors"
    weights = load_file(path)
    del weights["residual.weight"]
    save_file(weights, path)
    with pytest.raises(ModelError, match=r"(?s)thin.*residual\.weight"):
        create_encoder(str(place), options=CPU).load()


# -- code in another repository -------------------------------------------------------------------


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A hub's cache of this test, for us and for the libraries; modules are copied into it, too."""
    from huggingface_hub import constants
    from transformers import dynamic_module_utils
    from transformers.utils import hub

    where = tmp_path / "hub"
    where.mkdir()
    monkeypatch.setenv("HF_HUB_CACHE", str(where))
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(where))
    for module in (dynamic_module_utils, hub):
        monkeypatch.setattr(module, "HF_MODULES_CACHE", str(tmp_path / "modules"))
    monkeypatch.syspath_prepend(str(tmp_path / "modules"))
    return where


TRUSTING = ModelOptions(device="cpu", trust_remote_code=True)


def test_jina_colbert_is_refused_while_nobody_asked_for_its_code(
    cache: Path, tmp_path: Path
) -> None:
    build.put_code_into(cache)
    place = build.build_jina(tmp_path / "jina")
    with pytest.raises(ModelError, match=r"names no type .*flash-implementation: modeling_xlm"):
        create_encoder(str(place), options=CPU).load()
    assert not (tmp_path / "modules").exists()


def test_code_that_is_not_here_is_named_with_its_repository(cache: Path, tmp_path: Path) -> None:
    place = build.build_jina(tmp_path / "jina")
    told = rf"modeling_xlm_roberta\.py is not in the hub.*hf download {build.CODE_REPOSITORY}"
    with pytest.raises(WeightsNotFoundError, match=told):
        create_encoder(str(place), options=TRUSTING).load()


def test_jina_colbert_runs_with_its_code_which_the_lock_knows(
    cache: Path, tmp_path: Path, encoders: dict[str, Encoder]
) -> None:
    snapshot = build.put_code_into(cache)
    ours = create_encoder(str(build.build_jina(tmp_path / "jina")), options=TRUSTING)
    ours.load()
    for text in QUERIES:
        rows, expected = (one.encode_query(text).vectors for one in (ours, encoders["xlm"]))
        np.testing.assert_allclose(rows, expected, atol=1e-5)
    file = f"code/{build.CODE_REPOSITORY}/modeling_xlm_roberta.py"
    assert ours.info.weights[file] == sha256_of(snapshot / "modeling_xlm_roberta.py")
