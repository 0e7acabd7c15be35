"""The page on HTTP against the OpenAPI document: the same routes, names and scopes."""

import re
from pathlib import Path

from latelight.app import Library
from latelight.server.app import create_app
from latelight.server.config import ServerConfig
from latelight.settings import Settings

PAGE = Path(__file__).parents[2] / "docs" / "http.md"
ROW = re.compile(r"^\| (GET|PUT|POST|DELETE) \| (\S+) \| (\w+) \| (\w+) \|", re.MULTILINE)
C = "/v1/namespaces/{namespace}/collections/{collection}"
PUBLIC = ("healthz", "readyz")


def test_every_route_is_on_the_page_as_it_is(tmp_path: Path) -> None:
    app = create_app(Library(tmp_path / "library", Settings()), ServerConfig())
    served = {
        (method.upper(), path, one["operationId"], scope_of(one))
        for path, methods in app.openapi()["paths"].items()
        for method, one in methods.items()
    }
    written = {
        (method, re.sub(r"^C(?=/|$)", C, path), name, scope)
        for method, path, name, scope in ROW.findall(PAGE.read_text(encoding="utf-8"))
    }
    assert written == served


def scope_of(operation: dict[str, str]) -> str:
    if operation["operationId"] in PUBLIC:
        return "none"
    return operation["x-latelight-scope"] or "any"
