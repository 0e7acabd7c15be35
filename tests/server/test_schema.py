"""Whatever the OpenAPI document allows, and more, is answered as the document says."""

import os
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest
import schemathesis
from fastapi import FastAPI
from fastapi.testclient import TestClient
from hypothesis import HealthCheck, Phase, given, settings
from schemathesis.checks import not_a_server_error
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
        with TestClient(made, base_url="http://localhost"):
            yield made
    engine.shared_encoder.cache_clear()


def operations(app: FastAPI) -> list[APIOperation]:
    made = schemathesis.openapi.from_asgi("/openapi.json", app)
    chosen = made.exclude(operation_id_regex=LEFT_OUT)
    return [found.ok() for found in chosen.get_all_operations()]


def test_answers_are_those_of_the_document(app: FastAPI) -> None:
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
        @given(case=operation.as_strategy())
        def answers_as_documented(case: schemathesis.Case) -> None:
            params = case.path_parameters or {}
            for name, known in KNOWN.items():
                if name in params and len(str(params[name])) % 4:  # most find something
                    params[name] = known
            response = case.call(headers={"Host": "localhost"}, base_url="http://localhost")
            statuses[response.status_code] += 1
            case.validate_response(response, checks=CHECKS)

        answers_as_documented()
    assert statuses[200] > 0 < statuses[422]
    assert max(statuses) < 500, statuses


def test_every_operation_has_its_own_id_and_words(app: FastAPI) -> None:
    every = [one for path in app.openapi()["paths"].values() for one in path.values()]
    ids = [one["operationId"] for one in every]
    assert len(ids) == len(set(ids)) >= 45
    assert all(name.isidentifier() and name == name.lower() for name in ids)
    assert all(one["description"] for one in every)
