"""Models that cut a page into tiles as Idefics3 does: ColModernVBert, ColIdefics3 (ColSmol)."""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from PIL import Image

from latelight.encoders.torch_loading import load_strictly
from latelight.encoders.torch_runtime import run_on
from latelight.encoders.vision.encoder import PatchProbe, VisualParts
from latelight.encoders.vision.family import Family, Files, RunOptions
from latelight.encoders.vision.geometry import place, tile_cells
from latelight.encoders.vision.inputs import Prepared, from_batch
from latelight.encoders.vision.loading import (
    PerThread,
    describe,
    devices_and_dtype,
    digests_of,
    load_image_processor,
    load_tokenizer,
    plain_tokenizer,
    processor_settings,
)
from latelight.encoders.vision.projected import (
    Projection,
    load_projected,
    projected_dim,
    projected_rows,
)
from latelight.encoders.vision.rendering import (
    PROBE,
    TextTemplate,
    find_template,
    token_names,
)
from latelight.encoders.vision.retrieval import embedding_dim, embeddings
from latelight.types import Int64Array

PROJECTION = Projection("linear", body="model")
PROMPT = "<|im_start|>User:<image>Describe the image.<end_of_utterance>\nAssistant:"
N_EXPANSION = 10
_TILE = re.compile(r"<row_(\d+)_col_(\d+)>")


# -- both -------------------------------------------------------------------------------------


@dataclass(frozen=True, eq=False)
class _Made:
    """What differs between the two, loaded.

    Attributes:
        processor: of transformers.
        template: of a query.
        model: the model.
        forward: runs it.
        process: the processor and a picture to its batch.
    """

    processor: Any
    template: TextTemplate
    model: Any
    forward: Callable[[Any, Mapping[str, Any]], Any]
    process: Callable[[Any, Image.Image], Any]


def _parts(files: Files, options: RunOptions, made: _Made) -> VisualParts:
    devices, dtype = devices_and_dtype(options)
    processor, template = made.processor, made.template
    images, tokenizer = processor.image_processor, processor.tokenizer
    per_side = round(processor.image_seq_len**0.5)
    tiles = _tile_ids(tokenizer)
    processors = PerThread(processor)

    def picture(image: Image.Image) -> Prepared:
        batch = made.process(processors(), image)
        ids = batch["input_ids"][0].numpy()
        cells = tile_cells(_tiles_in(ids, tiles), per_side)
        return from_batch(batch, place(ids, processor.image_token_id, cells))

    return VisualParts(
        picture=picture,
        query=template,
        forward=made.forward,
        runner=run_on(made.model, devices),
        pad_id=tokenizer.pad_token_id,
        pads_left=tokenizer.padding_side == "left",
        weights=digests_of(files, options),
        rendering=describe(
            template.describe(),
            images,
            dtype,
            {
                "longest": images.size["longest_edge"],
                "tile": images.max_image_size["longest_edge"],
                "rows_per_tile": processor.image_seq_len,
            },
        ),
        probe=_probe(per_side),
        dtype=dtype,
    )


def _tile_ids(tokenizer: Any) -> dict[int, tuple[int, int]]:
    """Return row and column, from 1, by the id of the marker in front of a tile."""
    found = ((_TILE.fullmatch(text), number) for text, number in tokenizer.get_vocab().items())
    return {number: (int(m[1]), int(m[2])) for m, number in found if m}


def _structural(processor: Any) -> list[str]:
    """Return the tokens that no text may become, beside the tokenizer's own markers."""
    vocabulary = processor.tokenizer.get_vocab()
    own = [processor.image_token, processor.fake_image_token, processor.global_image_tag]
    return [*own, *(text for text in vocabulary if _TILE.fullmatch(text))]


def _tiles_in(ids: Int64Array, tiles: Mapping[int, tuple[int, int]]) -> tuple[int, int]:
    """Return how many tiles a sequence has, down and across, by their markers."""
    marked = [tiles[one] for one in ids.tolist() if one in tiles]
    return max((r for r, _ in marked), default=0), max((c for _, c in marked), default=0)


