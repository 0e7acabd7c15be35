"""A fake model server on this machine: what it is sent, and what becomes of its answers."""

import json
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from latelight.encoders.checkpoint import Checkpoint, open_checkpoint
from latelight.encoders.multivector import MultiVectorTextEncoder
from latelight.encoders.recipe import Expansion, Recipe
from latelight.encoders.registry import create_encoder
from latelight.encoders.vllm import ServerOptions, open_vllm, read_address, served
from latelight.errors import ModelServerError, SettingError
from latelight.testing.encoders import passage
from latelight.types import Float32Array
from tests.encoders.checkpoints.conformance import TinyConformance
from tests.encoders.checkpoints.small_tokenizers import BERT_NAMES, save, without_flags, wordpieces
from tests.encoders.test_checkpoint import write

DIM = 64


def row_of(number: int, place: int) -> Float32Array:
    made = np.random.default_rng([number, place]).standard_normal(DIM).astype(np.float32)
    return made / np.float32(np.linalg.norm(made))


def rows_of(ids: list[int]) -> list[list[float]]:
    """A model that anybody can compute: a row follows from a token's id, mostly."""
    return [(row_of(n, 0) + 0.1 * row_of(n, i + 1)).tolist() for i, n in enumerate(ids)]


class Server:
    """Answers `/v1/models` and `/pooling`; `failures` are sent first."""

    def __init__(self) -> None:
        self.requests: list[dict[str, Any]] = []
        self.failures: list[tuple[int, str]] = []
        self.models = ["owner/tiny"]
        self.rows: Callable[[list[int]], Any] = rows_of
        self.url = ""

    def answer(self, path: str, body: dict[str, Any] | None) -> tuple[int, Any]:
        if path == "/v1/models":
            return 200, {"data": [{"id": name} for name in self.models]}
        assert body is not None
        self.requests.append(body)
        if self.failures:
            return self.failures.pop(0)
        data = [{"index": i, "data": self.rows(ids)} for i, ids in enumerate(body["input"])]
        return 200, {"object": "list", "data": data[::-1]}  # the order is not promised


@pytest.fixture
def server() -> Iterator[Server]:
    yield from serve()


def serve() -> Iterator[Server]:
    own = Server()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self._send(*own.answer(self.path, None))

        def do_POST(self) -> None:
            length = int(self.headers["Content-Length"])
            self._send(*own.answer(self.path, json.loads(self.rfile.read(length))))

        def _send(self, code: int, value: Any) -> None:
            content = value.encode() if isinstance(value, str) else json.dumps(value).encode()
            self.send_response(code)
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, *_: object) -> None:
            pass

    listening = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=listening.serve_forever, args=(0.01,))
    thread.start()
    own.url = f"http://127.0.0.1:{listening.server_address[1]}"
    yield own
    listening.shutdown()
    thread.join()
    listening.server_close()


def build(directory: Path, *, attends: bool = False) -> Checkpoint:
    """A Stanford checkpoint without weights: its tokenizer and configuration are enough."""
    markers = ("[unused0]", "[unused1]")
    save(without_flags(wordpieces(markers), *markers), directory, **BERT_NAMES)
    write(
        directory,
        config__json={"architectures": ["HF_ColBERT"], "max_position_embeddings": 128},
        artifact__metadata={
            "dim": DIM,
            "query_maxlen": 40,
            "doc_maxlen": 48,
            "mask_punctuation": True,
            "attend_to_mask_tokens": attends,
        },
    )
    return open_checkpoint(directory)


@pytest.fixture
def encoder(tmp_path: Path, server: Server) -> MultiVectorTextEncoder:
    return open_vllm(build(tmp_path), options_of(server))


def options_of(server: Server, **more: Any) -> ServerOptions:
    return ServerOptions(server.url, "owner/tiny", wait_s=0.01, **more)


