"""ColQwen2.5 and ColQwen3: newer Qwen bodies with a projection, in colpali-engine's layout.

Their processors in transformers need torchvision for videos; pictures are cut by Qwen2-VL's image
processor, which does not, so this takes only that and the tokenizer.
"""

from typing import Any

from PIL import Image

from latelight.encoders.torch_runtime import run_on
from latelight.encoders.vision.colqwen2 import (
    check_size,
    grid_of,
    qwen_probe,
    qwen_processor,
    resize_rule,
)
from latelight.encoders.vision.encoder import VisualParts
from latelight.encoders.vision.family import Family, Files, RunOptions
from latelight.encoders.vision.geometry import merged_cells, place
from latelight.encoders.vision.inputs import Prepared, from_batch
from latelight.encoders.vision.loading import (
    PerThread,
    describe,
    devices_and_dtype,
    digests_of,
    plain_tokenizer,
    processor_settings,
)
from latelight.encoders.vision.projected import (
    QWEN_PARTS,
    QWEN_RENAMED,
    Projection,
    load_projected,
    projected_dim,
    projected_rows,
)
from latelight.encoders.vision.rendering import PROBE, TextTemplate, find_template, token_names
from latelight.errors import ModelError

PROJECTION = Projection("custom_text_proj", prefixed=QWEN_PARTS, renamed=QWEN_RENAMED)
N_EXPANSION = 10


def _load(files: Files, options: RunOptions, body: str) -> VisualParts:
    devices, dtype = devices_and_dtype(options)
    import transformers

    processor = qwen_processor(files)
    tokenizer = processor.tokenizer
    tokenizer.padding_side = "left"
    template = _template(files, processor)
    model = load_projected(files, getattr(transformers, body), PROJECTION, dtype)
    processors = PerThread(processor)
    token = processor.image_token_id

    def picture(image: Image.Image) -> Prepared:
        check_size(image, processor.image_processor)
        batch = processors().process_images([image])
        grid = grid_of(batch)
        cells = merged_cells(grid, processor.image_processor.merge_size)
        ids = batch["input_ids"][0]
        given = from_batch(batch, place(ids.numpy(), token, cells))
        flat = batch["pixel_values"].reshape(-1, batch["pixel_values"].shape[-1])
        kinds = (ids == token).long()[None]  # 1 at pictures: positions follow their grid
        return Prepared(
            given.ids,
            given.places,
            {
                "pixel_values": flat,
                "image_grid_thw": batch["image_grid_thw"],
                "mm_token_type_ids": kinds,
            },
        )

    return VisualParts(
        picture=picture,
        query=template,
        forward=projected_rows,
        runner=run_on(model, devices),
        pad_id=tokenizer.pad_token_id,
        pads_left=True,
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


def _template(files: Files, processor: Any) -> TextTemplate:
    tokenizer = processor.tokenizer
    prefix = str(processor_settings(files, "query_prefix").get("query_prefix", ""))
    rendered = prefix + PROBE + str(tokenizer.pad_token) * N_EXPANSION
    return find_template(
        tokenizer(rendered)["input_ids"],
        plain_tokenizer(tokenizer, [processor.image_token]),
        token_names(tokenizer),
        prefix=prefix,
        expansion=[tokenizer.pad_token_id],
    )


def _dim(files: Files) -> int:
    return projected_dim(files, PROJECTION)


def _qwen3_dim(files: Files) -> int:
    """Return the length of a row, once it is sure that the body is a Qwen3-VL.

    Raises:
        ModelError: it is a later one, which the class for Qwen3-VL would read wrongly.
    """
    kind = str(files.config.get("model_type", ""))
    if kind.startswith("qwen3_5"):
        raise ModelError(
            f"{files.body} holds a body of the type {kind!r}; expected a Qwen3-VL (qwen3_vl), the "
            "only one that the family colqwen3 opens. Take another model."
        )
    return _dim(files)


COLQWEN2_5 = Family(
    "colqwen2.5",
    ("ColQwen2_5",),
    _dim,
    lambda files, options: _load(files, options, "Qwen2_5_VLModel"),
    model_types=("qwen2_5_vl",),
)
COLQWEN3 = Family(
    "colqwen3",
    ("ColQwen3",),
    _qwen3_dim,
    lambda files, options: _load(files, options, "Qwen3VLModel"),
    model_types=("qwen3_vl",),
)
