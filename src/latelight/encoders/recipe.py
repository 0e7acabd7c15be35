"""How a late-interaction checkpoint wants texts rendered, read from its own configuration files.

Three layouts say it in three ways: native ones of sentence-transformers' MultiVectorEncoder
(`config_sentence_transformers.json`, `sentence_bert_config.json`, one folder for each module),
PyLate's (top-level keys such as `query_prefix`), and Stanford's (`artifact.metadata`; Khattab and
Zaharia, 2020; Santhanam et al., 2022). No weights are read.
"""

import json
import string
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from latelight.encoders.checkpoint import Checkpoint
from latelight.errors import ModelError
from latelight.types import Similarity

PUNCTUATION = tuple(string.punctuation)
MODULES = ("Transformer", "Dense", "MultiVectorMask", "Normalize")
_LONGEST = 8192
_SHIFTED_POSITIONS = ("roberta", "camembert", "mpnet")  # their first position is 2
_STANFORD_MARKERS = ("[unused0]", "[unused1]")


@dataclass(frozen=True)
class Expansion:
    """Mask tokens that fill up short queries.

    Attributes:
        length: tokens that a query has at least, its markers included.
        is_fixed: whether longer queries are cut to it.
        attends: whether other tokens look at the mask tokens.
        token: which one; empty for the tokenizer's mask token, or its end token without one.
    """

    length: int
    is_fixed: bool = True
    attends: bool = False
    token: str = ""


@dataclass(frozen=True)
class Recipe:
    """How queries and documents of one model become sequences of tokens, and which become rows.

    Attributes:
        dim: length of a row.
        query_prompt: text before a query, with its marker.
        document_prompt: the same for documents.
        markers: words that are single tokens although the tokenizer's file does not say so.
        query_length: most tokens of a query, its markers included; None for the model's limit.
        document_length: the same for a document, or a window of a long one.
        limit: most tokens that the model can read.
        expansion: of short queries; None for none.
        skiplist: tokens of documents that are not rows.
        similarity: how row maxima add up.
        lower_case: whether texts are lower-cased before the tokenizer.
    """

    dim: int
    query_prompt: str = ""
    document_prompt: str = ""
    markers: tuple[str, ...] = ()
    query_length: int | None = None
    document_length: int | None = None
    limit: int = 512
    expansion: Expansion | None = None
    skiplist: tuple[str, ...] = ()
    similarity: Similarity = "sum"
    lower_case: bool = False

    @property
    def window(self) -> int:
        """Most tokens of a document's window, its markers included."""
        return min(self.document_length or self.limit, self.limit)

    @property
    def longest_query(self) -> int:
        """Most tokens of a query, its markers included."""
        if self.expansion is None:
            return min(self.query_length or self.limit, self.limit)
        if self.expansion.is_fixed:
            return min(self.expansion.length, self.limit)
        return min(max(self.query_length or self.limit, self.expansion.length), self.limit)

    def rendering(self) -> dict[str, str]:
        """Return what shapes vectors beside the weights, as the lock records it."""
        return {
            "query_prompt": self.query_prompt,
            "document_prompt": self.document_prompt,
            "query_length": str(self.longest_query),
            "document_length": str(self.window),
            "expansion": _describe(self.expansion),
            "skiplist": "".join(self.skiplist),
        }


def read_recipe(checkpoint: Checkpoint) -> Recipe:
    """Return the recipe of a checkpoint of text.

    Raises:
        ModelError: its files do not say it, or ask for something that is not done here.
    """
    if checkpoint.layout == "stanford" or (checkpoint.directory / "artifact.metadata").is_file():
        return _stanford(checkpoint)
    config = checkpoint.read_json("config_sentence_transformers.json")
    if "query_prefix" in config or config.get("model_type") == "ColBERT":
        return _pylate(checkpoint, config)
    if checkpoint.layout in ("multi-vector", "adapter", "onnx") and config:
        return _native(checkpoint, config)
    raise ModelError(
        f"{checkpoint.directory} does not say how a late-interaction model reads texts; expected "
        "artifact.metadata, or config_sentence_transformers.json of a MultiVectorEncoder or PyLate."
    )


