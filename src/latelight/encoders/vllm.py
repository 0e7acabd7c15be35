"""Late interaction through a vLLM server's `/pooling` endpoint (task `token_embed`).

The server knows nothing of queries and documents: it adds no marker, no expansion and no skiplist.
So texts are rendered here, by the model's own tokenizer, sent as token ids, and rows are chosen
here afterwards. Its attention looks at every token that it is sent; expansion tokens that a model
keeps out of attention are therefore left out, which changes no other row.

Start the server with, for instance,
`vllm serve colbert-ir/colbertv2.0 --pooler-config.task token_embed`.
"""

import base64
import http.client
import json
import time
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from latelight.encoders.batching import plan_batches
from latelight.encoders.checkpoint import Checkpoint
from latelight.encoders.colbert import describe
from latelight.encoders.multivector import MultiVectorTextEncoder, TextParts
from latelight.encoders.recipe import Recipe, read_recipe
from latelight.encoders.renderer import Renderer, TokenSequence
from latelight.encoders.strict_loading import minor_version
from latelight.errors import ModelServerError, SettingError
from latelight.types import Float32Array

PREFIX = "vllm:"
_REQUEST_TOKENS = 8192
_RETRIED = frozenset({408, 429, 500, 502, 503, 504})


@dataclass(frozen=True)
class ServerOptions:
    """How the server is spoken to.

    Attributes:
        url: such as `http://localhost:8000`.
        model: its name on the server; empty for the only one.
        timeout_s: of one request.
        n_tries: of one request, when the server is busy or cannot be reached.
        wait_s: before the second try; doubled before each further one.
        n_parallel: requests at once.
    """

    url: str
    model: str = ""
    timeout_s: float = 60.0
    n_tries: int = 4
    wait_s: float = 0.5
    n_parallel: int = 4


def read_address(name: str) -> tuple[str, str]:
    """Return (URL, model) of an encoder's name `vllm:URL#model`.

    Raises:
        SettingError: it is not of that form.
    """
    url, separator, model = name.removeprefix(PREFIX).partition("#")
    parts = urllib.parse.urlsplit(url)
    if parts.scheme not in ("http", "https") or not parts.hostname or not separator or not model:
        raise SettingError(
            f"{name!r} is no address of a model server; expected vllm:URL#MODEL, such as "
            "vllm:http://localhost:8000#colbertv2.0, where MODEL is a name of the catalogue or a "
            "directory with the model's tokenizer and configuration."
        )
    return url.rstrip("/"), model


def open_vllm(checkpoint: Checkpoint, server: ServerOptions) -> MultiVectorTextEncoder:
    """Return the encoder of a model that a vLLM server runs; nothing is asked before `load`.

    Args:
        checkpoint: its tokenizer and configuration on this machine; its weights are not needed.
        server: where it runs.

    Raises:
        ModelError: the files do not say how texts are rendered.
    """
    recipe = served(read_recipe(checkpoint))
    runtime = f"vLLM, tokenizers {minor_version('tokenizers')}"
    info = describe(checkpoint, recipe, {"runtime": runtime}, ("tokenizers",))

    def open_parts() -> TextParts:
        renderer = Renderer(checkpoint.directory / "tokenizer.json", recipe)
        client = PoolingClient(server, recipe.dim)
        weights = {
            name: digest
            for name, digest in checkpoint.digests().items()
            if not name.endswith((".safetensors", ".onnx"))
        }
        return TextParts(renderer, client, weights, {"served_model": client.find_model()})

    return MultiVectorTextEncoder(info, open_parts)


def served(recipe: Recipe) -> Recipe:
    """Return a recipe as a server can follow it: without expansion that is not attended to."""
    if recipe.expansion is None or recipe.expansion.attends:
        return recipe
    longest = recipe.longest_query
    return replace(recipe, expansion=None, query_length=longest)


