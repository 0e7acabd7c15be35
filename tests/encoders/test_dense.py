"""Dense encoders: one row a window; the carried one, and tiny ones against their library."""

from pathlib import Path

import numpy as np
import pytest

from latelight.encoders.dense import BGE_INSTRUCTION
from latelight.encoders.multivector import MultiVectorTextEncoder
from latelight.encoders.protocol import Encoder
from latelight.encoders.registry import create_encoder
from latelight.testing.encoders import EncoderConformance, passage

LONG = "The harbour master counted the boats. " * 120 + "Then he slept."


@pytest.mark.model
class TestBgeSmallConforms(EncoderConformance):
    def make_encoder(self) -> Encoder:
        return create_encoder("bge-small")


@pytest.fixture(scope="module")
def bge() -> Encoder:
    return create_encoder("bge-small", n_threads=2)


@pytest.mark.model
def test_meaning_is_found_without_shared_words(bge: Encoder) -> None:
    query = bge.encode_query("Who paid for repairing the boat?")
    assert query.vectors.shape == (1, 384)
    texts = [
        "The county council financed the overhaul of the ferry.",
        "The ferry leaves the harbour at nine every morning.",
        "Tomatoes need six hours of sun a day.",
    ]
    rows = bge.encode_documents([passage(text) for text in texts])
    scores = [float((query.vectors @ one.vectors.T).max()) for one in rows]
    assert scores[0] > scores[1] > scores[2]


@pytest.mark.model
def test_a_row_is_the_first_state_after_the_publishers_instruction(bge: Encoder) -> None:
    import onnxruntime
    from tokenizers import Tokenizer

    from latelight.encoders.dense import BGE_MODEL, BGE_TOKENIZER
    from latelight.weights import locate

    tokenizer = Tokenizer.from_file(str(locate(BGE_TOKENIZER)))
    ids = np.array([tokenizer.encode(BGE_INSTRUCTION + "who paid?").ids])
    session = onnxruntime.InferenceSession(str(locate(BGE_MODEL)))
    feeds = {"input_ids": ids, "attention_mask": np.ones_like(ids)}
    if len(session.get_inputs()) == 3:
        feeds["token_type_ids"] = np.zeros_like(ids)
    state = session.run(None, feeds)[0][0, 0]
    cosine = bge.encode_query("who paid?").vectors[0] @ (state / np.linalg.norm(state))
    assert cosine > 0.99  # int8 products differ a little between machines


@pytest.mark.model
def test_a_long_text_has_a_row_for_each_window_that_stands_for_its_characters(
    bge: Encoder,
) -> None:
    (rows,) = bge.encode_documents([passage(LONG)])
    spans = rows.locators.spans
    assert spans is not None and len(spans) == rows.n_rows > 1
    assert spans[0, 0] == 0 and spans[-1, 1] == len(LONG)
    assert (spans[1:, 0] >= spans[:-1, 1]).all()


# -- any sentence-transformers model ---------------------------------------------------------------


@pytest.fixture(scope="module")
def directory(tmp_path_factory: pytest.TempPathFactory) -> Path:
    pytest.importorskip("torch")
    pytest.importorskip("sentence_transformers")
    from tests.encoders.checkpoints.text_models import build_dense

    return build_dense(tmp_path_factory.mktemp("dense") / "tiny")


def open_tiny(directory: Path) -> MultiVectorTextEncoder:
    from latelight.encoders.model_options import ModelOptions

    made = create_encoder(str(directory), options=ModelOptions(device="cpu"))
    assert isinstance(made, MultiVectorTextEncoder)
    return made


class TestTinyDenseConforms(EncoderConformance):
    tolerance = 1e-5

    @pytest.fixture(autouse=True)
    def _place(self, directory: Path) -> None:
        type(self).directory = directory

    def make_encoder(self) -> Encoder:
        return open_tiny(self.directory)

    def test_a_text_finds_itself(self) -> None:
        """Other prompts go before queries: random weights bring the two nowhere near."""


def test_vectors_are_those_of_sentence_transformers(directory: Path) -> None:
    from sentence_transformers import SentenceTransformer

    theirs = SentenceTransformer(str(directory), device="cpu", local_files_only=True)
    ours = open_tiny(directory)
    texts = ["The ferry was refitted in 2019, twice.", "boats"]
    for text in texts:
        expected = theirs.encode_query([text])
        np.testing.assert_allclose(ours.encode_query(text).vectors, expected, atol=1e-5)
    found = ours.encode_documents([passage(text) for text in texts])
    for one, expected in zip(found, theirs.encode_document(texts), strict=True):
        np.testing.assert_allclose(one.vectors, expected[None], atol=1e-5)


def test_a_model_that_pools_without_its_prompt_is_refused(directory: Path, tmp_path: Path) -> None:
    import json
    import shutil

    from latelight.errors import ModelError

    shutil.copytree(directory, tmp_path / "blind")
    path = tmp_path / "blind/1_Pooling/config.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), "include_prompt": False}))
    with pytest.raises(ModelError, match="leaves its prompt out"):
        open_tiny(tmp_path / "blind").load()
