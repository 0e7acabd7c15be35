from pathlib import Path
from typing import Any

import pytest

from tests.encoders.vision.checkpoints import colpali
from tests.encoders.vision.conformance import VisualConformance, native_rows, with_pillow

pytest.importorskip("torch")
pytest.importorskip("transformers")


class TestColPali(VisualConformance):
    build = staticmethod(colpali.build)
    family = "colpali"
    image_rows = (16, 16)

    def reference_query(self, directory: Path, text: str) -> list[int]:
        return processor_of(directory).process_queries([text])["input_ids"][0].tolist()

    def reference_rows(self, directory: Path) -> Any:
        from transformers import ColPaliForRetrieval

        return native_rows(ColPaliForRetrieval, processor_of(directory), directory)


def processor_of(directory: Path) -> Any:
    from transformers import ColPaliProcessor

    return with_pillow(ColPaliProcessor.from_pretrained(directory), directory)
