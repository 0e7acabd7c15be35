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


def _with_projection(body_class: Any, name: str, dim: int) -> Any:
    """Return a class as colpali-engine has it: the body with a linear layer inside."""
    from torch import nn

    def init(self: Any, config: Any) -> None:
        body_class.__init__(self, config)
        self.custom_text_proj = nn.Linear(config.get_text_config().hidden_size, dim)
        self.post_init()

    return type(name, (body_class,), {"__init__": init})


def _save_engine_model(model: Any, tokenizer: Any, directory: Path, patch: int) -> Path:
    fill_pad_row(model.get_input_embeddings(), tokenizer.pad_token_id)
    model.save_pretrained(directory)
    tokenizer.save_pretrained(directory)
    image_processor(patch).save_pretrained(directory)
    return directory


def engine_class(architecture: str) -> Any:
    """Return the class that colpali-engine calls `architecture`."""
    from transformers import Qwen2_5_VLModel, Qwen3VLModel

    if architecture == "ColQwen2_5":
        return _with_projection(Qwen2_5_VLModel, architecture, 128)
    return _with_projection(Qwen3VLModel, architecture, 320)


def build_colqwen2_5(directory: Path) -> Path:
    """As vidore/colqwen2.5-base with its adapter merged, in colpali-engine's layout."""
    import torch
    from transformers import Qwen2_5_VLConfig

    torch.manual_seed(0)
    tokenizer = qwen_tokenizer()
    config = Qwen2_5_VLConfig(
        text_config=text_config(tokenizer),
        vision_config={
            "depth": 2,
            "hidden_size": 32,
            "intermediate_size": 64,
            "num_heads": 2,
            "out_hidden_size": 32,
            "fullatt_block_indexes": [1],
            "window_size": 56,
            "patch_size": PATCH,
        },
        **token_ids(tokenizer),
    )
    model = engine_class("ColQwen2_5")(config)
    return _save_engine_model(model, tokenizer, directory, PATCH)


def build_colqwen3(directory: Path) -> Path:
    """A Qwen3-VL body with rows of 320 dims, in colpali-engine's layout."""
    import torch
    from transformers import Qwen3VLConfig

    torch.manual_seed(0)
    tokenizer = qwen_tokenizer()
    config = Qwen3VLConfig(
        text_config=text_config(tokenizer, head_dim=16),
        vision_config={
            "depth": 2,
            "hidden_size": 32,
            "intermediate_size": 64,
            "num_heads": 2,
            "out_hidden_size": 32,
            "patch_size": 16,
            "num_position_embeddings": 64,
            "deepstack_visual_indexes": [0],
        },
        **token_ids(tokenizer),
    )
    return _save_engine_model(engine_class("ColQwen3")(config), tokenizer, directory, 16)
