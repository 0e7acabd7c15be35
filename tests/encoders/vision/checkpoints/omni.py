"""Qwen2.5-Omni's thinker with a projection: colpali-engine's layout and sentence-transformers'."""

import json
from pathlib import Path
from typing import Any

from tests.encoders.vision.checkpoints.qwen import fill_pad_row, image_processor, text_config
from tests.encoders.vision.checkpoints.tokenizers import fast_tokenizer

SPECIAL = (
    "<|endoftext|>",
    "<|im_start|>",
    "<|im_end|>",
    "<|vision_bos|>",
    "<|vision_eos|>",
    "<|IMAGE|>",
    "<|VIDEO|>",
    "<|AUDIO|>",
    "<|audio_bos|>",
    "<|audio_eos|>",
)
NAMES = {
    "image_token": "<|IMAGE|>",
    "audio_token": "<|AUDIO|>",
    "video_token": "<|VIDEO|>",
    "vision_bos_token": "<|vision_bos|>",
    "vision_eos_token": "<|vision_eos|>",
    "audio_bos_token": "<|audio_bos|>",
    "audio_eos_token": "<|audio_eos|>",
}
_CONTENT = (
    "{% for c in message['content'] %}"
    "{% if c['type'] == 'image' %}<|vision_bos|><|IMAGE|><|vision_eos|>"
    "{% elif c['type'] == 'audio' %}<|audio_bos|><|AUDIO|><|audio_eos|>"
    "{% elif c['type'] == 'video' %}<|vision_bos|><|VIDEO|><|vision_eos|>"
    "{% else %}{{ c['text'] }}{% endif %}{% endfor %}"
)
CHAT = (
    "{% for message in messages %}<|im_start|>{{ message['role'] }}\n"
    + _CONTENT
    + "<|im_end|>\n{% endfor %}{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
)
TASK_CHAT = (
    "{% for message in messages %}<|im_start|>{{ message['role'] }}\n"
    + _CONTENT
    + "{% if task is defined and task == 'query' %}<|endoftext|><|endoftext|><|endoftext|>"
    "{% endif %}<|im_end|>\n{% endfor %}"
)


def _processors(directory: Path, chat: str) -> Any:
    from transformers import WhisperFeatureExtractor

    tokenizer = fast_tokenizer(
        SPECIAL, NAMES, pad_token="<|endoftext|>", eos_token="<|im_end|>", padding_side="left"
    )
    tokenizer.chat_template = chat
    tokenizer.save_pretrained(directory)
    # Both processors lie in one file, as published.
    shown = image_processor().to_dict()
    heard = WhisperFeatureExtractor(
        feature_size=16, sampling_rate=16_000, hop_length=160, n_fft=400, chunk_length=10
    ).to_dict()
    both = {**heard, **shown, "feature_extractor_type": "WhisperFeatureExtractor"}
    (directory / "preprocessor_config.json").write_text(json.dumps(both))
    pixels = 28 * 28
    video = {
        "video_processor_type": "Qwen2VLVideoProcessor",
        "patch_size": 14,
        "merge_size": 2,
        "temporal_patch_size": 2,
        "min_frames": 2,
        "max_frames": 8,
        "size": {"shortest_edge": 4 * pixels, "longest_edge": 32 * pixels},
    }
    (directory / "video_preprocessor_config.json").write_text(json.dumps(video))
    return tokenizer


def _config(tokenizer: Any) -> Any:
    from transformers import Qwen2_5OmniThinkerConfig

    ids = tokenizer.convert_tokens_to_ids
    return Qwen2_5OmniThinkerConfig(
        audio_config={
            "num_mel_bins": 16,
            "encoder_layers": 2,
            "encoder_attention_heads": 2,
            "encoder_ffn_dim": 64,
            "d_model": 32,
            "output_dim": 32,
            "n_window": 100,
        },
        vision_config={
            "depth": 2,
            "hidden_size": 32,
            "intermediate_size": 64,
            "num_heads": 2,
            "out_hidden_size": 32,
            "fullatt_block_indexes": [1],
            "window_size": 56,
        },
        text_config=text_config(tokenizer),
        audio_token_index=ids("<|AUDIO|>"),
        image_token_index=ids("<|IMAGE|>"),
        video_token_index=ids("<|VIDEO|>"),
        audio_start_token_id=ids("<|audio_bos|>"),
        audio_end_token_id=ids("<|audio_eos|>"),
        user_token_id=ids("u"),
        vision_start_token_id=ids("<|vision_bos|>"),
        vision_end_token_id=ids("<|vision_eos|>"),
    )


def engine_class() -> Any:
    from torch import nn
    from transformers import Qwen2_5OmniThinkerModel

    def init(self: Any, config: Any) -> None:
        Qwen2_5OmniThinkerModel.__init__(self, config)
        self.custom_text_proj = nn.Linear(config.get_text_config().hidden_size, 128)
        self.post_init()

    return type("ColQwen2_5Omni", (Qwen2_5OmniThinkerModel,), {"__init__": init})


def build_engine(directory: Path) -> Path:
    """As vidore/colqwen-omni-base."""
    import torch

    torch.manual_seed(0)
    tokenizer = _processors(directory, CHAT)
    model = engine_class()(_config(tokenizer))
    fill_pad_row(model.get_input_embeddings(), tokenizer.pad_token_id)
    model.save_pretrained(directory)
    return directory


def build_sentence_transformers(directory: Path) -> Path:
    """As sentence-transformers saves such a model: the body, and modules of its own."""
    import torch
    from safetensors.torch import save_file
    from transformers import Qwen2_5OmniThinkerModel

    torch.manual_seed(0)
    tokenizer = _processors(directory, TASK_CHAT)
    model = Qwen2_5OmniThinkerModel(_config(tokenizer))
    fill_pad_row(model.get_input_embeddings(), tokenizer.pad_token_id)
    model.save_pretrained(directory)
    names = ("Transformer", "Dense", "MultiVectorMask", "Normalize")
    modules = [
        {
            "idx": i,
            "name": str(i),
            "path": f"{i}_{name}" if i else "",
            "type": f"sentence_transformers.base.modules.{name.lower()}.{name}",
        }
        for i, name in enumerate(names)
    ]
    (directory / "modules.json").write_text(json.dumps(modules))
    dense = directory / "1_Dense"
    dense.mkdir()
    weights = {"linear.weight": torch.randn(128, 32)}
    save_file(weights, dense / "model.safetensors", metadata={"format": "pt"})
    activation = "torch.nn.modules.linear.Identity"
    (dense / "config.json").write_text(json.dumps({"activation_function": activation}))
    return directory
