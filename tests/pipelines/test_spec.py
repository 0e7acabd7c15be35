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
        ("space: {}", r"has no field 'space'; expected some of: name, .*did you mean spaces"),
        ("spaces: {t: {encoders: x}}", r"spaces\.t has no field .*encoder, store.*mean encoder\?"),
        ("spaces: {t: {bits: 5}}", r"spaces\.t\.bits is 5; expected one of: 0, 1, 2, 3, 4"),
        ("spaces: {t: {bits: true}}", r"spaces\.t\.bits is True; expected one of"),
        ("spaces: {t: {pooling: {method: wart}}}", r"method is 'wart'; .*did you mean ward"),
        ("spaces: {t: {pooling: {factor: 100}}}", r"spaces\.t\.pooling\.factor is 100; .* 1 to 64"),
        ("spaces: {t: {sight: yes please}}", r"spaces\.t\.sight is 'yes please'; .*true or false"),
        ("spaces: {t: minilm}", r"spaces\.t is 'minilm'; expected fields of these names: encoder"),
        ("spaces: [t]", r"spaces is a list; expected names, each with a value"),
        ("search: {k: ten}", r"search\.k is 'ten'; expected a whole number"),
        ("extract: {dpi: 1.5}", r"extract\.dpi is 1\.5; expected a whole number"),
        ("maxsim: {window_share: half}", r"maxsim\.window_share is 'half'; expected a number"),
        ("extract: {plugins: {a: {media_types: x}}}", r"a\.media_types is 'x'; expected a list"),
        ("extract: {plugins: {a: {parameters: {p: [1]}}}}", r"docs/pipelines\.md"),
        ("- a", r"the pipeline is a list; expected fields of these names: name, extract"),
        ("name: [long, list]", r"name is a list; expected a text"),
    ],
)
def test_a_wrong_field_is_refused_with_its_name_and_what_is_expected(text: str, said: str) -> None:
    with pytest.raises(SettingError, match=said):
        parse_spec(text)


def test_a_file_is_read_and_a_missing_one_names_the_presets(tmp_path: Path) -> None:
    path = tmp_path / "mine.yaml"
    path.write_text("name: mine\n", encoding="utf-8")
    assert load_spec(path).name == "mine"
    with pytest.raises(NotFoundError, match="default"):
        load_spec("no-such-pipeline")
