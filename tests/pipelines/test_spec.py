from pathlib import Path

import pytest

from latelight.errors import NotFoundError, SettingError
from latelight.pipelines.spec import PRESETS, PipelineSpec, digest_of, load_spec, parse_spec


def test_an_empty_file_is_the_default_pipeline() -> None:
    assert parse_spec("") == PipelineSpec()


def test_the_canonical_form_reads_back_as_the_same_spec() -> None:
    for spec in PRESETS.values():
        assert parse_spec(spec.to_json()) == spec


def test_field_order_does_not_change_the_canonical_form() -> None:
    one = parse_spec("name: a\nlexical: {k1: 1.2, b: 0.5}")
    other = parse_spec("lexical: {b: 0.5, k1: 1.2}\nname: a")
    assert one.to_json() == other.to_json()
    assert digest_of(one.to_json()) == digest_of(other.to_json())


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("nmae: x", "nmae"),
        ("extract: {dpi: 5000}", "extract.dpi is 5000"),
        ("spaces: {text: {store: float64}}", "float64"),
        ("lexical: {b: 2}", "lexical.b is 2"),
        ("maxsim: {function_weight: 0}", "maxsim.function_weight is 0"),
        ("maxsim: {context_share: 1.5}", "maxsim.context_share is 1.5"),
        ("spaces: {}", "number of spaces is 0"),
        ("a: [unclosed", "docs/pipelines.md"),
    ],
)
def test_a_wrong_field_is_refused_with_its_name(text: str, said: str) -> None:
    with pytest.raises(SettingError, match=said):
        parse_spec(text)


def test_a_file_is_read_and_a_missing_one_names_the_presets(tmp_path: Path) -> None:
    path = tmp_path / "mine.yaml"
    path.write_text("name: mine\n", encoding="utf-8")
    assert load_spec(path).name == "mine"
    with pytest.raises(NotFoundError, match="default"):
        load_spec("no-such-pipeline")
