"""What docs/pipelines.md shows is read as it stands, and leaves no field out."""

import re
from pathlib import Path
from typing import Any

import msgspec
import pytest
import yaml

from latelight.pipelines.spec import PipelineSpec, parse_spec

PAGE = (Path(__file__).parents[2] / "docs" / "pipelines.md").read_text("utf-8")
BLOCKS = re.findall(r"```yaml\n(.*?)```", PAGE, re.DOTALL)


def leaves(value: Any, path: str = "") -> dict[str, Any]:
    """Return the values of nested objects by their dotted path."""
    if not isinstance(value, dict) or not value:
        return {path: value}
    return {k: v for name, one in value.items() for k, v in leaves(one, f"{path}.{name}").items()}


def test_the_page_names_every_field_with_its_default() -> None:
    shown = leaves(yaml.safe_load(BLOCKS[0]))
    expected = leaves(msgspec.to_builtins(PipelineSpec(name="my-reports")))
    assert shown == expected


def test_every_field_is_told_in_a_line_of_its_own() -> None:
    for name in ("pooling", "dim", "dtype", "backend", "trust_remote_code"):
        assert re.search(rf"^ +{name}: .*# \w+", BLOCKS[0], re.MULTILINE), name


@pytest.mark.parametrize("block", BLOCKS)
def test_every_example_is_a_pipeline(block: str) -> None:
    parse_spec(block)


def test_the_example_of_pooling_pools() -> None:
    (pooled,) = (spec for spec in map(parse_spec, BLOCKS) if spec.name == "pooled")
    assert (pooled.spaces["text"].pooling.method, pooled.spaces["text"].pooling.factor) == (
        "ward",
        2,
    )
