from pathlib import Path
from typing import Any

import pytest

from tests.encoders.vision.checkpoints import qwen
from tests.encoders.vision.conformance import VisualConformance, native_rows, with_pillow

pytest.importorskip("torch")
pytest.importorskip("transformers")


class TestColQwen2(VisualConformance):
    build = staticmethod(qwen.build_colqwen2)
    family = "colqwen2"
    image_rows = (54, 60)

    def reference_query(self, directory: Path, text: str) -> list[int]:
        return processor_of(directory).process_queries([text])["input_ids"][0].tolist()

    def reference_rows(self, directory: Path) -> Any:
        from transformers import ColQwen2ForRetrieval

        return native_rows(ColQwen2ForRetrieval, processor_of(directory), directory)


def processor_of(directory: Path) -> Any:
    from transformers import ColQwen2Processor

    return with_pillow(ColQwen2Processor.from_pretrained(directory), directory)