@pytest.fixture(scope="module")
def lasting(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The name of an encoder whose server lasts as long as this module."""
    directory = build(tmp_path_factory.mktemp("served")).directory
    for own in serve():
        yield f"vllm:{own.url}#{directory}"


class TestServedModelConforms(TinyConformance):
    tolerance = 0.0  # the fake model computes each row alone

    @pytest.fixture(autouse=True)
    def _place(self, lasting: str) -> None:
        type(self).name = lasting

    def make_encoder(self) -> MultiVectorTextEncoder:
        return create_encoder(self.name)


def test_markers_are_sent_and_rows_are_chosen_afterwards(
    encoder: MultiVectorTextEncoder, server: Server
) -> None:
    (rows,) = encoder.encode_documents([passage("the county, paid.")])
    (sent,) = server.requests
    assert (sent["model"], sent["task"]) == ("owner/tiny", "token_embed")
    made = wordpieces(("[unused0]", "[unused1]"))
    ids = sent["input"][0]
    assert [made.id_to_token(n) for n in ids] == [
        *("[CLS]", "[unused1]", "the", "county", ",", "paid", ".", "[SEP]")
    ]
    kept = [0, 1, 2, 3, 5, 7]
    expected = np.array(rows_of(ids), np.float32)[kept]
    expected /= np.linalg.norm(expected, axis=1, keepdims=True)
    np.testing.assert_allclose(rows.vectors, expected, atol=1e-6)


def test_expansion_that_nobody_attends_to_is_left_out(
    encoder: MultiVectorTextEncoder, tmp_path: Path, server: Server
) -> None:
    encoder.encode_query("the ferry")
    assert len(server.requests[-1]["input"][0]) == 5
    attends = open_vllm(build(tmp_path / "b", attends=True), options_of(server))
    query = attends.encode_query("the ferry")
    assert len(server.requests[-1]["input"][0]) == len(query.tokens) == 40
    assert encoder.info.rendering["expansion"] == "none"
    kept = Recipe(dim=8, limit=64, expansion=Expansion(9))
    assert served(kept).longest_query == kept.longest_query


def test_a_busy_server_is_asked_again(encoder: MultiVectorTextEncoder, server: Server) -> None:
    server.failures = [(503, "loading"), (429, "busy")]
    assert len(encoder.encode_query("ferry").tokens) == 4
    assert len(server.requests) == 3


def test_a_server_that_stays_busy_is_given_up(
    encoder: MultiVectorTextEncoder, server: Server
) -> None:
    server.failures = [(503, "loading")] * 9
    with pytest.raises(ModelServerError, match="failed 4 times, last with HTTP 503: loading"):
        encoder.encode_query("ferry")


def test_a_refusal_is_not_repeated_and_its_reason_told(
    encoder: MultiVectorTextEncoder, server: Server
) -> None:
    server.failures = [(400, "task token_embed is not supported")]
    with pytest.raises(ModelServerError, match=r"failed 1 times.*token_embed is not supported"):
        encoder.encode_query("ferry")
    assert len(server.requests) == 1


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        (lambda ids: rows_of(ids)[:-1], r"an array \(3, 64\) for 4 tokens"),
        (lambda ids: [row[:5] for row in rows_of(ids)], r"expected finite \(4, 64\)"),
        (lambda ids: rows_of(ids)[0], r"an array \(64,\)"),
        (lambda ids: [[float("nan")] * DIM for _ in ids], "expected finite"),
        (lambda ids: "§", "expected"),
        (lambda ids: [["a"]], "rows of numbers"),
    ],
)
def test_answers_that_are_not_rows_are_refused(
    encoder: MultiVectorTextEncoder, server: Server, rows: Any, message: str
) -> None:
    server.rows = rows
    with pytest.raises(ModelServerError, match=message):
        encoder.encode_query("ferry")


@pytest.mark.parametrize("answer", ["<html>", "[1]", '{"data": []}', '{"error": "x"}'])
def test_answers_that_are_something_else_are_refused(
    encoder: MultiVectorTextEncoder, server: Server, answer: str
) -> None:
    encoder.load()
    server.failures = [(200, answer)]
    with pytest.raises(ModelServerError, match="expected"):
        encoder.encode_query("ferry")


def test_a_server_that_is_not_there_is_told(tmp_path: Path) -> None:
    gone = ServerOptions("http://127.0.0.1:9", "tiny", timeout_s=1, n_tries=2, wait_s=0.01)
    with pytest.raises(ModelServerError, match="failed 2 times"):
        open_vllm(build(tmp_path), gone).load()


def test_a_server_that_runs_another_model_is_told(tmp_path: Path, server: Server) -> None:
    server.models = ["owner/other"]
    with pytest.raises(ModelServerError, match=r"runs owner/other; expected owner/tiny"):
        open_vllm(build(tmp_path), options_of(server)).load()
    only = ServerOptions(server.url, wait_s=0.01)
    encoder = open_vllm(build(tmp_path), only)
    encoder.load()
    assert encoder.info.rendering["served_model"] == "owner/other"
    server.models = ["a", "b"]
    with pytest.raises(ModelServerError, match="runs a, b; expected one model"):
        open_vllm(build(tmp_path), only).load()


@pytest.mark.parametrize(
    "name", ["vllm:", "vllm:localhost#m", "vllm:http://h:1", "vllm:file:///x#m"]
)
def test_addresses_that_are_none_are_refused(name: str) -> None:
    with pytest.raises(SettingError, match="vllm:URL#MODEL"):
        read_address(name)


def test_rows_by_a_server_are_those_of_the_model_itself(tmp_path: Path, server: Server) -> None:
    pytest.importorskip("torch")
    pytest.importorskip("sentence_transformers")
    from latelight.encoders.colbert import open_colbert
    from latelight.encoders.model_options import ModelOptions
    from latelight.encoders.renderer import TokenSequence
    from tests.encoders.checkpoints.text_models import build_native

    checkpoint = open_checkpoint(build_native(tmp_path / "native"))
    here = open_colbert(checkpoint, ModelOptions(device="cpu"))
    model = here._loaded().model

    def compute(ids: list[int]) -> Any:
        sequence = TokenSequence(np.array(ids, np.int32), len(ids))
        return dict(model.rows([sequence]))[0].tolist()

    server.rows = compute
    there = open_vllm(checkpoint, options_of(server))
    texts = ["The ferry was refitted in 2019, twice.", "Boats. " * 40]
    for text in texts:
        one, other = here.encode_query(text), there.encode_query(text)
        np.testing.assert_allclose(one.vectors, other.vectors, atol=1e-5)
        assert one.tokens == other.tokens
    units = [passage(text) for text in texts]
    for rows, expected in zip(
        there.encode_documents(units), here.encode_documents(units), strict=True
    ):
        np.testing.assert_allclose(rows.vectors, expected.vectors, atol=1e-5)
        np.testing.assert_array_equal(rows.locators.spans, expected.locators.spans)
    assert not any(name.endswith(".safetensors") for name in there.info.weights)
