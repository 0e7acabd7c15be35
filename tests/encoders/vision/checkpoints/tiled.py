"""Models that cut pages into tiles: ColModernVBertForRetrieval, colpali-engine's ColIdefics3."""

from pathlib import Path
from typing import Any

from tests.encoders.vision.checkpoints.tokenizers import fast_tokenizer

TILE, PATCH, SHUFFLE, LONGEST = 32, 8, 2, 128
ROWS_PER_TILE = (TILE // PATCH // SHUFFLE) ** 2
SPECIAL = (
    "<|endoftext|>",
    "[UNK]",
    "[CLS]",
    "[SEP]",
    "[PAD]",
    "[MASK]",
    "<|begin_of_text|>",
    "<|im_start|>",
    "<end_of_utterance>",
    "<fake_token_around_image>",
    "<image>",
    "<global-img>",
    *(f"<row_{i}_col_{j}>" for i in range(1, 7) for j in range(1, 7)),
)
CHAT = (
    "<|im_start|>{% for message in messages %}{{ message['role'] | capitalize }}:"
    "{% for line in message['content'] %}{% if line['type'] == 'text' %} {{ line['text'] }}"
    "{% else %}<image>{% endif %}{% endfor %}<end_of_utterance>\n{% endfor %}"
)


def image_processor() -> Any:
    from transformers.models.idefics3.image_processing_pil_idefics3 import (
        Idefics3ImageProcessorPil,
    )

    return Idefics3ImageProcessorPil(
        size={"longest_edge": LONGEST},
        max_image_size={"longest_edge": TILE},
        image_mean=[0.5] * 3,
        image_std=[0.5] * 3,
        return_row_col_info=True,
    )


def tokenizer(around: tuple[str, str] | None, pad: str) -> Any:
    return fast_tokenizer(
        SPECIAL,
        {},
        around=around,
        pad_token=pad,
        unk_token="[UNK]",
        cls_token="[CLS]",
        sep_token="[SEP]",
        mask_token="[MASK]",
        padding_side="left",
    )


VISION = {
    "hidden_size": 32,
    "intermediate_size": 64,
    "num_hidden_layers": 2,
    "num_attention_heads": 2,
    "image_size": TILE,
    "patch_size": PATCH,
}


def build_colmodernvbert(directory: Path) -> Path:
    """As ModernVBERT/colmodernvbert, with tiles of 32 pixels instead of 512."""
    import torch
    from transformers import (
        ColModernVBertConfig,
        ColModernVBertForRetrieval,
        ColModernVBertProcessor,
        ModernBertConfig,
        ModernVBertConfig,
        SiglipVisionConfig,
    )

    torch.manual_seed(0)
    words = tokenizer(("[CLS]", "[SEP]"), "[PAD]")
    ids = words.convert_tokens_to_ids
    ColModernVBertProcessor(
        image_processor=image_processor(), tokenizer=words, image_seq_len=ROWS_PER_TILE
    ).save_pretrained(directory)
    text = ModernBertConfig(
        vocab_size=len(words),
        hidden_size=32,
        intermediate_size=64,
        num_hidden_layers=2,
        num_attention_heads=2,
        max_position_embeddings=4096,
        pad_token_id=ids("[PAD]"),
        cls_token_id=ids("[CLS]"),
        sep_token_id=ids("[SEP]"),
        bos_token_id=ids("[CLS]"),
        eos_token_id=ids("[SEP]"),
    )
    body = ModernVBertConfig(
        text_config=text.to_dict(),
        vision_config=SiglipVisionConfig(**VISION).to_dict(),
        image_token_id=ids("<image>"),
        pixel_shuffle_factor=SHUFFLE,
    )
    model = ColModernVBertForRetrieval(ColModernVBertConfig(vlm_config=body, embedding_dim=128))
    torch.nn.init.normal_(model.vlm.get_input_embeddings().weight.data[ids("[PAD]")], std=0.02)
    model.save_pretrained(directory)
    return directory


def engine_class() -> Any:
    """Return the class that colpali-engine calls ColIdefics3: a projection beside the body."""
    from torch import nn
    from transformers import Idefics3Model, Idefics3PreTrainedModel

    class ColIdefics3(Idefics3PreTrainedModel):
        def __init__(self, config: Any) -> None:
            super().__init__(config)
            self.model = Idefics3Model(config)
            self.linear = nn.Linear(config.text_config.hidden_size, 128)
            self.post_init()

    return ColIdefics3


def build_colidefics3(directory: Path) -> Path:
    """As vidore/ColSmolVLM-Instruct-256M-base, in colpali-engine's layout."""
    import torch
    from transformers import Idefics3Config, Idefics3Processor

    torch.manual_seed(0)
    words = tokenizer(None, "<|im_start|>")
    ids = words.convert_tokens_to_ids
    Idefics3Processor(
        image_processor=image_processor(),
        tokenizer=words,
        image_seq_len=ROWS_PER_TILE,
        chat_template=CHAT,
    ).save_pretrained(directory)
    config = Idefics3Config(
        vision_config=VISION,
        text_config={
            "model_type": "llama",
            "vocab_size": len(words),
            "hidden_size": 32,
            "intermediate_size": 64,
            "num_hidden_layers": 2,
            "num_attention_heads": 2,
            "num_key_value_heads": 1,
            "max_position_embeddings": 4096,
            "pad_token_id": ids("<|im_start|>"),
            "bos_token_id": ids("<|im_start|>"),
            "eos_token_id": ids("<end_of_utterance>"),
        },
        image_token_id=ids("<image>"),
        scale_factor=SHUFFLE,
        pad_token_id=ids("<|im_start|>"),
    )
    model = engine_class()(config)
    torch.nn.init.normal_(
        model.model.get_input_embeddings().weight.data[ids("<|im_start|>")], std=0.02
    )
    model.save_pretrained(directory)
    return directory
