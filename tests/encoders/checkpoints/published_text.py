"""Text models of 32 dims with random weights, in the repositories' layouts as they were read.

ModernBERT as PyLate saves it (GTE-ModernColBERT, LateOn, mxbai-edge-colbert), and XLM-RoBERTa as
jina-colbert-v2 has it: Stanford's files, markers of its own, code that lies in another repository.
"""

import string
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import pytest

torch = pytest.importorskip("torch")

from safetensors.torch import save_file  # noqa: E402
from tokenizers import (  # noqa: E402
    AddedToken,
    Tokenizer,
    models,
    normalizers,
    pre_tokenizers,
    processors,
    trainers,
)
from transformers import (  # noqa: E402
    ModernBertConfig,
    ModernBertModel,
    XLMRobertaConfig,
    XLMRobertaModel,
)

from tests.encoders.checkpoints.small_tokenizers import (  # noqa: E402
    BERT_NAMES,
    CORPUS,
    byte_level,
    save,
)
from tests.encoders.checkpoints.text_models import WIDTH, calm, write_json  # noqa: E402

MARKERS = ("[QueryMarker]", "[DocumentMarker]")
CODE_REPOSITORY = "jinaai/xlm-roberta-flash-implementation"
CODE = """
from transformers import XLMRobertaConfig, XLMRobertaModel as _Body

class XLMRobertaFlashConfig(XLMRobertaConfig):
    model_type = ""

class XLMRobertaModel(_Body):
    config_class = XLMRobertaFlashConfig
"""


@dataclass(frozen=True)
class Step:
    """One of PyLate's Dense modules."""

    width: int
    dim: int
    is_residual: bool = False


@dataclass(frozen=True)
class ModernPyLate:
    """What differs between the repositories that PyLate saved.

    Attributes:
        steps: of the projection, in order.
        query_length, document_length: in tokens.
        lower_case: of the text, by sentence-transformers; the tokenizer keeps case.
        expands: whether queries are filled up with [MASK].
        prompts: as the newer PyLate writes them.
    """

    steps: tuple[Step, ...]
    query_length: int
    document_length: int
    lower_case: bool = False
    expands: bool = False
    prompts: tuple[tuple[str, str], ...] = ()


GTE_MODERN = ModernPyLate((Step(WIDTH, 24),), 48, 60)
LATE_ON = ModernPyLate(
    (Step(WIDTH, 64), Step(64, 24)), 40, 60, prompts=(("query", ""), ("document", ""))
)
MXBAI_EDGE = ModernPyLate(
    (Step(WIDTH, 64), Step(64, 64, is_residual=True), Step(64, 12, is_residual=True)),
    48,
    64,
    lower_case=True,
)
MODERN = {"gte-modern": GTE_MODERN, "late-on": LATE_ON, "mxbai-edge": MXBAI_EDGE}


def build_modern_pylate(directory: Path, given: ModernPyLate) -> Path:
    torch.manual_seed(11)
    n_tokens = save(_marked_bytes(), directory, **BERT_NAMES)
    config = ModernBertConfig(
        vocab_size=n_tokens,
        hidden_size=WIDTH,
        num_hidden_layers=3,
        num_attention_heads=2,
        intermediate_size=64,
        max_position_embeddings=7999,  # mxbai-edge's
        global_attn_every_n_layers=3,
        local_attention=8,
        initializer_range=0.3,
        pad_token_id=0,
        cls_token_id=2,
        sep_token_id=3,
        bos_token_id=2,
        eos_token_id=3,
    )
    calm(ModernBertModel(config)).save_pretrained(directory)
    _write_steps(directory, given.steps)
    write_json(
        directory / "sentence_bert_config.json",
        {"max_seq_length": given.document_length - 1, "do_lower_case": given.lower_case},
    )
    write_json(
        directory / "config_sentence_transformers.json",
        {
            "model_type": "ColBERT",
            "__version__": {"sentence_transformers": "5.1.1", "transformers": "4.57.3"},
            "prompts": dict(given.prompts),
            "default_prompt_name": None,
            "similarity_fn_name": "MaxSim",
            "query_prefix": "[Q] ",
            "document_prefix": "[D] ",
            "query_length": given.query_length,
            "document_length": given.document_length,
            "attend_to_expansion_tokens": False,
            "skiplist_words": list(string.punctuation),
            "do_query_expansion": given.expands,
        },
    )
    return directory


def _marked_bytes() -> Tokenizer:
    """Byte-level pairs with PyLate's markers as it adds them: normalised, and not special."""
    made = Tokenizer.from_str(byte_level().to_str())
    made.normalizer = normalizers.NFC()
    made.add_tokens(["[Q] ", "[D] "])
    return made


