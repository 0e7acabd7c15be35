"""ColQwen-Omni: Qwen2.5-Omni's thinker with a projection, for pages, sound and video.

Pictures and sound are prepared without torchvision; videos need transformers' video processor,
which needs it.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Final

import numpy as np
from PIL import Image

from latelight.encoders.strict_loading import offline, reading
from latelight.encoders.torch_loading import need_torchvision
from latelight.encoders.torch_runtime import run_on
from latelight.encoders.vision.colqwen2 import check_size, grid_of, qwen_probe, resize_rule
from latelight.encoders.vision.encoder import VisualParts
from latelight.encoders.vision.family import PICTURES_AND_SOUND, Family, Files, RunOptions
from latelight.encoders.vision.geometry import (
    Places,
    merged_cells,
    place,
    sound_cells,
    video_cells,
)
from latelight.encoders.vision.inputs import Prepared
from latelight.encoders.vision.loading import (
    PerThread,
    chat_template,
    describe,
    devices_and_dtype,
    digests_of,
    load_image_processor,
    load_tokenizer,
    marker_texts,
    plain_tokenizer,
)
from latelight.encoders.vision.projected import (
    QWEN_PARTS,
    QWEN_RENAMED,
    Projection,
    load_projected,
    projected_dim,
    projected_rows,
)
from latelight.encoders.vision.rendering import (
    PROBE,
    TextTemplate,
    find_template,
    plain_surroundings,
    token_names,
)
from latelight.types import SOUND_RATE, Float32Array

PROJECTION = Projection("custom_text_proj", prefixed=QWEN_PARTS, renamed=QWEN_RENAMED)
QUERY_PREFIX: Final = "Query: "
N_EXPANSION: Final = 10
PROMPT: Final = "Describe the content."
SYSTEM: Final = (
    "You are Qwen, a virtual human developed by the Qwen Team, Alibaba Group, capable of "
    "perceiving auditory and visual inputs, as well as generating text and speech."
)
RATE: Final = SOUND_RATE
VIDEO_PIXELS: Final = {"shortest_edge": 128 * 28 * 28, "longest_edge": 768 * 28 * 28}
"""Of a frame: Qwen2.5-Omni's processor says so, whatever the files of the video processor say."""


