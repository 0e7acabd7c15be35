"""Any sentence-transformers model by its name on the hub, from a cache laid out as the hub's is."""

import hashlib
from pathlib import Path

import numpy as np
import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("sentence_transformers")

from latelight.encoders.model_options import ModelOptions  # noqa: E402
from latelight.encoders.registry import create_encoder, create_reranker  # noqa: E402
from latelight.errors import ModelError, SettingError, WeightsNotFoundError  # noqa: E402
from latelight.testing.encoders import passage  # noqa: E402
from tests.encoders.checkpoints import text_models as build  # noqa: E402

CPU = ModelOptions(device="cpu")
COMMIT = "0123456789abcdef0123456789abcdef01234567"
TEXTS = ["The ferry was refitted in 2019, twice.", "boats"]


def downloaded(directory: Path, cache: Path, repository: str) -> None:
    """Put a checkpoint into the cache as the hub's client does: blobs, and links to them."""
    root = cache / f"models--{repository.replace('/', '--')}"
    for path in [one for one in directory.rglob("*") if one.is_file()]:
        blob = root / "blobs" / hashlib.sha256(path.read_bytes()).hexdigest()
        link = root / "snapshots" / COMMIT / path.relative_to(directory)
        blob.parent.mkdir(parents=True, exist_ok=True)
        link.parent.mkdir(parents=True, exist_ok=True)
        blob.write_bytes(path.read_bytes())
        link.symlink_to(blob)
    (root / "refs").mkdir()
    (root / "refs" / "main").write_text(COMMIT)


@pytest.fixture(scope="module")
def cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("hub-names")
    hub = root / "hub"
    downloaded(build.build_dense(root / "dense"), hub, "harbour/tiny-sentences")
    downloaded(build.build_cross_encoder(root / "cross"), hub, "harbour/tiny-judge")
    downloaded(build.build_native(root / "native"), hub, "harbour/tiny-colbert")
    return hub


@pytest.fixture(autouse=True)
def only_the_cache(cache: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("HF_HUB_CACHE", str(cache))
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    monkeypatch.chdir(tmp_path)


def snapshot(cache: Path, name: str) -> str:
    return str(cache / f"models--harbour--{name}" / "snapshots" / COMMIT)


def test_a_dense_model_by_name_gives_its_librarys_vectors(cache: Path) -> None:
    from sentence_transformers import SentenceTransformer

    ours = create_encoder("harbour/tiny-sentences", options=CPU)
    theirs = SentenceTransformer(snapshot(cache, "tiny-sentences"), device="cpu")
    found = ours.encode_documents([passage(text) for text in TEXTS])
    for one, expected in zip(found, theirs.encode_document(TEXTS), strict=True):
        assert one.vectors.shape == (1, build.WIDTH)
        np.testing.assert_allclose(one.vectors, expected[None], atol=1e-5)


def test_its_name_and_the_digests_of_its_files_are_in_its_provenance(cache: Path) -> None:
    ours = create_encoder("harbour/tiny-sentences", options=CPU)
    ours.load()
    assert ours.info.name == "harbour/tiny-sentences"
    weights = Path(snapshot(cache, "tiny-sentences")) / "model.safetensors"
    digest = hashlib.sha256(weights.read_bytes()).hexdigest()
    assert ours.info.weights["model.safetensors"] == digest


def test_a_late_interaction_model_by_name_gives_the_rows_of_its_path(cache: Path) -> None:
    by_name, by_path = (
        create_encoder(name, options=CPU).encode_query("ferry").vectors
        for name in ("harbour/tiny-colbert", snapshot(cache, "tiny-colbert"))
    )
    np.testing.assert_array_equal(by_name, by_path)


def test_a_cross_encoder_by_name_gives_its_librarys_scores(cache: Path) -> None:
    from sentence_transformers import CrossEncoder

    ours = create_reranker("harbour/tiny-judge", options=CPU)
    theirs = CrossEncoder(
        snapshot(cache, "tiny-judge"), device="cpu", activation_fn=torch.nn.Identity()
    )
    expected = theirs.predict([("who paid?", text) for text in TEXTS])
    np.testing.assert_allclose(ours.score("who paid?", TEXTS), expected, atol=1e-5)
    assert ours.name == "harbour/tiny-judge" and "model.safetensors" in ours.weights


def test_a_weights_directory_goes_before_the_cache(cache: Path, tmp_path: Path) -> None:
    other = build.build_dense(tmp_path / "weights" / "harbour" / "tiny-sentences")
    (other / "sentence_bert_config.json").write_text('{"max_seq_length": 32}')
    made = create_encoder("harbour/tiny-sentences", weights=tmp_path / "weights", options=CPU)
    assert made.info.rendering["document_length"] == "32"
    assert made.info.name == "harbour/tiny-sentences"


@pytest.mark.parametrize("weights", [None, Path("elsewhere")])
def test_a_name_whose_files_are_not_here_says_where_they_were_looked_for(
    cache: Path, weights: Path | None
) -> None:
    for create in (create_encoder, create_reranker):
        with pytest.raises(WeightsNotFoundError) as told:
            create("harbour/never-fetched", weights=weights)
        message = str(told.value)
        assert str(cache) in message and "hf download harbour/never-fetched" in message
        assert ("neither in elsewhere nor" in message) is (weights is not None)


def test_models_of_the_other_kind_are_sent_to_where_they_belong() -> None:
    with pytest.raises(ModelError, match=r"harbour/tiny-judge gives no rows.*search\.rerank"):
        create_encoder("harbour/tiny-judge", options=CPU)
    with pytest.raises(SettingError, match=r"laid out as dense.*belongs into a space"):
        create_reranker("harbour/tiny-sentences", options=CPU)
    for name in ("minilm", "vllm:http://localhost:1#colbertv2.0"):
        with pytest.raises(SettingError, match=r"is an encoder.*'reranker', which a package"):
            create_reranker(name)


@pytest.mark.parametrize("name", ["../secret/x", "a/b/c", "-x/y", "a/", "~/x"])
def test_only_names_of_repositories_are_looked_for(name: str) -> None:
    with pytest.raises(SettingError, match="No encoder"):
        create_encoder(name)