class PoolingClient:
    """Asks a server for the rows of sequences."""

    def __init__(self, server: ServerOptions, dim: int) -> None:
        self._server = server
        self._dim = dim
        self._model = server.model

    def find_model(self) -> str:
        """Return the name under which the server runs the model.

        Raises:
            ModelServerError: it cannot be reached, or does not run the model.
        """
        told = self._ask("/v1/models", None)
        names = [str(one.get("id")) for one in told.get("data") or [] if isinstance(one, dict)]
        if not self._model and len(names) == 1:
            self._model = names[0]
        if self._model not in names:
            raise ModelServerError(
                f"The server {self._server.url} runs {', '.join(names) or 'no model'}; expected "
                f"{self._model or 'one model'}. Start it with: vllm serve {self._model or 'MODEL'} "
                "--pooler-config.task token_embed"
            )
        return self._model

    def rows(self, sequences: Sequence[TokenSequence]) -> Iterator[tuple[int, Float32Array]]:
        """Yield (number of a sequence, its rows (n_tokens, dim) float32) as answers come.

        Raises:
            ModelServerError: the server cannot be reached, refuses, or answers something else.
        """
        batches = plan_batches([len(one) for one in sequences], _REQUEST_TOKENS)
        with ThreadPoolExecutor(self._server.n_parallel) as pool:
            futures = {
                pool.submit(self._pool, [sequences[i] for i in batch]): batch for batch in batches
            }
            try:
                for future in as_completed(futures):
                    yield from zip(futures[future], future.result(), strict=True)
            except BaseException:  # an interrupted caller does not wait for what has not begun
                pool.shutdown(wait=False, cancel_futures=True)
                raise

    def _pool(self, sequences: Sequence[TokenSequence]) -> list[Float32Array]:
        request = {
            "model": self._model,
            "task": "token_embed",
            "input": [one.ids.tolist() for one in sequences],
        }
        answer = self._ask("/pooling", request)
        data = answer.get("data")
        if not isinstance(data, list) or len(data) != len(sequences):
            raise self._odd(f"{len(sequences)} lists of rows", answer)
        ordered = sorted(data, key=lambda one: int(one.get("index", 0)))
        return [
            self._read_rows(one, sequence) for one, sequence in zip(ordered, sequences, strict=True)
        ]

    def _read_rows(self, one: dict[str, Any], sequence: TokenSequence) -> Float32Array:
        data = one.get("data")
        try:
            if isinstance(data, str):  # encoding_format base64
                rows = np.frombuffer(base64.b64decode(data), "<f4").reshape(-1, self._dim)
            else:
                rows = np.asarray(data, np.float32)
        except (TypeError, ValueError) as error:
            raise self._odd("rows of numbers", one) from error
        if rows.shape != (len(sequence), self._dim) or not np.isfinite(rows).all():
            raise ModelServerError(
                f"The server {self._server.url} gave an array {rows.shape} for {len(sequence)} "
                f"tokens; expected finite ({len(sequence)}, {self._dim}). Is {self._model} the "
                "model whose tokenizer is used here, and does it pool by token_embed?"
            )
        return rows.astype(np.float32)

    # -- HTTP ------------------------------------------------------------------------------

    def _ask(self, path: str, body: dict[str, Any] | None) -> dict[str, Any]:
        """Return the JSON object that the server answers; tries again when it is busy."""
        for attempt in range(self._server.n_tries):
            if attempt:
                time.sleep(self._server.wait_s * 2 ** (attempt - 1))
            try:
                return self._ask_once(path, body)
            except urllib.error.HTTPError as error:
                with error:
                    said = error.read(2000).decode("utf-8", "replace")
                last = f"HTTP {error.code}: {said}"
                if error.code not in _RETRIED:
                    break
            except (OSError, http.client.HTTPException) as error:
                last = str(getattr(error, "reason", error))
        raise ModelServerError(
            f"The model server {self._server.url}{path} failed {attempt + 1} times, last with "
            f"{last}. Expected a vLLM server that pools by token_embed; look at its log, or raise "
            "its timeout."
        )

    def _ask_once(self, path: str, body: dict[str, Any] | None) -> dict[str, Any]:
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(
            self._server.url + path, data, {"Content-Type": "application/json"}
        )
        with urllib.request.urlopen(request, timeout=self._server.timeout_s) as response:
            content = response.read()
        try:
            answer = json.loads(content)
        except ValueError as error:
            raise self._odd("JSON", content[:200]) from error
        if not isinstance(answer, dict):
            raise self._odd("a JSON object", answer)
        return answer

    def _odd(self, expected: str, answer: object) -> ModelServerError:
        return ModelServerError(
            f"The model server {self._server.url} answered {str(answer)[:200]!r}; expected "
            f"{expected}. Is it a vLLM server with a model that pools by token_embed?"
        )
