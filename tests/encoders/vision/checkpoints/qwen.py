"""Models over Qwen's bodies: ColQwen2ForRetrieval as in vidore/colqwen2-v1.0-hf."""

from pathlib import Path
from typing import Any

from tests.encoders.vision.checkpoints.tokenizers import fast_tokenizer

PATCH, MERGE = 14, 2
MOST_TOKENS = 64
SPECIAL = (
    "<|endoftext|>",
    "<|im_start|>",
    "<|im_end|>",
    "<|vision_start|>",
    "<|vision_end|>",
    "<|vision_pad|>",
    "<|image_pad|>",
    "<|video_pad|>",
)


def qwen_tokenizer() -> Any:
    return fast_tokenizer(
        SPECIAL,
        {"image_token": "<|image_pad|>", "video_token": "<|video_pad|>"},
        pad_token="<|endoftext|>",
        eos_token="<|im_end|>",
        padding_side="left",
    )


def image_processor(patch: int = PATCH) -> Any:
    from transformers.models.qwen2_vl.image_processing_pil_qwen2_vl import Qwen2VLImageProcessorPil

    pixels = (patch * MERGE) ** 2
    return Qwen2VLImageProcessorPil(
        patch_size=patch,
        merge_size=MERGE,
        temporal_patch_size=2,
        size={"shortest_edge": 4 * pixels, "longest_edge": MOST_TOKENS * pixels},
    )


def text_config(tokenizer: Any, **more: Any) -> dict[str, Any]:
    ids = tokenizer.convert_tokens_to_ids
    return {
        "vocab_size": len(tokenizer),
        "hidden_size": 32,
        "intermediate_size": 64,
        "num_hidden_layers": 2,
        "num_attention_heads": 2,
        "num_key_value_heads": 1,
        "max_position_embeddings": 4096,
        "rope_parameters": {
            "rope_type": "default",
            "rope_theta": 1e6,
            "mrope_section": [2, 3, 3],
        },
        "bos_token_id": ids("<|endoftext|>"),
        "eos_token_id": ids("<|im_end|>"),
        "pad_token_id": ids("<|endoftext|>"),
        **more,
    }


def token_ids(tokenizer: Any) -> dict[str, int]:
    ids = tokenizer.convert_tokens_to_ids
    return {
        "image_token_id": ids("<|image_pad|>"),
        "video_token_id": ids("<|video_pad|>"),
        "vision_start_token_id": ids("<|vision_start|>"),
        "vision_end_token_id": ids("<|vision_end|>"),
    }


def fill_pad_row(embedding: Any, pad: int) -> None:
    """Give the padding's row values, as trained weights have: from zeros follow NaN."""
    import torch

    torch.nn.init.normal_(embedding.weight.data[pad], std=0.02)


def build_colqwen2(directory: Path) -> Path:
    import torch
    from transformers import ColQwen2Config, ColQwen2ForRetrieval, ColQwen2Processor, Qwen2VLConfig

    torch.manual_seed(0)
    tokenizer = qwen_tokenizer()
    ColQwen2Processor(image_processor=image_processor(), tokenizer=tokenizer).save_pretrained(
        directory
    )
    body = Qwen2VLConfig(
        text_config=text_config(tokenizer),
        vision_config={
            "depth": 2,
            "embed_dim": 32,
            "hidden_size": 32,
            "num_heads": 2,
            "mlp_ratio": 2,
            "patch_size": PATCH,
            "spatial_merge_size": MERGE,
            "temporal_patch_size": 2,
        },
        **token_ids(tokenizer),
    )
    model = ColQwen2ForRetrieval(ColQwen2Config(vlm_config=body, embedding_dim=128))
    fill_pad_row(model.vlm.get_input_embeddings(), tokenizer.pad_token_id)
    model.save_pretrained(directory)
    return directory
