from pathlib import Path
from typing import Any

import pytest

from latelight.encoders.checkpoint import Checkpoint
from latelight.encoders.recipe import PUNCTUATION, Expansion, read_recipe
from latelight.errors import ModelError
from tests.encoders.test_checkpoint import write

BERT = {"model_type": "bert", "max_position_embeddings": 512, "hidden_size": 64}
DENSE = {"in_features": 64, "out_features": 32}


def stanford(directory: Path, **metadata: Any) -> Checkpoint:
    config = {**BERT, "architectures": ["HF_ColBERT"]}
    write(directory, config__json=config, artifact__metadata=metadata)
    return Checkpoint(directory, "stanford")


def pylate(directory: Path, **config: Any) -> Checkpoint:
    modules = [
        {"type": "sentence_transformers.models.Transformer", "path": ""},
        {"type": "pylate.models.Dense.Dense", "path": "1_Dense"},
    ]
    told = {"model_type": "ColBERT", "query_prefix": "[Q] ", "document_prefix": "[D] ", **config}
    write(
        directory,
        config__json=BERT,
        modules__json=modules,
        config_sentence_transformers__json=told,
        tokenizer_config__json={"mask_token": {"content": "[MASK]"}},
    )
    write(directory / "1_Dense", config__json=DENSE)
    return Checkpoint(directory, "pylate")


def native(
    directory: Path, body: dict[str, Any], *modules: tuple[str, dict[str, Any]]
) -> Checkpoint:
    listed = [{"type": "st.Transformer", "path": ""}]
    for i, (kind, config) in enumerate(modules):
        listed.append({"type": f"st.{kind}", "path": f"{i + 1}_{kind}"})
        write(directory / f"{i + 1}_{kind}", config__json=config)
    write(
        directory,
        config__json={**BERT, "max_position_embeddings": 8192},
        modules__json=listed,
        sentence_bert_config__json=body,
        config_sentence_transformers__json={
            "model_type": "MultiVectorEncoder",
            "prompts": {"query": "q: ", "passage": "p: "},
            "similarity_fn_name": "meanmaxsim",
        },
        tokenizer_config__json={"eos_token": "<|end|>", "model_max_length": 4096},
    )
    return Checkpoint(directory, "multi-vector")


def test_stanfords_metadata_says_it_all(tmp_path: Path) -> None:
    recipe = read_recipe(
        stanford(
            tmp_path,
            query_token_id="[unused0]",
            doc_token_id="[unused1]",
            dim=128,
            query_maxlen=32,
            doc_maxlen=180,
            mask_punctuation=True,
        )
    )
    assert (recipe.query_prompt, recipe.document_prompt) == ("[unused0] ", "[unused1] ")
    assert recipe.markers == ("[unused0]", "[unused1]")
    assert (recipe.dim, recipe.longest_query, recipe.window) == (128, 32, 180)
    assert recipe.expansion == Expansion(32) and recipe.skiplist == PUNCTUATION


def test_stanfords_defaults_hold_where_the_metadata_is_silent(tmp_path: Path) -> None:
    recipe = read_recipe(stanford(tmp_path, dim=96))
    assert recipe.expansion == Expansion(32) and recipe.skiplist == PUNCTUATION
    assert read_recipe(stanford(tmp_path, dim=96, mask_punctuation=False)).skiplist == ()
    assert recipe.window == 512


def test_pylates_keys_are_read_with_its_defaults(tmp_path: Path) -> None:
    recipe = read_recipe(pylate(tmp_path, query_length=48, document_length=300))
    assert recipe.expansion == Expansion(48, token="[MASK]")
    assert (recipe.dim, recipe.skiplist, recipe.window) == (32, PUNCTUATION, 300)
    quiet = read_recipe(pylate(tmp_path, do_query_expansion=False, skiplist_words=[]))
    assert (quiet.expansion, quiet.skiplist, quiet.longest_query) == (None, (), 512)
    prompted = read_recipe(pylate(tmp_path, prompts={"query": "ask: ", "document": "[D] say: "}))
    assert (prompted.query_prompt, prompted.document_prompt) == ("[Q] ask: ", "[D] say: ")


def test_native_models_say_it_in_three_places(tmp_path: Path) -> None:
    expansion = {"strategy": "min", "length": 16, "attend": True}
    recipe = read_recipe(
        native(
            tmp_path,
            {"query_length": 64, "document_length": 9000, "query_expansion": expansion},
            ("Dense", DENSE),
            ("MultiVectorMask", {"skiplist_words": ["."]}),
        )
    )
    assert (recipe.query_prompt, recipe.document_prompt) == ("q: ", "p: ")
    assert recipe.expansion == Expansion(16, is_fixed=False, attends=True, token="<|end|>")
    assert (recipe.window, recipe.longest_query) == (4096, 64)
    assert (recipe.similarity, recipe.skiplist, recipe.dim) == ("mean", (".",), 32)


def test_without_a_dense_module_rows_have_the_bodys_width(tmp_path: Path) -> None:
    assert read_recipe(native(tmp_path, {})).dim == 64


def test_robertas_positions_begin_at_two(tmp_path: Path) -> None:
    checkpoint = stanford(tmp_path, dim=8)
    write(tmp_path, config__json={"model_type": "xlm-roberta", "max_position_embeddings": 514})
    assert read_recipe(checkpoint).limit == 512


@pytest.mark.parametrize(
    ("module", "message"),
    [
        (("HierarchicalTokenPooling", {}), "cannot be traced"),
        (("Dense", {**DENSE, "activation_function": "evil.Code"}), "outside of torch"),
        (("MultiVectorMask", {"keep_only_token_ids": [7]}), "pictures alone"),
    ],
)
def test_modules_that_would_change_rows_unseen_are_refused(
    tmp_path: Path, module: tuple[str, dict[str, Any]], message: str
) -> None:
    with pytest.raises(ModelError, match=message):
        read_recipe(native(tmp_path, {}, module))


def test_models_of_other_kinds_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="does not say how"):
        read_recipe(Checkpoint(write(tmp_path, config__json=BERT), "encoder"))


def test_a_recipe_tells_the_lock_what_shapes_vectors(tmp_path: Path) -> None:
    told = read_recipe(pylate(tmp_path, query_length=48)).rendering()
    assert told["expansion"] == "exactly 48 tokens, not attended to, [MASK]"
    assert told["query_prompt"] == "[Q] " and told["skiplist"].startswith("!")
