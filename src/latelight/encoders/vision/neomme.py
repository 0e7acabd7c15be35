"""NeoMME: one encoder for text and for raw patches of 32 pixels, scored by the mean."""

from collections.abc import Mapping
from typing import Any, Literal

from PIL import Image

from latelight.encoders.torch_loading import load_strictly, need_torchvision
from latelight.encoders.torch_runtime import run_on
from latelight.encoders.vision.encoder import PatchProbe, VisualParts
from latelight.encoders.vision.family import Family, Files, RunOptions
from latelight.encoders.vision.geometry import padded_cells, place
from latelight.encoders.vision.inputs import Prepared, from_batch
from latelight.encoders.vision.loading import (
    PerThread,
    chat_template,
    describe,
    devices_and_dtype,
    digests_of,
    load_image_processor,
    load_tokenizer,
    plain_tokenizer,
    processor_settings,
)
from latelight.encoders.vision.rendering import PROBE, TextTemplate, find_template, token_names
from latelight.types import UNIT_KINDS

_LEADING = 1  # an image token in front of the grid stands for no patch


def _load(files: Files, options: RunOptions) -> VisualParts:
    devices, dtype = devices_and_dtype(options)
    need_torchvision(options.name)
    from transformers import NeoMMEForRetrieval

    processor = _processor(files)
    tokenizer, images = processor.tokenizer, processor.image_processor
    query, document = _template(processor, "query"), _template(processor, "document")
    model = load_strictly(NeoMMEForRetrieval, files.directory, dtype=dtype)
    processors = PerThread(processor)

    def picture(image: Image.Image) -> Prepared:
        batch = dict(_conversation(processors(), {"type": "image", "image": image}, "document"))
        ids = batch["input_ids"][0].numpy()
        width, height = _scaled(image, images)
        cells = padded_cells(width, height, images.patch_size)
        batch["position_ids"] = batch["position_ids"].permute(1, 2, 0)
        return from_batch(batch, place(ids, tokenizer.image_token_id, cells, skip=_LEADING))

    return VisualParts(
        picture=picture,
        query=query,
        document=document,
        forward=_embeddings,
        runner=run_on(model, devices),
        pad_id=tokenizer.pad_token_id,
        pads_left=tokenizer.padding_side == "left",
        weights=digests_of(files, options),
        rendering={
            **describe(
                query.describe(),
                images,
                dtype,
                {"patch": images.patch_size, "max_side": images.max_side, "size": images.size},
            ),
            "document_template": document.describe(),
        },
        probe=PatchProbe(
            pixels=lambda given: given.tensors["pixel_values"].float().numpy(),
            module="patch_embeddings",
            embedded=lambda found, given: found.float().numpy(),
        ),
        dtype=dtype,
    )


def _processor(files: Files) -> Any:
    from transformers import NeoMMEProcessor
    from transformers.models.neomme.image_processing_neomme import NeoMMEImageProcessor

    tokenizer = load_tokenizer(files)
    return NeoMMEProcessor(
        image_processor=load_image_processor(files, NeoMMEImageProcessor),
        tokenizer=tokenizer,
        chat_template=chat_template(files, tokenizer),
        **processor_settings(files, "query_expand"),
    )


def _conversation(
    processor: Any, content: dict[str, Any], task: Literal["query", "document"]
) -> Mapping[str, Any]:
    messages = [[{"role": "user", "content": [content]}]]
    batch: Mapping[str, Any] = processor.apply_chat_template(
        messages, task=task, tokenize=True, return_dict=True, return_tensors="pt"
    )
    return batch


def _template(processor: Any, task: Literal["query", "document"]) -> TextTemplate:
    tokenizer = processor.tokenizer
    return find_template(
        _conversation(processor, {"type": "text", "text": PROBE}, task)["input_ids"][0].tolist(),
        plain_tokenizer(tokenizer, [processor.image_token]),
        token_names(tokenizer),
        expansion=[tokenizer.mask_token_id],
    )


def _scaled(image: Image.Image, images: Any) -> tuple[int, int]:
    """Return the picture's width and height as the image processor scales it, before padding."""
    from transformers.models.neomme.image_processing_neomme import get_resize_output_size

    if not images.do_resize:
        return image.size
    height, width = get_resize_output_size(image.height, image.width, images.max_side, images.size)
    return int(width), int(height)


def _embeddings(model: Any, batch: Mapping[str, Any]) -> Any:
    given = dict(batch)
    if "position_ids" in given:
        given["position_ids"] = given["position_ids"].permute(2, 0, 1)
    return model(**given).embeddings


NEOMME = Family(
    "neomme",
    ("NeoMMEForRetrieval",),
    lambda files: int(files.config.get("embedding_dim", 128)),
    _load,
    unit_kinds=UNIT_KINDS,
    similarity="mean",
    libraries=("transformers", "tokenizers", "pillow", "torchvision"),
)
