"""The OpenAPI document: what FastAPI finds, with our own problems and security."""

from typing import Any

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi

from latelight.server.requests import Records
from latelight.server.shapes import Problem

_MARKS = "x-latelight-"
_METHODS = ("get", "put", "post", "delete")
KEYS = {
    "bearer": {"type": "http", "scheme": "bearer"},
    "apiKey": {"type": "apiKey", "in": "header", "name": "api-key"},
}
_PUBLIC = frozenset({"healthz", "readyz"})


def openapi_of(app: FastAPI) -> dict[str, Any]:
    """Return the document, made once."""
    if app.openapi_schema is None:
        made = get_openapi(
            title=app.title, version=app.version, description=app.description, routes=app.routes
        )
        components = made.setdefault("components", {})
        schemas = components.setdefault("schemas", {})
        for model in (Problem, Records):
            schemas[model.__name__] = model.model_json_schema()
        for name in ("HTTPValidationError", "ValidationError"):
            schemas.pop(name, None)
        components["securitySchemes"] = KEYS
        made["security"] = [{name: []} for name in KEYS]
        for operation in _operations(made):
            _mend(operation)
        app.openapi_schema = made
    return app.openapi_schema


def _operations(made: dict[str, Any]) -> list[dict[str, Any]]:
    return [
        path[method] for path in made["paths"].values() for method in _METHODS if method in path
    ]


def _mend(operation: dict[str, Any]) -> None:
    if operation["operationId"] in _PUBLIC:
        operation["security"] = []
    if operation.get(f"{_MARKS}changes"):
        operation.setdefault("parameters", []).append(
            {
                "name": "Idempotency-Key",
                "in": "header",
                "required": False,
                "schema": {"type": "string", "pattern": "^[!-~]{1,255}$"},
                "description": "The same key and request within a day is answered as before.",
            }
        )
