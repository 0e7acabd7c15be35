"""What the models of transformers' own layout, `…ForRetrieval` with a processor, have in common."""

from collections.abc import Mapping
from typing import Any

from latelight.encoders.vision.family import Files
from latelight.encoders.vision.loading import (
    load_image_processor,
    load_tokenizer,
    plain_tokenizer,
    processor_settings,
)
from latelight.encoders.vision.rendering import PROBE, TextTemplate, find_template, token_names


def embedding_dim(files: Files) -> int:
    """Return the length of a row that a configuration states."""
    return int(files.config.get("embedding_dim", 128))


def embeddings(model: Any, batch: Mapping[str, Any]) -> Any:
    """Return the rows of a batch, (batch, longest, dim), of length 1."""
    return model(**batch).embeddings


def retrieval_processor(files: Files, processor_class: Any, picture_class: Any) -> Any:
    """Return a checkpoint's processor with an image processor that works with Pillow alone."""
    return processor_class(
        image_processor=load_image_processor(files, picture_class),
        tokenizer=load_tokenizer(files),
        **processor_settings(files, "visual_prompt_prefix", "query_prefix"),
    )


def retrieval_template(processor: Any) -> TextTemplate:
    """Return what such a processor puts around a query."""
    tokenizer = processor.tokenizer
    return find_template(
        processor.process_queries([PROBE])["input_ids"][0].tolist(),
        plain_tokenizer(tokenizer, [processor.image_token]),
        token_names(tokenizer),
        prefix=processor.query_prefix,
        expansion=[tokenizer.pad_token_id],
    )
