"""A byte-level BPE like those of Qwen and SmolLM, learnt from a few sentences in a moment."""

from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Any

SENTENCES = (
    "what did the ferry refit cost, and who paid for it?",
    "the invoice number is 10023, due on 2024/05/01",
    "total revenue in the third quarter was 4.2 million crowns, up 12 % from last year",
    "describe the image. describe the content. query: question: user assistant system",
    "a table of results shows precision and recall; see figure 3 (page 7).",
    "you are a helpful harbour master. the lighthouse stands at the harbour.",
)


@lru_cache(maxsize=8)
def byte_bpe(special: tuple[str, ...], vocab_size: int = 480) -> str:
    """Return the JSON of a trained tokenizer; `special` are its first ids."""
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers

    made = Tokenizer(models.BPE())
    made.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    made.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=vocab_size,
        special_tokens=list(special),
        show_progress=False,
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
    )
    made.train_from_iterator(SENTENCES * 3, trainer)
    return str(made.to_str())


def fast_tokenizer(
    special: Sequence[str],
    names: Mapping[str, str],
    *,
    around: tuple[str, str] | None = None,
    **options: Any,
) -> Any:
    """Return a tokenizer of transformers.

    Args:
        special: markers, the first ids.
        names: what the processor calls some of them, such as `image_token`.
        around: markers that are put around every text.
        options: of `PreTrainedTokenizerFast`.
    """
    from tokenizers import Tokenizer, processors
    from transformers import PreTrainedTokenizerFast

    made = Tokenizer.from_str(byte_bpe(tuple(special)))
    if around:
        ids = [(one, made.token_to_id(one)) for one in around]
        made.post_processor = processors.TemplateProcessing(
            single=f"{around[0]} $A {around[1]}", special_tokens=ids
        )
    return PreTrainedTokenizerFast(
        tokenizer_object=made,
        additional_special_tokens=list(special),
        extra_special_tokens=dict(names),
        model_max_length=8192,
        **options,
    )