def _stanford(checkpoint: Checkpoint) -> Recipe:
    metadata = _metadata(checkpoint.directory)
    query = metadata.get("query_token_id") or _STANFORD_MARKERS[0]
    document = metadata.get("doc_token_id") or _STANFORD_MARKERS[1]
    length = metadata.get("query_maxlen") or 32
    return Recipe(
        dim=int(metadata.get("dim") or _inline_dim(checkpoint)),
        query_prompt=f"{query} ",
        document_prompt=f"{document} ",
        markers=(query, document),
        query_length=length,
        document_length=metadata.get("doc_maxlen"),
        limit=read_limit(checkpoint),
        expansion=Expansion(
            length,
            attends=bool(metadata.get("attend_to_mask_tokens")),
            token=_mask_token(checkpoint),
        ),
        skiplist=PUNCTUATION if metadata.get("mask_punctuation", True) else (),
    )


def _pylate(checkpoint: Checkpoint, config: Mapping[str, Any]) -> Recipe:
    length = config.get("query_length")
    expands = config.get("do_query_expansion")
    attends = bool(config.get("attend_to_expansion_tokens"))
    expansion = Expansion(length or 32, attends=attends, token=_mask_token(checkpoint))
    skiplist = config.get("skiplist_words")
    query, document = (_pylate_prompt(config, task) for task in ("query", "document"))
    return Recipe(
        dim=_modules_dim(checkpoint),
        query_prompt=query,
        document_prompt=document,
        markers=_legacy_markers(config),
        query_length=length,
        document_length=config.get("document_length"),
        limit=read_limit(checkpoint),
        expansion=expansion if expands in (True, None) else None,
        skiplist=PUNCTUATION if skiplist is None else tuple(skiplist),
        similarity=_similarity(config),
        lower_case=bool(checkpoint.read_json("sentence_bert_config.json").get("do_lower_case")),
    )


def _native(checkpoint: Checkpoint, config: Mapping[str, Any]) -> Recipe:
    own = checkpoint.read_json("sentence_bert_config.json")
    prompts = config.get("prompts") or {}
    documents = [prompts[key] for key in ("document", "passage", "corpus") if prompts.get(key)]
    return Recipe(
        dim=_modules_dim(checkpoint),
        query_prompt=prompts.get("query") or "",
        document_prompt=documents[0] if documents else "",
        query_length=own.get("query_length"),
        document_length=own.get("document_length"),
        limit=read_limit(checkpoint),
        expansion=_native_expansion(checkpoint, own.get("query_expansion")),
        skiplist=_native_skiplist(checkpoint),
        similarity=_similarity(config),
        lower_case=bool(own.get("do_lower_case")),
    )


def _native_expansion(checkpoint: Checkpoint, given: Mapping[str, Any] | None) -> Expansion | None:
    if not given:
        return None
    return Expansion(
        length=int(given["length"]),
        is_fixed=given.get("strategy", "fixed") == "fixed",
        attends=bool(given.get("attend")),
        token=given.get("token") or _mask_token(checkpoint),
    )


def _native_skiplist(checkpoint: Checkpoint) -> tuple[str, ...]:
    for kind, path in read_modules(checkpoint.directory):
        if kind == "MultiVectorMask":
            config = checkpoint.read_json(f"{path}/config.json")
            if config.get("keep_only_token_ids"):
                raise ModelError(
                    f"{checkpoint.directory / path} keeps the rows of pictures alone "
                    "(keep_only_token_ids); expected a model of text. Open it as a visual model."
                )
            return tuple(config.get("skiplist_words") or ())
    return ()


def read_modules(directory: Path) -> list[tuple[str, str]]:
    """Return (class, folder) of each module that `modules.json` lists; empty without the file.

    Raises:
        ModelError: one of them is not among those that this package knows.
    """
    path = directory / "modules.json"
    if not path.is_file():
        return []
    found = [
        (str(one["type"]).rpartition(".")[2], str(one.get("path", "")))
        for one in json.loads(path.read_text("utf-8"))
    ]
    for kind, folder in found:
        if kind not in MODULES:
            raise ModelError(
                f"{path} lists the module {kind!r} ({folder}); expected {', '.join(MODULES)}. "
                "Rows that such a module changes cannot be traced to their words."
            )
        _check_activation(directory / folder / "config.json", kind)
    return found


