"""ColPaliForRetrieval as in vidore/colpali-v1.3-hf, 16 image rows instead of 1,024."""

from pathlib import Path

from tests.encoders.vision.checkpoints.tokenizers import fast_tokenizer

SIDE, PATCH = 56, 14
SPECIAL = ("<pad>", "<eos>", "<bos>", "<unk>", "<mask>", "<image>")


def build(directory: Path) -> Path:
    import torch
    from transformers import ColPaliConfig, ColPaliForRetrieval, ColPaliProcessor, PaliGemmaConfig
    from transformers.models.siglip.image_processing_pil_siglip import SiglipImageProcessorPil

    torch.manual_seed(0)
    tokenizer = fast_tokenizer(
        SPECIAL,
        {"image_token": "<image>"},
        pad_token="<pad>",
        eos_token="<eos>",
        bos_token="<bos>",
        unk_token="<unk>",
        padding_side="right",
    )
    pictures = SiglipImageProcessorPil(
        size={"height": SIDE, "width": SIDE}, image_mean=[0.5] * 3, image_std=[0.5] * 3
    )
    pictures.image_seq_length = (SIDE // PATCH) ** 2
    ColPaliProcessor(image_processor=pictures, tokenizer=tokenizer).save_pretrained(directory)
    ids = tokenizer.convert_tokens_to_ids
    small = {
        "hidden_size": 32,
        "intermediate_size": 64,
        "num_hidden_layers": 2,
        "num_attention_heads": 2,
    }
    body = PaliGemmaConfig(
        vision_config={
            "model_type": "siglip_vision_model",
            **small,
            "image_size": SIDE,
            "patch_size": PATCH,
            "vision_use_head": False,
            "projection_dim": 32,
        },
        text_config={
            "model_type": "gemma",
            **small,
            "vocab_size": len(tokenizer),
            "num_key_value_heads": 1,
            "head_dim": 16,
            "pad_token_id": ids("<pad>"),
            "bos_token_id": ids("<bos>"),
            "eos_token_id": ids("<eos>"),
        },
        image_token_index=ids("<image>"),
        vocab_size=len(tokenizer),
        projection_dim=32,
        hidden_size=32,
    )
    ColPaliForRetrieval(ColPaliConfig(vlm_config=body, embedding_dim=128)).save_pretrained(
        directory
    )
    return directory
