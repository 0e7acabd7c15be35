"""Real tokenizers of a few hundred words, trained on the spot."""

import json
import string
from functools import cache
from pathlib import Path
from typing import Any

from tokenizers import (
    AddedToken,
    Tokenizer,
    decoders,
    models,
    normalizers,
    pre_tokenizers,
    processors,
    trainers,
)

CORPUS = [
    "The ferry was refitted in 2019 for 4.2 million crowns; the county paid.",
    "How much did the ferry's 2019 refit cost, and who paid for it?",
    "The harbour master counted the boats. Then he slept.",
    "Line one, line two: a table of results, precision and recall.",
    "A much longer text about late interaction, one vector for every token.",
    "Short. Ein Fährschiff über den Sund, naïve café. two four 1 2 3.",
] * 3
BERT_SPECIAL = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]


def wordpieces(extra: tuple[str, ...] = ()) -> Tokenizer:
    """BERT's pipeline: lower case, punctuation apart, [CLS] A [SEP] (B [SEP])."""
    return Tokenizer.from_str(_wordpieces(extra))


@cache  # trained once: two trainings number the words differently
def _wordpieces(extra: tuple[str, ...]) -> str:
    made = Tokenizer(models.WordPiece(unk_token="[UNK]"))
    made.normalizer = normalizers.BertNormalizer(lowercase=True)
    made.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    made.decoder = decoders.WordPiece()
    trainer = trainers.WordPieceTrainer(
        vocab_size=300,
        special_tokens=[*BERT_SPECIAL, *extra],
        initial_alphabet=list(string.printable[:94]),
        show_progress=False,
    )
    made.train_from_iterator(CORPUS, trainer)
    made.post_processor = processors.TemplateProcessing(
        single="[CLS] $A [SEP]",
        pair="[CLS] $A [SEP] $B:1 [SEP]:1",
        special_tokens=[(t, made.token_to_id(t)) for t in ("[CLS]", "[SEP]")],
    )
    return made.to_str()


def without_flags(made: Tokenizer, *tokens: str) -> Tokenizer:
    """The same, with `tokens` in the vocabulary but not among the added ones, as ColBERT's are."""
    settings: dict[str, Any] = json.loads(made.to_str())
    settings["added_tokens"] = [t for t in settings["added_tokens"] if t["content"] not in tokens]
    return Tokenizer.from_str(json.dumps(settings))


def byte_level(markers: tuple[str, ...] = ()) -> Tokenizer:
    """ModernBERT's pipeline: byte-level pairs that join a blank to its word."""
    return Tokenizer.from_str(_byte_level(markers))


@cache
def _byte_level(markers: tuple[str, ...]) -> str:
    made = Tokenizer(models.BPE())
    made.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    made.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=420,
        special_tokens=BERT_SPECIAL,
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    made.train_from_iterator(CORPUS, trainer)
    made.add_tokens([AddedToken(marker, normalized=False) for marker in markers])
    made.add_tokens([AddedToken("   ", normalized=True)])  # runs of blanks are words of their own
    made.post_processor = processors.TemplateProcessing(
        single="[CLS] $A [SEP]",
        special_tokens=[(t, made.token_to_id(t)) for t in ("[CLS]", "[SEP]")],
    )
    return made.to_str()


def unigrams() -> Tokenizer:
    """XLM-RoBERTa's pipeline, whose vocabulary holds `<s>` and its like as likely words."""
    special = ["<s>", "<pad>", "</s>", "<unk>"]
    words = ["▁", "▁the", "▁ferry", "<", ">", "s", "/", "m", "a", "k", *"bcdefghijlnopqrtuvwxyz"]
    vocabulary = [(word, 0.0) for word in special] + [(word, -5.0) for word in words]
    made = Tokenizer(models.Unigram([*vocabulary, ("<mask>", 0.0)], unk_id=3))
    made.pre_tokenizer = pre_tokenizers.Metaspace()
    made.add_special_tokens([*special, "<mask>"])
    made.post_processor = processors.TemplateProcessing(
        single="<s> $A </s>", special_tokens=[("<s>", 0), ("</s>", 2)]
    )
    return made


def save(made: Tokenizer, directory: Path, **special: Any) -> int:
    """Write the files of a fast tokenizer; returns how many tokens it has."""
    directory.mkdir(parents=True, exist_ok=True)
    made.save(str(directory / "tokenizer.json"))
    config = {
        "tokenizer_class": "PreTrainedTokenizerFast",
        "model_max_length": 128,
        **special,
    }
    (directory / "tokenizer_config.json").write_text(json.dumps(config))
    return made.get_vocab_size()


BERT_NAMES = {
    "pad_token": "[PAD]",
    "unk_token": "[UNK]",
    "cls_token": "[CLS]",
    "sep_token": "[SEP]",
    "mask_token": "[MASK]",
}
