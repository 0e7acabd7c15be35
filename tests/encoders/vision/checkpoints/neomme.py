"""NeoMMEForRetrieval as in Hcompany/NeoMME-260M-Retriever."""

from pathlib import Path

from tests.encoders.vision.checkpoints.tokenizers import fast_tokenizer

PATCH, MAX_SIDE, N_EXPANSION = 32, 256, 4
SPECIAL = ("<pad>", "<unk>", "<mask>", "<eos>", "<query>", "<doc>", "<img>", "<row>")
CHAT = (
    "{% for message in messages %}"
    "{% if task is defined and task == 'query' %}<query>{% else %}<doc>{% endif %}"
    "{% for part in message['content'] %}"
    "{% if part['type'] == 'image' %}<img>{% else %}{{ part['text'] }}{% endif %}{% endfor %}"
    "{% if task is defined and task == 'query' %}<mask><mask><mask><mask>{% endif %}"
    "{% endfor %}"
)


def build(directory: Path) -> Path:
    import torch
    from transformers import NeoMMEConfig, NeoMMEForRetrieval, NeoMMEProcessor
    from transformers.models.neomme.image_processing_neomme import NeoMMEImageProcessor

    torch.manual_seed(0)
    tokenizer = fast_tokenizer(
        SPECIAL,
        {
            "query_token": "<query>",
            "document_token": "<doc>",
            "image_token": "<img>",
            "row_token": "<row>",
        },
        pad_token="<pad>",
        unk_token="<unk>",
        mask_token="<mask>",
        eos_token="<eos>",
    )
    NeoMMEProcessor(
        image_processor=NeoMMEImageProcessor(patch_size=PATCH, max_side=MAX_SIDE),
        tokenizer=tokenizer,
        chat_template=CHAT,
    ).save_pretrained(directory)
    config = NeoMMEConfig(
        vocab_size=len(tokenizer),
        embedding_rank=16,
        hidden_size=32,
        intermediate_size=64,
        num_hidden_layers=2,
        num_attention_heads=2,
        num_key_value_heads=1,
        head_dim=16,
        layer_types=["sliding_attention", "full_attention"],
        sliding_window=64,
        max_position_embeddings=4096,
        patch_size=PATCH,
        embedding_dim=128,
        pad_token_id=0,
        document_token_id=5,
        image_token_id=6,
    )
    model = NeoMMEForRetrieval(config)
    with torch.no_grad():
        for name, weights in model.named_parameters():
            # Layers begin as nothing at all, and a blank patch would be a row of zeros.
            if name.endswith(("bias", "o_proj.weight", "down_proj.weight")):
                torch.nn.init.normal_(weights, std=0.1)
    model.save_pretrained(directory)
    return directory
