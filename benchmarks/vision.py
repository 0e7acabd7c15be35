"""How many pages a second does a visual model encode, and how near is that to the device's peak?

    python benchmarks/vision.py                                       toy size, seconds
    python benchmarks/vision.py --model colqwen2 --size full --device cuda --dtype bfloat16
    python benchmarks/vision.py --model colpali --size full --device cuda --dtype bfloat16

Weights are random (times do not depend on them), the architecture is that of the published model:
vidore/colqwen2-v1.0-hf over Qwen2-VL-2B, vidore/colpali-v1.3-hf over PaliGemma-3B. Pages are drawn
here and go the whole way: decoded, scaled, batched, encoded, rows back in memory. The forward pass
alone is timed, too. The peak is that of a square matrix product of the same number type on the same
device in the same run; the share counts 2 operations for each weight and token, and attention.
"""

import argparse
import io
import json
import platform
import subprocess
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image, ImageDraw

from latelight.encoders.vision import VisualEncoder, open_visual
from latelight.encoders.vision.inputs import Prepared, collate
from latelight.types import Locator, Unit

SEED = 7
PAGE = (1240, 1754)  # A4 at 150 dpi
LINE = "What drove the reduction in selling, general and administrative expense in 2019? "


@dataclass(frozen=True)
class Checkpoint:
    """Random weights on the disk, as `open_visual` takes them."""

    directory: Path
    layout: str = "retrieval"


# -- models -----------------------------------------------------------------------------------


@dataclass(frozen=True)
class Shape:
    """Sides of a model: of the language model, then of the vision tower."""

    width: int
    inner: int
    layers: int
    heads: int
    kv_heads: int
    head_dim: int
    vocabulary: int
    seen_width: int
    seen_inner: int
    seen_layers: int
    seen_heads: int


SHAPES = {
    ("colqwen2", "tiny"): Shape(64, 128, 2, 4, 2, 16, 0, 64, 128, 2, 4),
    ("colqwen2", "small"): Shape(512, 1408, 8, 8, 2, 64, 0, 512, 2048, 8, 8),
    ("colqwen2", "full"): Shape(1536, 8960, 28, 12, 2, 128, 151_936, 1280, 5120, 32, 16),
    ("colpali", "tiny"): Shape(64, 128, 2, 4, 1, 16, 0, 64, 128, 2, 4),
    ("colpali", "small"): Shape(512, 2048, 6, 4, 1, 128, 0, 384, 1536, 8, 6),
    ("colpali", "full"): Shape(2048, 16_384, 18, 8, 1, 256, 257_216, 1152, 4304, 27, 16),
}


def build(model: str, size: str, directory: Path, dtype: str) -> None:
    """Write a model with random weights and its processor."""
    import torch

    torch.manual_seed(SEED)
    shape = SHAPES[model, size]
    before = torch.get_default_dtype()
    torch.set_default_dtype(getattr(torch, dtype))  # never 12 GB of float32 at once
    try:
        made = (_colqwen2 if model == "colqwen2" else _colpali)(shape, directory)
    finally:
        torch.set_default_dtype(before)
    made.save_pretrained(directory)


def _tokenizer(special: list[str], names: dict[str, str], **options: Any) -> Any:
    """Return a small byte-level tokenizer: pages are pictures, their prompt is short."""
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
    from transformers import PreTrainedTokenizerFast

    made = Tokenizer(models.BPE())
    made.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    made.decoder = decoders.ByteLevel()
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    trainer = trainers.BpeTrainer(
        vocab_size=512, special_tokens=special, show_progress=False, initial_alphabet=alphabet
    )
    made.train_from_iterator([LINE] * 4, trainer)
    return PreTrainedTokenizerFast(
        tokenizer_object=made,
        additional_special_tokens=special,
        extra_special_tokens=names,
        model_max_length=8192,
        **options,
    )