@dataclass(frozen=True, eq=False)
class _Omni:
    """The processor's parts, and how the model is spoken to.

    colpali-engine's checkpoints were trained within a conversation; those that
    sentence-transformers saved hold a template that knows of queries and documents (`task`).
    """

    files: Files
    tokenizer: Any
    pictures: Any
    ears: Any
    template: str

    @property
    def knows_tasks(self) -> bool:
        return "task" in self.template

    def render(self, content: Sequence[Mapping[str, Any]], task: str) -> str:
        user = {"role": "user", "content": list(content)}
        system = {"role": "system", "content": [{"type": "text", "text": SYSTEM}]}
        rendered: str = self.tokenizer.apply_chat_template(
            [user] if self.knows_tasks else [system, user],
            chat_template=self.template,
            tokenize=False,
            add_generation_prompt=not self.knows_tasks,
            task=task,
        )
        return rendered

    def document(self, kind: str, token: str, n_rows: int) -> Any:
        """Return the ids of a document of one picture, sound or video of so many rows."""
        content: list[dict[str, Any]] = [{"type": kind}]
        if not self.knows_tasks:
            content.append({"type": "text", "text": PROMPT})
        rendered = self.render(content, "document").replace(token, token * n_rows)
        return np.array(self.tokenizer(rendered)["input_ids"], np.int64)

    def prepared(
        self, kind: str, token: str, cells: Places, tensors: Mapping[str, Any]
    ) -> Prepared:
        ids = self.document(kind, token, len(cells.boxes))
        number = self.tokenizer.convert_tokens_to_ids(token)
        return Prepared(ids, place(ids, number, cells), tensors)

    def picture(self, image: Image.Image) -> Prepared:
        check_size(image, self.pictures)
        batch = self.pictures(images=[image], return_tensors="pt")
        cells = merged_cells(grid_of(batch), self.pictures.merge_size)
        tensors = {name: batch[name] for name in ("pixel_values", "image_grid_thw")}
        return self.prepared("image", self.tokenizer.image_token, cells, tensors)

    def sound(self, samples: Float32Array, start_s: float) -> Prepared:
        heard = self.ears(
            samples,
            sampling_rate=RATE,
            padding="max_length",
            return_attention_mask=True,
            return_tensors="pt",
        )
        n_frames = int(heard["attention_mask"].sum())
        cells = sound_cells(((n_frames - 1) // 2 + 1 - 2) // 2 + 1, start_s=start_s)
        tensors = {  # without the silence that fills it up: 15 MB for each sound otherwise
            "input_features": heard["input_features"][:, :, :n_frames],
            "feature_attention_mask": heard["attention_mask"][:, :n_frames],
        }
        return self.prepared("audio", self.tokenizer.audio_token, cells, tensors)

    @cached_property
    def _videos(self) -> Any:
        need_torchvision("Video of Qwen2.5-Omni")
        from transformers.models.qwen2_vl.video_processing_qwen2_vl import Qwen2VLVideoProcessor

        with offline(), reading(self.files.processor):
            return Qwen2VLVideoProcessor.from_pretrained(
                self.files.processor, local_files_only=True
            )

    def video(
        self, frames: Sequence[Image.Image], seconds_apart: float, start_s: float
    ) -> Prepared:
        import torch

        stacked = np.stack([np.asarray(one.convert("RGB")) for one in frames])
        film = torch.from_numpy(stacked).permute(0, 3, 1, 2)  # (n_frames, 3, height, width)
        batch = self._videos(
            videos=[film], size=VIDEO_PIXELS, do_sample_frames=False, return_tensors="pt"
        )
        n_frames, high, wide = (int(one) for one in batch["video_grid_thw"][0])
        each = seconds_apart * self._videos.temporal_patch_size
        cells = video_cells((n_frames, high, wide), self._videos.merge_size, each, start_s=start_s)
        tensors = {name: batch[name] for name in ("pixel_values_videos", "video_grid_thw")}
        tensors["video_second_per_grid"] = torch.tensor([each])
        return self.prepared("video", self.tokenizer.video_token, cells, tensors)


def _load(files: Files, options: RunOptions) -> VisualParts:
    devices, dtype = devices_and_dtype(options)
    from transformers import Qwen2_5OmniThinkerModel

    omni = _processor(files)
    template = _template(omni)
    model = load_projected(files, Qwen2_5OmniThinkerModel, PROJECTION, dtype)
    own = PerThread(omni)
    prompt = "" if omni.knows_tasks else PROMPT
    return VisualParts(
        picture=lambda image: own().picture(image),
        query=template,
        forward=projected_rows,
        runner=run_on(model, devices),
        pad_id=omni.tokenizer.pad_token_id,
        pads_left=True,
        weights=digests_of(files, options),
        rendering={
            **describe(
                template.describe(),
                omni.pictures,
                dtype,
                {**resize_rule(omni.pictures), "prompt": prompt},
            ),
            "sound": _heard_as(omni.ears),
        },
        sound=lambda samples, start_s: own().sound(samples, start_s),
        video=lambda frames, apart, start_s: own().video(frames, apart, start_s),
        most_samples=int(omni.ears.n_samples),
        probe=qwen_probe(omni.pictures.merge_size),
        dtype=dtype,
    )


def _heard_as(ears: Any) -> str:
    """Return what shapes the rows of sound."""
    return f"{RATE} Hz, {ears.feature_size} bands, pieces of {ears.n_samples / RATE:g} s"


def _processor(files: Files) -> _Omni:
    from transformers import WhisperFeatureExtractor
    from transformers.models.qwen2_vl.image_processing_pil_qwen2_vl import Qwen2VLImageProcessorPil

    tokenizer = load_tokenizer(files)
    return _Omni(
        files,
        tokenizer,
        load_image_processor(files, Qwen2VLImageProcessorPil),
        load_image_processor(files, WhisperFeatureExtractor),
        chat_template(files, tokenizer),
    )


def _template(omni: _Omni) -> TextTemplate:
    tokenizer = omni.tokenizer
    widening = str(tokenizer.pad_token)
    text = PROBE if omni.knows_tasks else QUERY_PREFIX + PROBE + widening * N_EXPANSION
    rendered = omni.render([{"type": "text", "text": text}], "query")
    before, after = plain_surroundings(rendered, marker_texts(tokenizer))
    tokens = (tokenizer.image_token, tokenizer.audio_token, tokenizer.video_token)
    return find_template(
        tokenizer(rendered)["input_ids"],
        plain_tokenizer(tokenizer, tokens),
        token_names(tokenizer),
        prefix=before,
        suffix=after,
        expansion=[tokenizer.pad_token_id],
    )


def _dim(files: Files) -> int:
    return projected_dim(files, PROJECTION)


OMNI = Family(
    "omni",
    ("ColQwen2_5Omni", "Qwen2_5OmniThinkerModel", "Qwen2_5OmniThinkerForConditionalGeneration"),
    _dim,
    _load,
    model_types=("qwen2_5_omni_thinker",),
    unit_kinds=PICTURES_AND_SOUND,
)