def _probe(per_side: int) -> PatchProbe:
    """Return how the self-test finds a row's pixels: a square of its tile, tile by tile."""

    def by_cell(planes: Any) -> Any:
        n_tiles, n_channels, high, wide = planes.shape
        cut = planes.reshape(
            n_tiles, n_channels, per_side, high // per_side, per_side, wide // per_side
        )
        rows = cut.permute(0, 2, 4, 1, 3, 5).float()
        return rows.reshape(n_tiles * per_side**2, -1).numpy()

    return PatchProbe(
        pixels=lambda given: by_cell(given.tensors["pixel_values"][0]),
        module="patch_embedding",
        embedded=lambda found, given: by_cell(found),
    )


# -- ColModernVBert ---------------------------------------------------------------------------


def _load_modernvbert(files: Files, options: RunOptions) -> VisualParts:
    _, dtype = devices_and_dtype(options)
    from transformers import ColModernVBertForRetrieval, ColModernVBertProcessor
    from transformers.models.idefics3.image_processing_pil_idefics3 import (
        Idefics3ImageProcessorPil,
    )

    processor = ColModernVBertProcessor(
        image_processor=load_image_processor(files, Idefics3ImageProcessorPil),
        tokenizer=load_tokenizer(files),
        **processor_settings(files, "image_seq_len", "visual_prompt_prefix", "query_prefix"),
    )
    tokenizer = processor.tokenizer
    expansion = tokenizer.convert_tokens_to_ids(processor.query_augmentation_token)
    template = find_template(
        processor.process_queries([PROBE])["input_ids"][0].tolist(),
        plain_tokenizer(tokenizer, _structural(processor)),
        token_names(tokenizer),
        prefix=processor.query_prefix,
        expansion=[expansion],
    )
    model = load_strictly(ColModernVBertForRetrieval, files.directory, dtype=dtype)
    made = _Made(
        processor,
        template,
        model,
        embeddings,
        lambda own, image: own.process_images([image]),
    )
    return _parts(files, options, made)


# -- ColIdefics3, ColSmol ---------------------------------------------------------------------


def _load_idefics3(files: Files, options: RunOptions) -> VisualParts:
    _, dtype = devices_and_dtype(options)
    from transformers import Idefics3Model

    processor = _idefics3_processor(files)
    template = _idefics3_template(files, processor)
    shown = processor_settings(files, "visual_prompt_prefix").get("visual_prompt_prefix", PROMPT)

    def process(own: Any, image: Image.Image) -> Any:
        return own(text=[shown], images=[[image]], return_tensors="pt", padding="longest")

    model = load_projected(files, Idefics3Model, PROJECTION, dtype)
    made = _Made(processor, template, model, projected_rows, process)
    return _parts(files, options, made)


def _idefics3_processor(files: Files) -> Any:
    from transformers import Idefics3Processor
    from transformers.models.idefics3.image_processing_pil_idefics3 import (
        Idefics3ImageProcessorPil,
    )

    tokenizer = load_tokenizer(files)
    tokenizer.padding_side = "left"
    return Idefics3Processor(
        image_processor=load_image_processor(files, Idefics3ImageProcessorPil),
        tokenizer=tokenizer,
        **processor_settings(files, "image_seq_len"),
    )


def _idefics3_template(files: Files, processor: Any) -> TextTemplate:
    tokenizer = processor.tokenizer
    prefix = str(processor_settings(files, "query_prefix").get("query_prefix", ""))
    widening = processor.end_of_utterance_token
    return find_template(
        processor(text=[prefix + PROBE + widening * N_EXPANSION])["input_ids"][0],
        plain_tokenizer(tokenizer, _structural(processor)),
        token_names(tokenizer),
        prefix=prefix,
        expansion=[tokenizer.convert_tokens_to_ids(widening)],
    )


COLMODERNVBERT = Family(
    "colmodernvbert",
    ("ColModernVBertForRetrieval",),
    embedding_dim,
    _load_modernvbert,
)
IDEFICS3 = Family(
    "idefics3",
    ("ColIdefics3",),
    lambda files: projected_dim(files, PROJECTION),
    _load_idefics3,
    model_types=("idefics3",),
)
