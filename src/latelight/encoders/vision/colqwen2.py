"""ColQwen2: Qwen2-VL with a projection (Faysse et al., 2024), in transformers' own layout."""

from typing import Any

import numpy as np
from PIL import Image

from latelight.encoders.torch_loading import load_strictly
from latelight.encoders.torch_runtime import run_on
from latelight.encoders.vision.encoder import PatchProbe, VisualParts
from latelight.encoders.vision.family import Family, Files, RunOptions
from latelight.encoders.vision.geometry import merged_cells, place, smart_resize
from latelight.encoders.vision.inputs import Prepared, from_batch
from latelight.encoders.vision.loading import (
    PerThread,
    describe,
    devices_and_dtype,
    digests_of,
)
from latelight.encoders.vision.retrieval import (
    embedding_dim,
    embeddings,
    retrieval_processor,
    retrieval_template,
)


def _load(files: Files, options: RunOptions) -> VisualParts:
    devices, dtype = devices_and_dtype(options)
    from transformers import ColQwen2ForRetrieval

    processor = qwen_processor(files)
    template = retrieval_template(processor)
    model = load_strictly(ColQwen2ForRetrieval, files.directory, dtype=dtype)
    processors = PerThread(processor)
    token = processor.image_token_id

    def picture(image: Image.Image) -> Prepared:
        check_size(image, processor.image_processor)
        batch = processors().process_images([image])
        cells = merged_cells(grid_of(batch), processor.image_processor.merge_size)
        ids = batch["input_ids"][0].numpy()
        return from_batch(batch, place(ids, token, cells))

    return VisualParts(
        picture=picture,
        query=template,
        forward=embeddings,
        runner=run_on(model, devices),
        pad_id=processor.tokenizer.pad_token_id,
        pads_left=processor.tokenizer.padding_side == "left",
        weights=digests_of(files, options),
        rendering=describe(
            template.describe(),
            processor.image_processor,
            dtype,
            {**resize_rule(processor.image_processor), "prompt": processor.visual_prompt_prefix},
        ),
        probe=qwen_probe(processor.image_processor.merge_size),
        dtype=dtype,
    )


def qwen_processor(files: Files) -> Any:
    """Return the processor of ColQwen2 with Qwen2-VL's image processor, without torchvision."""
    from transformers import ColQwen2Processor
    from transformers.models.qwen2_vl.image_processing_pil_qwen2_vl import Qwen2VLImageProcessorPil

    return retrieval_processor(files, ColQwen2Processor, Qwen2VLImageProcessorPil)


def grid_of(batch: Any) -> tuple[int, int, int]:
    """Return frames, patches down and patches across of a single picture."""
    n_frames, high, wide = (int(one) for one in batch["image_grid_thw"][0])
    return n_frames, high, wide


def resize_rule(image_processor: Any) -> dict[str, Any]:
    """Return what decides how Qwen's image processor scales a picture."""
    size = dict(image_processor.size)
    return {
        "min_pixels": size["shortest_edge"],
        "max_pixels": size["longest_edge"],
        "patch": image_processor.patch_size,
        "merge": image_processor.merge_size,
    }


def check_size(image: Image.Image, image_processor: Any) -> None:
    """Return nothing when Qwen's image processor takes the picture, else raise.

    Raises:
        ModelError: it is far longer than wide, or wider than long.
    """
    rule = resize_rule(image_processor)
    smart_resize(
        image.height,
        image.width,
        factor=rule["patch"] * rule["merge"],
        min_pixels=rule["min_pixels"],
        max_pixels=rule["max_pixels"],
    )


def qwen_probe(merge: int) -> PatchProbe:
    """Return how the self-test finds a cell's pixels: they lie cell by cell already."""
    per_cell = merge * merge

    def by_cell(patches: Any, given: Prepared) -> Any:
        n_patches = int(np.prod(grid_of(given.tensors)))
        rows = patches.reshape(-1, patches.shape[-1])[:n_patches]
        return rows.float().reshape(n_patches // per_cell, -1).numpy()

    return PatchProbe(
        pixels=lambda given: by_cell(given.tensors["pixel_values"], given),
        module="patch_embed",
        embedded=by_cell,
    )


COLQWEN2 = Family("colqwen2", ("ColQwen2ForRetrieval",), embedding_dim, _load)
