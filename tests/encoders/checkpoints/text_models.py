"""Text models of 32 dims with random weights, in the layouts of published checkpoints."""

import json
import string
import warnings
from pathlib import Path
from typing import Any

import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("sentence_transformers")

from safetensors.torch import save_file  # noqa: E402
from transformers import (  # noqa: E402
    BertConfig,
    BertForSequenceClassification,
    BertModel,
    ModernBertConfig,
    ModernBertModel,
)

from tests.encoders.checkpoints.small_tokenizers import (  # noqa: E402
    BERT_NAMES,
    byte_level,
    save,
    without_flags,
    wordpieces,
)

WIDTH, DIM = 32, 24
QUERY_LENGTH, DOCUMENT_LENGTH = 14, 48
_ST = "sentence_transformers"


def bert_config(n_tokens: int, **more: Any) -> BertConfig:
    return BertConfig(
        vocab_size=n_tokens,
        hidden_size=WIDTH,
        num_hidden_layers=2,
        num_attention_heads=2,
        intermediate_size=64,
        max_position_embeddings=128,
        initializer_range=0.3,
        **more,
    )


def calm(body: Any) -> Any:
    """The same body with tokens that say more than their places: a text then finds itself."""
    with torch.no_grad():
        for name, parameter in body.named_parameters():
            if any(
                word in name for word in ("position_emb", "token_type_emb", "output.dense", "Wo")
            ):
                parameter.mul_(0.1)
    return body


def projection(dim: int = DIM) -> Any:
    return torch.randn(dim, WIDTH) * 0.2


def write_json(path: Path, value: Any) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(value))


def build_pylate(directory: Path, *, expands: bool = True, attends: bool = False) -> Path:
    """What PyLate saves: top-level prefixes, `[Q] ` and `[D] ` as added tokens, one Dense."""
    torch.manual_seed(1)
    made = wordpieces()
    made.add_tokens(["[Q] ", "[D] "])
    n_tokens = save(made, directory, **BERT_NAMES)
    calm(BertModel(bert_config(n_tokens))).save_pretrained(directory)
    modules = [
        {"idx": 0, "name": "0", "path": "", "type": f"{_ST}.models.Transformer"},
        {"idx": 1, "name": "1", "path": "1_Dense", "type": "pylate.models.Dense.Dense"},
    ]
    write_json(directory / "modules.json", modules)
    write_json(
        directory / "sentence_bert_config.json",
        {"max_seq_length": DOCUMENT_LENGTH - 1, "do_lower_case": False},
    )
    write_json(
        directory / "config_sentence_transformers.json",
        {
            "__version__": {"sentence_transformers": "4.0.2"},
            "prompts": {},
            "default_prompt_name": None,
            "similarity_fn_name": "MaxSim",
            "model_type": "ColBERT",
            "query_prefix": "[Q] ",
            "document_prefix": "[D] ",
            "query_length": QUERY_LENGTH,
            "document_length": DOCUMENT_LENGTH,
            "attend_to_expansion_tokens": attends,
            "do_query_expansion": expands,
            "skiplist_words": list(string.punctuation),
        },
    )
    _write_dense(directory / "1_Dense", {})
    return directory


def build_stanford(directory: Path, *, dim: int = DIM) -> Path:
    """What Stanford's ColBERT saves: one file of weights, `artifact.metadata`, unused0 and 1."""
    torch.manual_seed(2)
    markers = ("[unused0]", "[unused1]")
    n_tokens = save(without_flags(wordpieces(markers), *markers), directory, **BERT_NAMES)
    config = bert_config(n_tokens)
    write_json(directory / "config.json", {**config.to_dict(), "architectures": ["HF_ColBERT"]})
    body = calm(BertModel(config)).state_dict()
    weights = {f"bert.{key}": value.contiguous() for key, value in body.items()}
    weights["linear.weight"] = projection(dim)
    save_file(weights, directory / "model.safetensors", metadata={"format": "pt"})
    write_json(
        directory / "artifact.metadata",
        {
            "query_token_id": "[unused0]",
            "doc_token_id": "[unused1]",
            "query_token": "[Q]",
            "doc_token": "[D]",
            "attend_to_mask_tokens": False,
            "dim": dim,
            "doc_maxlen": DOCUMENT_LENGTH,
            "query_maxlen": QUERY_LENGTH,
            "mask_punctuation": True,
            "similarity": "cosine",
        },
    )
    return directory


