"""Cross-encoders: the carried one, and tiny ones against their library."""

from pathlib import Path

import numpy as np
import pytest

from latelight.encoders.cross_encoder import CrossEncoder, PairRenderer
from latelight.encoders.model_options import ModelOptions
from latelight.encoders.registry import create_encoder, create_reranker
from latelight.errors import ModelError, QueryError, SettingError
from tests.encoders.checkpoints.small_tokenizers import byte_level, wordpieces

TEXTS = [
    "The county council financed the overhaul of the ferry.",
    "The ferry leaves the harbour at nine every morning.",
    "Tomatoes need six hours of sun a day.",
]
QUERY = "Who paid for repairing the ferry?"


@pytest.fixture(scope="module")
def carried() -> CrossEncoder:
    return create_reranker(n_threads=2)


@pytest.mark.model
def test_texts_that_answer_come_first(carried: CrossEncoder) -> None:
    scores = carried.score(QUERY, TEXTS)
    assert scores.dtype == np.float32 and scores.shape == (3,)
    assert scores[0] > scores[1] > scores[2]
    assert all(len(digest) == 64 for digest in carried.weights.values())


@pytest.mark.model
def test_a_score_depends_on_the_query_and_its_text_alone(carried: CrossEncoder) -> None:
    together = carried.score(QUERY, TEXTS)
    alone = [float(carried.score(QUERY, [text])[0]) for text in reversed(TEXTS)]
    np.testing.assert_array_equal(together, np.array(alone[::-1], np.float32))


@pytest.mark.model
def test_the_best_window_of_a_long_text_decides(carried: CrossEncoder) -> None:
    long = "Tomatoes need six hours of sun a day. " * 150 + "\n" + TEXTS[0]
    buried, short = carried.score(QUERY, [long, TEXTS[2]])
    assert buried > short


@pytest.mark.model
def test_blank_texts_are_last_and_blank_queries_refused(carried: CrossEncoder) -> None:
    assert carried.score(QUERY, []).shape == (0,)
    assert carried.score(QUERY, ["", TEXTS[2]]).tolist()[0] == -np.inf
    with pytest.raises(QueryError):
        carried.score(" ", TEXTS)


def test_pairs_are_rendered_as_the_tokenizer_renders_them(tmp_path: Path) -> None:
    path = tmp_path / "tokenizer.json"
    tokenizer = wordpieces()
    tokenizer.save(str(path))
    (pair,) = PairRenderer(path, 64).pairs("who paid?", "the county paid.")
    expected = tokenizer.encode("who paid?", "the county paid.")
    assert pair.ids.tolist() == expected.ids
    assert pair.types.tolist() == expected.type_ids


def test_long_texts_become_windows_within_the_limit(tmp_path: Path) -> None:
    path = tmp_path / "tokenizer.json"
    wordpieces().save(str(path))
    renderer = PairRenderer(path, 24)
    text = "the ferry was refitted " * 12
    pairs = renderer.pairs("who paid", text)
    assert len(pairs) > 1 and all(len(pair) <= 24 for pair in pairs)
    n_inner = sum(len(pair) - len(renderer.pairs("who paid", "the")[0]) + 1 for pair in pairs)
    assert n_inner == len(wordpieces().encode(text, add_special_tokens=False).ids)
    assert 4 not in renderer.pairs("who paid", "see [MASK] here")[0].ids


def test_a_tokenizer_without_a_template_for_pairs_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "tokenizer.json"
    byte_level().save(str(path))
    with pytest.raises(ModelError, match="template for pairs"):
        PairRenderer(path, 64)


# -- any cross-encoder -----------------------------------------------------------------------------


@pytest.fixture(scope="module")
def directory(tmp_path_factory: pytest.TempPathFactory) -> Path:
    pytest.importorskip("torch")
    pytest.importorskip("sentence_transformers")
    from tests.encoders.checkpoints.text_models import build_cross_encoder

    return build_cross_encoder(tmp_path_factory.mktemp("cross") / "tiny")


@pytest.mark.parametrize("types", [True, False])
def test_scores_are_those_of_sentence_transformers(types: bool, tmp_path: Path) -> None:
    torch = pytest.importorskip("torch")
    sentence_transformers = pytest.importorskip("sentence_transformers")
    from tests.encoders.checkpoints.text_models import build_cross_encoder

    directory = build_cross_encoder(tmp_path / "tiny", types=types)

    theirs = sentence_transformers.CrossEncoder(
        str(directory), device="cpu", local_files_only=True, activation_fn=torch.nn.Identity()
    )
    ours = create_reranker(str(directory), options=ModelOptions(device="cpu"))
    expected = theirs.predict([(QUERY, text) for text in TEXTS])
    np.testing.assert_allclose(ours.score(QUERY, TEXTS), expected, atol=1e-5)
    assert "model.safetensors" in ours.weights


def test_a_head_that_is_missing_is_never_random(directory: Path, tmp_path: Path) -> None:
    import shutil

    from safetensors.torch import load_file, save_file

    shutil.copytree(directory, tmp_path / "headless")
    path = tmp_path / "headless" / "model.safetensors"
    weights = load_file(path)
    del weights["classifier.weight"]
    save_file(weights, path, metadata={"format": "pt"})
    with pytest.raises(ModelError, match=r"lacks the weights classifier\.weight"):
        create_reranker(str(path.parent), options=ModelOptions(device="cpu")).load()


def test_models_of_other_kinds_are_refused(directory: Path, tmp_path: Path) -> None:
    from tests.encoders.checkpoints.text_models import build_cross_encoder

    with pytest.raises(ModelError, match="A cross-encoder reranks"):
        create_encoder(str(directory))
    classes = build_cross_encoder(tmp_path / "classes", n_labels=3)
    with pytest.raises(ModelError, match="gives 3 numbers"):
        create_reranker(str(classes), options=ModelOptions(device="cpu")).load()
    with pytest.raises(SettingError, match="No cross-encoder 'nothing'; expected 'reranker'"):
        create_reranker("nothing")
