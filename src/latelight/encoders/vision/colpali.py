"""ColPali: PaliGemma with a projection (Faysse et al., 2024), in transformers' own layout."""

from typing import Any

from PIL import Image

from latelight.encoders.torch_loading import load_strictly
from latelight.encoders.torch_runtime import run_on
from latelight.encoders.vision.encoder import PatchProbe, VisualParts
from latelight.encoders.vision.family import Family, Files, RunOptions
from latelight.encoders.vision.geometry import place, square_cells
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
    from transformers import ColPaliForRetrieval

    processor = _processor(files)
    template = retrieval_template(processor)
    model = load_strictly(ColPaliForRetrieval, files.directory, dtype=dtype)
    vision = model.config.vlm_config.vision_config
    side, patch = int(vision.image_size), int(vision.patch_size)
    cells = square_cells(side, patch)
    processors = PerThread(processor)

    def picture(image: Image.Image) -> Prepared:
        batch = processors().process_images([image])
        ids = batch["input_ids"][0].numpy()
        return from_batch(batch, place(ids, processor.image_token_id, cells))

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
            {"side": side, "patch": patch, "prompt": processor.visual_prompt_prefix},
        ),
        probe=PatchProbe(
            pixels=lambda given: _square_patches(given.tensors["pixel_values"], patch),
            module="patch_embedding",
            embedded=lambda found, given: found[0].flatten(1).T.float().numpy(),
        ),
        dtype=dtype,
    )


def _processor(files: Files) -> Any:
    from transformers import ColPaliProcessor
    from transformers.models.siglip.image_processing_pil_siglip import SiglipImageProcessorPil

    return retrieval_processor(files, ColPaliProcessor, SiglipImageProcessorPil)


def _square_patches(pixels: Any, patch: int) -> Any:
    """Return (n * n, 3 * patch * patch) from (1, 3, side, side), row by row."""
    n = pixels.shape[-1] // patch
    cut = pixels[0].reshape(3, n, patch, n, patch)
    return cut.permute(1, 3, 0, 2, 4).reshape(n * n, -1).numpy()


COLPALI = Family("colpali", ("ColPaliForRetrieval",), embedding_dim, _load)