def _write_steps(directory: Path, steps: Sequence[Step]) -> None:
    listed = [{"type": "sentence_transformers.models.Transformer", "path": ""}]
    for i, step in enumerate(steps, 1):
        place = directory / f"{i}_Dense"
        listed.append({"type": "pylate.models.Dense.Dense", "path": place.name})
        write_json(
            place / "config.json",
            {
                "in_features": step.width,
                "out_features": step.dim,
                "bias": False,
                "activation_function": "torch.nn.modules.linear.Identity",
                "use_residual": step.is_residual,
            },
        )
        weights = {"linear.weight": torch.randn(step.dim, step.width) * 0.2}
        if step.is_residual and step.dim != step.width:
            weights["residual.weight"] = torch.randn(step.dim, step.width) * 0.2
        save_file(weights, place / "model.safetensors")
    numbered = [{"idx": i, "name": str(i), **one} for i, one in enumerate(listed)]
    write_json(directory / "modules.json", numbered)


# -- XLM-RoBERTa ----------------------------------------------------------------------------------


def build_xlm_stanford(directory: Path, *, dim: int = 24, attends: bool = True) -> Path:
    """What a ColBERT over XLM-RoBERTa saves: `roberta.` before its weights, markers added."""
    torch.manual_seed(12)
    n_tokens = save(
        sentence_pieces(),
        directory,
        pad_token="<pad>",
        unk_token="<unk>",
        cls_token="<s>",
        sep_token="</s>",
        bos_token="<s>",
        eos_token="</s>",
        mask_token="<mask>",
    )
    config = XLMRobertaConfig(
        vocab_size=n_tokens,
        hidden_size=WIDTH,
        num_hidden_layers=2,
        num_attention_heads=2,
        intermediate_size=64,
        max_position_embeddings=130,
        type_vocab_size=1,
        initializer_range=0.3,
        pad_token_id=1,
        bos_token_id=0,
        eos_token_id=2,
    )
    write_json(directory / "config.json", {**config.to_dict(), "architectures": ["HF_ColBERT"]})
    body = calm(XLMRobertaModel(config)).state_dict()
    weights = {f"roberta.{key}": value.contiguous() for key, value in body.items()}
    weights["linear.weight"] = torch.randn(dim, WIDTH) * 0.2
    save_file(weights, directory / "model.safetensors", metadata={"format": "pt"})
    write_json(
        directory / "artifact.metadata",
        {
            "query_token_id": MARKERS[0],
            "doc_token_id": MARKERS[1],
            "query_token": "[Q]",
            "doc_token": "[D]",
            "attend_to_mask_tokens": attends,
            "dim": dim,
            "doc_maxlen": 60,
            "query_maxlen": 32,
            "mask_punctuation": True,
            "similarity": "cosine",
        },
    )
    return directory


def build_jina(directory: Path) -> Path:
    """jina-colbert-v2's repository: no `model_type`, and code that another repository holds."""
    import json

    build_xlm_stanford(directory)
    config: dict[str, Any] = json.loads((directory / "config.json").read_text("utf-8"))
    del config["model_type"]
    place = f"{CODE_REPOSITORY}--modeling_xlm_roberta"
    config["auto_map"] = {
        "AutoConfig": f"{place}.XLMRobertaFlashConfig",
        "AutoModel": f"{place}.XLMRobertaModel",
    }
    write_json(directory / "config.json", config)
    return directory


def put_code_into(cache_folder: Path) -> Path:
    """Lay the other repository out as the hub's cache has it; return its snapshot."""
    root = cache_folder / f"models--{CODE_REPOSITORY.replace('/', '--')}"
    snapshot = root / "snapshots" / ("c" * 40)
    snapshot.mkdir(parents=True)
    (root / "refs").mkdir()
    (root / "refs" / "main").write_text("c" * 40)
    (snapshot / "modeling_xlm_roberta.py").write_text(CODE)
    return snapshot


def sentence_pieces() -> Tokenizer:
    """XLM-RoBERTa's pipeline with markers added behind it, as ids 250,002 and 250,003 are."""
    return Tokenizer.from_str(_sentence_pieces())


@cache
def _sentence_pieces() -> str:
    special = ["<s>", "<pad>", "</s>", "<unk>"]
    made = Tokenizer(models.Unigram())
    made.normalizer = normalizers.NFKC()
    made.pre_tokenizer = pre_tokenizers.Sequence(
        [pre_tokenizers.WhitespaceSplit(), pre_tokenizers.Metaspace(prepend_scheme="always")]
    )
    trainer = trainers.UnigramTrainer(
        vocab_size=260,
        special_tokens=special,
        unk_token="<unk>",
        initial_alphabet=list(string.printable[:94]),
        show_progress=False,
    )
    made.train_from_iterator(CORPUS, trainer)
    made.add_special_tokens([AddedToken("<mask>", lstrip=True)])
    made.add_special_tokens([AddedToken(one, normalized=False) for one in MARKERS])
    made.post_processor = processors.TemplateProcessing(
        single="<s> $A </s>",
        pair="<s> $A </s> </s> $B </s>",
        special_tokens=[(one, made.token_to_id(one)) for one in ("<s>", "</s>")],
    )
    return made.to_str()
