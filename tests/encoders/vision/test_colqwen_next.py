from pathlib import Path
from typing import Any

import pytest

from latelight.encoders import create_encoder
from latelight.errors import ModelError
from tests.encoders.test_checkpoint import write
from tests.encoders.vision.checkpoints import qwen
from tests.encoders.vision.conformance import QUERIES, VisualConformance, engine_rows
from tests.encoders.vision.making import pictures

pytest.importorskip("torch")
pytest.importorskip("transformers")

PROMPT = "<|im_start|>user\n<|vision_start|>{}<|vision_end|>Describe the image.<|im_end|>"
AFTER = "<|endoftext|>"


class Engine(VisualConformance):
    """Reference: the body's own forward on input that is put together here, word by word."""

    architecture: str
    query_prefix: str
    patch: int

    def reference_query(self, directory: Path, text: str) -> list[int]:
        return queries(directory, self.query_prefix, [text])["input_ids"][0].tolist()

    def reference_rows(self, directory: Path) -> Any:
        model = qwen.engine_class(self.architecture).from_pretrained(directory).eval()
        body = qwen.engine_class(self.architecture).__mro__[1]
        run = lambda b: model.custom_text_proj(body.forward(model, **b)[0])  # noqa: E731
        return (
            engine_rows(run, shown(directory, self.patch)),
            engine_rows(run, queries(directory, self.query_prefix, list(QUERIES))),
        )


class TestColQwen25(Engine):
    build = staticmethod(qwen.build_colqwen2_5)
    family = "colqwen2.5"
    architecture = "ColQwen2_5"
    query_prefix = ""
    patch = 14
    image_rows = (54, 60)


class TestColQwen3(Engine):
    build = staticmethod(qwen.build_colqwen3)
    family = "colqwen3"
    architecture = "ColQwen3"
    query_prefix = ""
    dim = 320
    patch = 16
    image_rows = (54, 60)


@pytest.mark.parametrize("name", ["evie-4.5b", "evie-preview-4.5b"])
def test_a_later_body_is_refused_by_its_name(tmp_path: Path, name: str) -> None:
    write(tmp_path / name, config__json={"model_type": "qwen3_5", "vision_config": {}})
    with pytest.raises(ModelError, match=r"type 'qwen3_5'; expected a Qwen3-VL .* another model"):
        create_encoder(name, weights=tmp_path)
    with pytest.raises(ModelError, match="expected one of the families"):
        create_encoder(str(tmp_path / name))


def tokenizer_of(directory: Path) -> Any:
    from transformers import AutoTokenizer

    return AutoTokenizer.from_pretrained(directory)


def queries(directory: Path, prefix: str, texts: list[str]) -> Any:
    rendered = [prefix + text + "<|endoftext|>" * 10 for text in texts]
    return tokenizer_of(directory)(rendered, return_tensors="pt", padding=True)


def shown(directory: Path, patch: int) -> Any:
    tokenizer = tokenizer_of(directory)
    batch = qwen.image_processor(patch)(pictures(), return_tensors="pt")
    texts = [
        PROMPT.format("<|image_pad|>" * int(grid.prod() // 4)) + AFTER
        for grid in batch["image_grid_thw"]
    ]
    words = tokenizer(texts, return_tensors="pt", padding=True)
    kinds = (words["input_ids"] == tokenizer.convert_tokens_to_ids("<|image_pad|>")).long()
    return {**words, **batch, "mm_token_type_ids": kinds}