def _colqwen2(shape: Shape, directory: Path) -> Any:
    from transformers import ColQwen2Config, ColQwen2ForRetrieval, ColQwen2Processor, Qwen2VLConfig
    from transformers.models.qwen2_vl.image_processing_pil_qwen2_vl import Qwen2VLImageProcessorPil

    special = ["endoftext", "im_start", "im_end", "vision_start", "vision_end", "image_pad"]
    special = [f"<|{name}|>" for name in [*special, "video_pad"]]
    tokenizer = _tokenizer(
        special,
        {"image_token": "<|image_pad|>", "video_token": "<|video_pad|>"},
        pad_token="<|endoftext|>",
        eos_token="<|im_end|>",
        padding_side="left",
    )
    ids = tokenizer.convert_tokens_to_ids
    pictures = Qwen2VLImageProcessorPil(size={"shortest_edge": 4 * 784, "longest_edge": 768 * 784})
    ColQwen2Processor(image_processor=pictures, tokenizer=tokenizer).save_pretrained(directory)
    third = shape.head_dim // 2
    sections = [third - 2 * (third * 3 // 8), third * 3 // 8, third * 3 // 8]
    body = Qwen2VLConfig(
        text_config={
            "vocab_size": max(shape.vocabulary, len(tokenizer)),
            "hidden_size": shape.width,
            "intermediate_size": shape.inner,
            "num_hidden_layers": shape.layers,
            "num_attention_heads": shape.heads,
            "num_key_value_heads": shape.kv_heads,
            "max_position_embeddings": 32_768,
            "rope_parameters": {
                "rope_type": "default",
                "rope_theta": 1e6,
                "mrope_section": sections,
            },
            "pad_token_id": ids("<|endoftext|>"),
            "bos_token_id": ids("<|endoftext|>"),
            "eos_token_id": ids("<|im_end|>"),
        },
        vision_config={
            "depth": shape.seen_layers,
            "embed_dim": shape.seen_width,
            "hidden_size": shape.width,
            "num_heads": shape.seen_heads,
            "mlp_ratio": shape.seen_inner // shape.seen_width,
        },
        image_token_id=ids("<|image_pad|>"),
        video_token_id=ids("<|video_pad|>"),
        vision_start_token_id=ids("<|vision_start|>"),
        vision_end_token_id=ids("<|vision_end|>"),
    )
    return ColQwen2ForRetrieval(ColQwen2Config(vlm_config=body, embedding_dim=128))


def _colpali(shape: Shape, directory: Path) -> Any:
    from transformers import ColPaliConfig, ColPaliForRetrieval, ColPaliProcessor, PaliGemmaConfig
    from transformers.models.siglip.image_processing_pil_siglip import SiglipImageProcessorPil

    tokenizer = _tokenizer(
        ["<pad>", "<eos>", "<bos>", "<unk>", "<image>"],
        {"image_token": "<image>"},
        pad_token="<pad>",
        eos_token="<eos>",
        bos_token="<bos>",
        unk_token="<unk>",
    )
    pictures = SiglipImageProcessorPil(
        size={"height": 448, "width": 448}, image_mean=[0.5] * 3, image_std=[0.5] * 3
    )
    pictures.image_seq_length = 1024
    ColPaliProcessor(image_processor=pictures, tokenizer=tokenizer).save_pretrained(directory)
    ids = tokenizer.convert_tokens_to_ids
    vocabulary = max(shape.vocabulary, len(tokenizer))
    body = PaliGemmaConfig(
        vision_config={
            "model_type": "siglip_vision_model",
            "hidden_size": shape.seen_width,
            "intermediate_size": shape.seen_inner,
            "num_hidden_layers": shape.seen_layers,
            "num_attention_heads": shape.seen_heads,
            "image_size": 448,
            "patch_size": 14,
            "vision_use_head": False,
            "projection_dim": shape.width,
        },
        text_config={
            "model_type": "gemma",
            "vocab_size": vocabulary,
            "hidden_size": shape.width,
            "intermediate_size": shape.inner,
            "num_hidden_layers": shape.layers,
            "num_attention_heads": shape.heads,
            "num_key_value_heads": shape.kv_heads,
            "head_dim": shape.head_dim,
            "pad_token_id": ids("<pad>"),
        },
        image_token_index=ids("<image>"),
        vocab_size=vocabulary,
        projection_dim=shape.width,
        hidden_size=shape.width,
    )
    return ColPaliForRetrieval(ColPaliConfig(vlm_config=body, embedding_dim=128))


# -- measuring --------------------------------------------------------------------------------


def pages(n: int) -> list[Unit]:
    """Return pages of text, all of them different."""
    made = []
    for number in range(n):
        page = Image.new("RGB", PAGE, "white")
        draw = ImageDraw.Draw(page)
        for line in range(60):
            draw.text((90, 80 + 26 * line), f"{number}.{line} {LINE}", fill="black")
        buffer = io.BytesIO()
        page.save(buffer, "JPEG", quality=88)
        made.append(Unit(f"p{number}", "page", Locator(page=number + 1), image=buffer.getvalue()))
    return made


def seconds_of(action: Callable[[], object], device: str, least: float = 1.0) -> float:
    """Return the shortest time of several runs that take `least` seconds together."""
    times: list[float] = []
    while sum(times) < least or len(times) < 2:
        began = time.perf_counter()
        action()
        synchronise(device)
        times.append(time.perf_counter() - began)
    return min(times)


def synchronise(device: str) -> None:
    if device.startswith("cuda"):
        import torch

        torch.cuda.synchronize(device)


def matrix_peak(device: str, dtype: str) -> float:
    """Return floating-point operations a second of a large square matrix product."""
    import torch

    n = 8192 if device.startswith("cuda") else 1024
    one, other = (torch.randn(n, n, device=device, dtype=getattr(torch, dtype)) for _ in range(2))
    return 2 * n**3 / seconds_of(lambda: one @ other, device)


def operations(model: Any, shape: Shape, n_tokens: int, n_patches: int) -> float:
    """Return floating-point operations of one page: products with weights, and attention."""
    seen = told = 0
    for name, weights in model.named_parameters():
        is_looked_up = any(p in name for p in ("embed_tokens", "position_embedding", "lm_head"))
        if weights.ndim < 2 or is_looked_up:
            continue
        if any(part in name for part in ("visual.blocks", "visual.patch", "vision_tower")):
            seen += weights.numel()
        else:
            told += weights.numel()
    attention = 4 * shape.layers * n_tokens**2 * shape.heads * shape.head_dim / 2  # causal
    attention += 4 * shape.seen_layers * n_patches**2 * shape.seen_width
    return float(2 * told * n_tokens + 2 * seen * n_patches + attention)


def n_patches_of(given: Prepared) -> int:
    values = given.tensors["pixel_values"]
    return int(values.shape[1]) if values.ndim == 3 else 1024


def measure(encoder: VisualEncoder, units: list[Unit], shape: Shape, device: str) -> dict[str, Any]:
    """Return what the whole way and the forward pass alone give."""
    import torch

    parts = encoder.loaded()
    encoder.encode_documents(units)  # finds the batch size, warms up
    whole = seconds_of(lambda: encoder.encode_documents(units), device)
    from latelight.encoders.vision.pictures import open_picture

    prepared = [parts.picture(open_picture(u.image or b"", u.unit_id)) for u in units]
    began = time.perf_counter()
    for unit in units:
        parts.picture(open_picture(unit.image or b"", unit.unit_id))
    preparing = (time.perf_counter() - began) / len(units)
    n_tokens = prepared[0].n_tokens
    n_batch = max(min(parts.runner.budget // n_tokens, len(units)), 1)
    batch = collate(prepared[:n_batch], parts.pad_id, pads_left=parts.pads_left)
    dtype = getattr(torch, parts.dtype)
    placed = {k: v.to(device, dtype if v.is_floating_point() else None) for k, v in batch.items()}
    model = parts.runner.replicas[0].model
    with torch.inference_mode():
        forward = seconds_of(lambda: parts.forward(model, placed), device) / n_batch
    work = operations(model, shape, n_tokens, n_patches_of(prepared[0]))
    peak = matrix_peak(device, parts.dtype)
    return {
        "parameters": sum(p.numel() for p in model.parameters()),
        "tokens_per_page": n_tokens,
        "patches_per_page": n_patches_of(prepared[0]),
        "batch_pages": n_batch,
        "batch_tokens_limit": parts.runner.budget,
        "pages_per_s": round(len(units) / whole, 3),
        "tokens_per_s": round(len(units) * n_tokens / whole, 1),
        "preparing_ms_per_page": round(preparing * 1e3, 1),
        "forward_pages_per_s": round(1 / forward, 3),
        "forward_tokens_per_s": round(n_tokens / forward, 1),
        "gflop_per_page": round(work / 1e9, 1),
        "forward_tflops": round(work / forward / 1e12, 3),
        "peak_tflops": round(peak / 1e12, 3),
        "share_of_peak": round(work / forward / peak, 3),
    }


def main() -> None:
    """Measure one model and print a row of JSON."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("--model", choices=("colqwen2", "colpali"), default="colqwen2")
    parser.add_argument("--size", choices=("tiny", "small", "full"), default="tiny")
    parser.add_argument("--device", default="cpu", help="cpu, cuda or cuda:1")
    parser.add_argument("--dtype", default="float32", choices=("float32", "bfloat16", "float16"))
    parser.add_argument("--pages", type=int, default=4)
    parser.add_argument("--threads", type=int, default=0, help="on the processor; 0: all")
    parser.add_argument("--out", type=Path, help="file that gets the row, too")
    given = parser.parse_args()
    device = "cuda:0" if given.device == "cuda" else given.device
    with tempfile.TemporaryDirectory() as directory:
        build(given.model, given.size, Path(directory), given.dtype)
        encoder = open_visual(
            Checkpoint(Path(directory)), device=device, dtype=given.dtype, n_threads=given.threads
        )
        shape = SHAPES[given.model, given.size]
        found = measure(encoder, pages(given.pages), shape, device)
    row = {
        "model": given.model,
        "size": given.size,
        "device": device_name(device),
        "dtype": given.dtype,
        "pages": given.pages,
        "seed": SEED,
        **found,
        **versions(),
    }
    print(json.dumps(row, indent=1))
    if given.out:
        given.out.write_text(json.dumps(row) + "\n", encoding="utf-8")


def device_name(device: str) -> str:
    import torch

    if device.startswith("cuda"):
        return str(torch.cuda.get_device_name(device))
    return f"{platform.processor() or platform.machine()}, {torch.get_num_threads()} threads"


def versions() -> dict[str, str]:
    import torch
    import transformers

    commit = subprocess.run(
        ["git", "rev-parse", "--short", "HEAD"], capture_output=True, text=True, check=False
    ).stdout.strip()
    return {
        "torch": torch.__version__,
        "transformers": transformers.__version__,
        "numpy": np.__version__,
        "commit": commit,
    }


if __name__ == "__main__":
    main()
