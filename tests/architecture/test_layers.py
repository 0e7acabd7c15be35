"""The import rule: each package may import only from those to its left."""

import ast
from pathlib import Path

import latelight

PACKAGE = Path(latelight.__file__).parent

LAYERS: tuple[frozenset[str], ...] = (
    frozenset({"errors", "types"}),
    frozenset({"kernels", "weights"}),
    frozenset({"extractors", "encoders", "index", "evaluation", "sample"}),
    frozenset({"explain", "experiments"}),
    frozenset({"settings", "plugins", "pipelines"}),
    frozenset({"releases"}),
    frozenset({"app"}),
    frozenset({"client", "server"}),
    frozenset({"integrations"}),
    frozenset({"cli"}),
)
# `testing` ships fakes and conformance suites: it may see everything but the surfaces.
FREE = frozenset({"testing", "__init__", "__main__"})
TOGETHER = frozenset({"errors", "types", "settings", "plugins", "pipelines"})


def rank_of(part: str) -> int:
    return next(rank for rank, names in enumerate(LAYERS) if part in names)


def may_import(importer: str, imported: str) -> bool:
    if importer == imported or importer in FREE:
        return True
    if rank_of(imported) == rank_of(importer):
        return {importer, imported} <= TOGETHER
    return rank_of(imported) < rank_of(importer)


def imported_parts(path: Path) -> set[str]:
    names: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            names |= {f"{node.module}.{alias.name}" for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            raise AssertionError(f"{path}: write imports from the package's root")
    parts = {name.split(".")[1] for name in names if name.startswith("latelight.")}
    return {part for part in parts if not part.startswith("__")}


def part_of(path: Path) -> str:
    return path.relative_to(PACKAGE).parts[0].removesuffix(".py")


def test_every_import_points_to_the_left() -> None:
    wrong = [
        f"{path.relative_to(PACKAGE)} imports latelight.{imported}"
        for path in sorted(PACKAGE.rglob("*.py"))
        for imported in sorted(imported_parts(path))
        if imported not in FREE and not may_import(part_of(path), imported)
    ]
    assert wrong == []


def test_every_package_has_a_layer() -> None:
    parts = {part_of(path) for path in PACKAGE.rglob("*.py")}
    known = frozenset().union(*LAYERS) | FREE
    assert parts <= known


def test_no_file_is_longer_than_five_hundred_lines() -> None:
    long = [p for p in PACKAGE.rglob("*.py") if len(p.read_text("utf-8").splitlines()) > 500]
    assert long == []


def test_the_rule_refuses_what_it_should() -> None:
    assert not may_import("index", "encoders")
    assert not may_import("kernels", "index")
    assert may_import("pipelines", "index")
    assert not may_import("pipelines", "app")
