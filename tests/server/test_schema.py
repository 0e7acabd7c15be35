"""Whatever the OpenAPI document allows, and more, is answered as the document says."""

import os
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest
import schemathesis
import uvicorn
from fastapi import FastAPI
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis.errors import Unsatisfiable
from schemathesis.checks import not_a_server_error
from schemathesis.generation import GenerationMode
from schemathesis.schemas import APIOperation
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from latelight.app import Library, engine
from latelight.server.app import create_app
from latelight.server.config import ServerConfig
from latelight.settings import Settings
from latelight.testing.encoders import FakeEncoder
from tests.server.conftest import RECORDS

N_EXAMPLES = int(os.environ.get("N_EXAMPLES", "6"))
CHECKS = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_schema_conformance,
]
# Streams, and what would take the collection away under the others, which have tests of their own.
LEFT_OUT = "watch_job|drop_collection|metrics"
KNOWN = {"namespace": "default", "collection": "notes", "doc_id": "lamp", "unit_id": "c0"}


@pytest.fixture(scope="module")
def app(tmp_path_factory: pytest.TempPathFactory) -> Iterator[FastAPI]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(engine, "create_encoder", lambda *a, **k: FakeEncoder(dim=64))
        engine.shared_encoder.cache_clear()
        root: Path = tmp_path_factory.mktemp("schema") / "library"
        library = Library(root, Settings(n_threads=1, commit_seconds=0.05))
        library.collection("notes", create=True).add(RECORDS)
        made = create_app(library, ServerConfig())
        config = uvicorn.Config(made, port=0, log_config=None, access_log=False)
        server = uvicorn.Server(config)
        thread = threading.Thread(target=server.run)
        thread.start()
        while not server.started:
            time.sleep(0.01)
        host, port = server.servers[0].sockets[0].getsockname()[:2]
        made.state.url = f"http://{host}:{port}"
        yield made
        server.should_exit = True
        thread.join()
    engine.shared_encoder.cache_clear()


def operations(app: FastAPI) -> list[APIOperation]:
    made = schemathesis.openapi.from_dict(app.openapi())
    chosen = made.exclude(operation_id_regex=LEFT_OUT)
    return [found.ok() for found in chosen.get_all_operations()]


@pytest.mark.parametrize("mode", [GenerationMode.POSITIVE, GenerationMode.NEGATIVE])
def test_answers_are_those_of_the_document(app: FastAPI, mode: GenerationMode) -> None:
    statuses: Counter[int] = Counter()
    for operation in operations(app):

        @settings(
            max_examples=N_EXAMPLES,
            deadline=None,
            derandomize=True,
            database=None,
            phases=[Phase.generate],
            suppress_health_check=list(HealthCheck),
        )
        @given(case=operation.as_strategy(generation_mode=mode))
        def answers_as_documented(case: schemathesis.Case) -> None:
            if len(str(case.query)) > 4_000:  # which no server takes as a URL
                return
            params = case.path_parameters or {}
            for name, known in KNOWN.items():
                if name in params and len(str(params[name])) % 4:  # most find something
                    params[name] = known
            for name in ("Authorization", "api-key"):  # random ones are refused, which is dull
                (case.headers or {}).pop(name, None)
            response = case.call(base_url=app.state.url)
            statuses[response.status_code] += 1
            case.validate_response(response, checks=CHECKS)

        with suppress(Unsatisfiable):  # what takes nothing cannot be given anything wrong
            answers_as_documented()
    assert statuses[422] > 0
    assert statuses[200] > 0 or mode is GenerationMode.NEGATIVE
    assert statuses[401] == 0
    assert max(statuses) < 500, statuses


def test_every_operation_has_its_own_id_and_words(app: FastAPI) -> None:
    every = [one for path in app.openapi()["paths"].values() for one in path.values()]
    ids = [one["operationId"] for one in every]
    assert len(ids) == len(set(ids)) >= 45
    assert all(name.isidentifier() and name == name.lower() for name in ids)
    assert all(one["description"] for one in every)