def _check_activation(path: Path, kind: str) -> None:
    """Raise for an activation that sentence-transformers would quietly replace by another one."""
    if kind != "Dense" or not path.is_file():
        return
    activation = json.loads(path.read_text("utf-8")).get("activation_function", "torch.")
    if not str(activation).startswith("torch."):
        raise ModelError(
            f"{path} names the activation {activation!r}, which is code outside of torch; expected "
            "one from torch. It is not loaded."
        )


def _modules_dim(checkpoint: Checkpoint) -> int:
    """Return the length of a row: what the last Dense module gives, else the body's width."""
    dim: object = None
    for kind, path in read_modules(checkpoint.directory):
        if kind == "Dense":
            dim = checkpoint.read_json(f"{path}/config.json").get("out_features")
    if dim is None:
        dim = _body_config(checkpoint).get("hidden_size")
    if not isinstance(dim, int):
        raise ModelError(
            f"{checkpoint.directory} does not say how long its rows are; expected out_features of "
            "a Dense module, or hidden_size in config.json."
        )
    return dim


def _inline_dim(checkpoint: Checkpoint) -> int:
    """Return the dim of Stanford's inline projection from the header of its file."""
    from latelight.encoders.projection import tensor_shape

    return tensor_shape(checkpoint.directory / "model.safetensors")[0]


def read_limit(checkpoint: Checkpoint) -> int:
    """Return how many tokens a body can read at most: its positions, and the tokenizer's limit."""
    config = _body_config(checkpoint)
    positions = config.get("max_position_embeddings")
    limit = positions if isinstance(positions, int) and positions > 0 else _LONGEST
    if any(word in str(config.get("model_type", "")) for word in _SHIFTED_POSITIONS):
        limit -= 2
    told = checkpoint.read_json("tokenizer_config.json").get("model_max_length")
    if isinstance(told, int | float) and 0 < told < limit:
        limit = int(told)
    return min(limit, _LONGEST)


def _body_config(checkpoint: Checkpoint) -> dict[str, Any]:
    """Return `config.json`, that of the base for an adapter."""
    if checkpoint.base is not None:
        return Checkpoint(checkpoint.base, "encoder").read_json("config.json")
    return checkpoint.read_json("config.json")


def _metadata(directory: Path) -> dict[str, Any]:
    path = directory / "artifact.metadata"
    if not path.is_file():
        return {}
    value = json.loads(path.read_text("utf-8"))
    return value if isinstance(value, dict) else {}


def _pylate_prompt(config: Mapping[str, Any], task: str) -> str:
    """Return what goes before a text: PyLate's prefix, then the prompt."""
    prefix = config.get(f"{task}_prefix") or ""
    prompt = (config.get("prompts") or {}).get(task) or ""
    return str(prefix) + str(prompt).removeprefix(prefix)


def _legacy_markers(config: Mapping[str, Any]) -> tuple[str, ...]:
    """Return the first words of PyLate's prefixes: they were inserted as one token each."""
    prefixes = (str(config.get(f"{task}_prefix") or "") for task in ("query", "document"))
    return tuple(prefix.split()[0] for prefix in prefixes if prefix.strip())


def _mask_token(checkpoint: Checkpoint) -> str:
    """Return the token that fills up queries: the mask token, without one the end token."""
    for name in ("tokenizer_config.json", "special_tokens_map.json"):
        config = checkpoint.read_json(name)
        for key in ("mask_token", "eos_token"):
            token = config.get(key)
            if token:
                return str(token["content"] if isinstance(token, dict) else token)
    return ""


def _similarity(config: Mapping[str, Any]) -> Literal["sum", "mean"]:
    return "mean" if str(config.get("similarity_fn_name")).lower() == "meanmaxsim" else "sum"


def _describe(expansion: Expansion | None) -> str:
    if expansion is None:
        return "none"
    kind = "exactly" if expansion.is_fixed else "at least"
    looked_at = "attended to" if expansion.attends else "not attended to"
    return ", ".join(
        filter(None, (f"{kind} {expansion.length} tokens", looked_at, expansion.token))
    )