def build_native(directory: Path) -> Path:
    """What MultiVectorEncoder saves: ModernBERT, byte-level tokens, no expansion, two Denses."""
    torch.manual_seed(3)
    n_tokens = save(byte_level(("[Q] ", "[D] ")), directory, **BERT_NAMES)
    config = ModernBertConfig(
        vocab_size=n_tokens,
        hidden_size=WIDTH,
        num_hidden_layers=2,
        num_attention_heads=2,
        intermediate_size=64,
        max_position_embeddings=128,
        global_attn_every_n_layers=2,
        local_attention=16,
        initializer_range=0.3,
        pad_token_id=0,
        cls_token_id=2,
        sep_token_id=3,
        bos_token_id=2,
        eos_token_id=3,
    )
    calm(ModernBertModel(config)).save_pretrained(directory)
    vector = f"{_ST}.multi_vector_encoder.modules.multi_vector_mask.MultiVectorMask"
    modules = [
        ("", f"{_ST}.base.modules.transformer.Transformer"),
        ("1_Dense", f"{_ST}.base.modules.dense.Dense"),
        ("2_Dense", f"{_ST}.base.modules.dense.Dense"),
        ("3_MultiVectorMask", vector),
        ("4_Normalize", f"{_ST}.base.modules.normalize.Normalize"),
    ]
    write_json(
        directory / "modules.json",
        [
            {"idx": i, "name": str(i), "path": path, "type": kind}
            for i, (path, kind) in enumerate(modules)
        ],
    )
    write_json(
        directory / "sentence_bert_config.json",
        {
            "transformer_task": "feature-extraction",
            "modality_config": {
                "text": {"method": "forward", "method_output_name": "last_hidden_state"}
            },
            "module_output_name": "token_embeddings",
            "query_length": QUERY_LENGTH,
            "document_length": DOCUMENT_LENGTH,
        },
    )
    write_json(
        directory / "config_sentence_transformers.json",
        {
            "model_type": "MultiVectorEncoder",
            "prompts": {"query": "[Q] ", "document": "[D] "},
            "default_prompt_name": None,
            "similarity_fn_name": "maxsim",
        },
    )
    tokens = {"module_input_name": "token_embeddings", "module_output_name": "token_embeddings"}
    _write_dense(directory / "1_Dense", tokens, (WIDTH, WIDTH), residual=True)
    _write_dense(directory / "2_Dense", tokens)
    write_json(directory / "3_MultiVectorMask/config.json", {"skiplist_words": list(".,;:!?")})
    write_json(directory / "4_Normalize/config.json", {"module_input_name": "token_embeddings"})
    return directory


def build_adapter(directory: Path, base: Path) -> Path:
    """A LoRA adapter over a native base, with the files that say how to drive it."""
    from peft import LoraConfig, get_peft_model

    torch.manual_seed(4)
    body = ModernBertModel.from_pretrained(base, local_files_only=True)
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "`is_gradient_checkpointing`", FutureWarning)
        lora = LoraConfig(r=4, lora_alpha=8, target_modules=["Wqkv", "Wo"])
        adapted = get_peft_model(body, lora)
    for name, parameter in adapted.named_parameters():
        if "lora_B" in name:
            torch.nn.init.normal_(parameter, std=0.3)
    adapted.save_pretrained(directory)
    whole = {base / "config.json", base / "model.safetensors"}
    for path in base.rglob("*"):
        if path.is_file() and path not in whole:
            own = directory / path.relative_to(base)
            own.parent.mkdir(exist_ok=True)
            own.write_bytes(path.read_bytes())
    return directory


def build_dense(directory: Path) -> Path:
    """What SentenceTransformer saves: BERT, mean pooling, prompts in plain words."""
    torch.manual_seed(5)
    n_tokens = save(wordpieces(), directory, **BERT_NAMES)
    BertModel(bert_config(n_tokens)).save_pretrained(directory)
    modules = [
        ("", f"{_ST}.models.Transformer"),
        ("1_Pooling", f"{_ST}.models.Pooling"),
        ("2_Normalize", f"{_ST}.models.Normalize"),
    ]
    write_json(
        directory / "modules.json",
        [
            {"idx": i, "name": str(i), "path": path, "type": kind}
            for i, (path, kind) in enumerate(modules)
        ],
    )
    write_json(directory / "sentence_bert_config.json", {"max_seq_length": 64})
    write_json(
        directory / "config_sentence_transformers.json",
        {"prompts": {"query": "line: ", "document": "table: "}, "similarity_fn_name": "cosine"},
    )
    write_json(
        directory / "1_Pooling/config.json",
        {"word_embedding_dimension": WIDTH, "pooling_mode_mean_tokens": True},
    )
    (directory / "2_Normalize").mkdir()
    return directory


def build_cross_encoder(directory: Path, *, n_labels: int = 1, types: bool = True) -> Path:
    torch.manual_seed(6)
    inputs = (
        ["input_ids", "token_type_ids", "attention_mask"]
        if types
        else ["input_ids", "attention_mask"]
    )
    n_tokens = save(wordpieces(), directory, **BERT_NAMES, model_input_names=inputs)
    config = bert_config(n_tokens, num_labels=n_labels)
    BertForSequenceClassification(config).save_pretrained(directory)
    return directory


def _write_dense(
    directory: Path,
    more: dict[str, Any],
    shape: tuple[int, int] = (DIM, WIDTH),
    *,
    residual: bool = False,
) -> None:
    config = {
        "in_features": shape[1],
        "out_features": shape[0],
        "bias": False,
        "activation_function": "torch.nn.modules.linear.Identity",
        "use_residual": residual,
    }
    write_json(directory / "config.json", {**config, **more} if residual or more else _old(config))
    save_file({"linear.weight": torch.randn(*shape) * 0.2}, directory / "model.safetensors")


def _old(config: dict[str, Any]) -> dict[str, Any]:
    """The keys that PyLate writes."""
    return {key: value for key, value in config.items() if key != "use_residual"}
