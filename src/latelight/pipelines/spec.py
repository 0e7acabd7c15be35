"""A pipeline: what turns files into a searchable collection, as one frozen value."""

import hashlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal, get_args

import msgspec
import yaml

from latelight.errors import NotFoundError, SettingError
from latelight.pipelines.spec_errors import first_fault

SearchMode = Literal["auto", "maxsim", "bm25", "hybrid"]
SIGHTED = "latelight-small"
"""The encoder whose space rows of what is seen lie in."""
SEARCH_MODES: tuple[SearchMode, ...] = get_args(SearchMode)


class PluginSpec(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """How a pipeline uses an extractor plugin.

    Attributes:
        parameters: those that differ from the plugin's defaults.
        media_types: what it reads although a built-in extractor could; what no built-in one
            reads, it reads anyway.
        priority: of two plugins that read a media type, the one with the larger number does.
    """

    parameters: dict[str, bool | int | float | str] = {}
    media_types: tuple[str, ...] = ()
    priority: int = 0


class ExtractSpec(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """How files become units.

    Attributes:
        passage_characters: passages of text are packed up to this length.
        ocr: when pages and pictures are read by character recognition.
        ocr_language: a recognition model beside the carried one, which reads Chinese, Japanese and
            languages in Latin letters.
        ocr_models: the directory that holds that model.
        dpi: dots per inch of page images for recognition.
        speech: whether what is said in sound is written down.
        speech_model: directory or hub name of a Whisper model; empty for the carried one.
        speech_language: of all sound, such as `en`; empty lets the model tell.
        frames_per_minute: most frames of a video that are kept, in any minute.
        max_seconds: longer sound and video is refused.
        max_bytes: larger files are refused.
        max_pages: longer documents are refused.
        max_pixels: larger pictures are refused, page images are scaled down to it.
        timeout_s: longest time without finishing a page, in seconds.
        plugins: extractors of other packages, by name.
    """

    passage_characters: int = 1600
    ocr: Literal["auto", "always", "never"] = "auto"
    ocr_language: str = ""
    ocr_models: str = ""
    dpi: int = 150
    speech: Literal["auto", "never"] = "auto"
    speech_model: str = ""
    speech_language: str = ""
    frames_per_minute: int = 10
    max_seconds: float = 43_200.0
    max_bytes: int = 512 * 2**20
    max_pages: int = 5_000
    max_pixels: int = 50_000_000
    timeout_s: float = 120.0
    plugins: dict[str, PluginSpec] = {}


class PoolingSpec(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """How a unit's rows become fewer; see `encoders.pooling.Pooling`.

    Attributes:
        method: `ward` clusters them; `cover` drops near-duplicates; `grid` takes means of a
            picture's rows and columns, which is coarse.
        factor: `ward` makes one row of so many on average.
        threshold: `cover` drops a row whose cosine with a kept one is at least this.
        protected: so many first rows stay as they are.
    """

    method: Literal["none", "ward", "cover", "grid"] = "none"
    factor: int = 2
    threshold: float = 0.95
    protected: int = 0


class SpaceSpecification(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One vector space: which encoder fills it, and how rows are stored.

    Attributes:
        encoder: a name that `latelight doctor` lists.
        store: what evidence and exact scores are computed from. `codes` keeps nothing but the
            codes of large segments: a third to a half of the bytes, at a small loss of quality.
        bits: of the codes that make large collections fast to search; 0 leaves them out.
        weight: what the space's mean similarity counts beside that of other spaces.
        pooling: how units' rows become fewer before they are stored.
        dim: rows are cut to this length, where the model was trained for it; 0 keeps them.
        dtype: of the model's weights and activations; rows are float32 always.
        backend: what runs the model, where there is a choice.
        trust_remote_code: whether code that comes with a checkpoint may be run.
        sight: whether pages, pictures and frames also have rows of what is seen on them: charts,
            tables, photographs; `auto` where the encoder is the one whose space those rows lie in.
    """

    encoder: str = "latelight-small"
    store: Literal["int8", "float16", "codes"] = "int8"
    bits: Literal[0, 1, 2, 3, 4] = 2
    weight: float = 1.0
    pooling: PoolingSpec = PoolingSpec()
    dim: int = 0
    dtype: Literal["auto", "float32", "float16", "bfloat16"] = "auto"
    backend: Literal["auto", "torch", "onnx"] = "auto"
    trust_remote_code: bool = False
    sight: Literal["auto"] | bool = "auto"

    @property
    def sees(self) -> bool:
        """Whether rows of what is seen are wanted."""
        return self.encoder == SIGHTED and not self.dim if self.sight == "auto" else self.sight


class LexicalSpec(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The lexical signal: BM25's constants (Robertson and Zaragoza, 2009) and its part in a hybrid.

    `weight` is what covering all of a query's terms is worth, in units of mean similarity.
    """

    enabled: bool = True
    k1: float = 1.2
    b: float = 0.75
    weight: float = 0.15


class MaxSimSpec(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What counts how much in MaxSim; a weight of 1 and shares of 0 leave it plain.

    Attributes:
        function_weight: what the rows of a query's function words ("what", "did", "the") count
            beside its other rows.
        window_rows: how many consecutive rows of a long unit make a window.
        window_share: how much of a long unit's score comes from its best window alone; units that
            fit into one window are not changed by it.
        context_rows: how many of a document's first rows are context of its other units.
        context_share: what a similarity there counts beside one in the unit itself; a query row
            has the larger of the two.
    """

    function_weight: float = 0.5
    window_rows: int = 256
    window_share: float = 0.5
    context_rows: int = 128
    context_share: float = 0.85


class SearchSpec(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What a search does when it does not say otherwise.

    Attributes:
        mode: which signals rank.
        k: how many hits.
        rerank: a cross-encoder that orders the best units anew, by name; empty for none.
        rerank_depth: how many units it looks at.
    """

    mode: SearchMode = "auto"
    k: int = 10
    rerank: str = ""
    rerank_depth: int = 20


class PipelineSpec(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Everything that decides what a search finds, except the weights' bytes (see the lock)."""

    name: str = "default"
    extract: ExtractSpec = msgspec.field(default_factory=ExtractSpec)
    spaces: dict[str, SpaceSpecification] = msgspec.field(
        default_factory=lambda: {"text": SpaceSpecification()}
    )
    lexical: LexicalSpec = msgspec.field(default_factory=LexicalSpec)
    maxsim: MaxSimSpec = msgspec.field(default_factory=MaxSimSpec)
    search: SearchSpec = msgspec.field(default_factory=SearchSpec)

    def to_json(self) -> str:
        """Return the canonical form: the same spec always gives the same characters."""
        return canonical_json(msgspec.to_builtins(self))


def canonical_json(value: Any) -> str:
    """Return JSON with sorted keys and no spaces."""
    return msgspec.json.encode(value, order="deterministic").decode()


def digest_of(value: Any) -> str:
    """Return 16 hex digits of the sha256 of a value's canonical form."""
    return hashlib.sha256(canonical_json(value).encode()).hexdigest()[:16]


PRESETS: Mapping[str, PipelineSpec] = {
    "default": PipelineSpec(),
    "minilm": PipelineSpec(name="minilm", spaces={"text": SpaceSpecification(encoder="minilm")}),
    "colbert-small": PipelineSpec(
        name="colbert-small", spaces={"text": SpaceSpecification(encoder="colbert-small")}
    ),
}


def load_spec(name_or_path: str | Path) -> PipelineSpec:
    """Return a preset by name, or the spec in a YAML file.

    Raises:
        NotFoundError: neither a preset nor a file has that name.
        SettingError: the file has an unknown field or a value out of range.
    """
    if str(name_or_path) in PRESETS:
        return PRESETS[str(name_or_path)]
    path = Path(name_or_path)
    if not path.is_file():
        raise NotFoundError(
            f"No pipeline {str(name_or_path)!r}. Presets: {', '.join(PRESETS)}; "
            "or give the path of a YAML file."
        )
    return parse_spec(path.read_text(encoding="utf-8"), origin=str(path))


def parse_spec(text: str, *, origin: str = "the pipeline") -> PipelineSpec:
    """Return the spec that a YAML or JSON text holds.

    Raises:
        SettingError: it is not YAML, has an unknown field, or a value out of range.
    """
    value: Any = None
    try:
        value = yaml.safe_load(text) or {}
        spec = msgspec.convert(value, PipelineSpec)
    except (yaml.YAMLError, msgspec.ValidationError) as error:
        fault = first_fault(value, PipelineSpec) if value is not None else ""
        raise SettingError(
            f"{origin}: {fault or error}. See docs/pipelines.md for the fields."
        ) from error
    _check(spec, origin)
    return spec


def parse_stored(text: str, *, origin: str = "the pipeline") -> PipelineSpec:
    """Return the spec that a collection keeps, as `to_json` wrote it, however long ago.

    Spaces from before there was sight do without it.

    Raises:
        SettingError: it is no valid spec.
    """
    parts = msgspec.json.decode(text)
    for space in parts.get("spaces", {}).values():
        space.setdefault("sight", False)
    return parse_spec(canonical_json(parts), origin=origin)


def _check(spec: PipelineSpec, origin: str) -> None:
    limits = (
        ("extract.passage_characters", spec.extract.passage_characters, 100, 100_000),
        ("extract.dpi", spec.extract.dpi, 36, 600),
        ("extract.frames_per_minute", spec.extract.frames_per_minute, 1, 600),
        ("extract.max_seconds", spec.extract.max_seconds, 1, 10_000_000),
        ("extract.max_pages", spec.extract.max_pages, 1, 10_000_000),
        ("lexical.k1", spec.lexical.k1, 0, 10),
        ("lexical.b", spec.lexical.b, 0, 1),
        ("lexical.weight", spec.lexical.weight, 0, 10),
        ("maxsim.function_weight", spec.maxsim.function_weight, 0.01, 1),
        ("maxsim.window_rows", spec.maxsim.window_rows, 16, 65_536),
        ("maxsim.window_share", spec.maxsim.window_share, 0, 1),
        ("maxsim.context_rows", spec.maxsim.context_rows, 1, 65_536),
        ("maxsim.context_share", spec.maxsim.context_share, 0, 1),
        ("search.k", spec.search.k, 1, 10_000),
        ("search.rerank_depth", spec.search.rerank_depth, 1, 1_000),
        ("number of spaces", len(spec.spaces), 1, 8),
        *(limit for name, one in spec.spaces.items() for limit in _limits_of(name, one)),
    )
    for name, value, low, high in limits:
        if not low <= value <= high:
            raise SettingError(f"{origin}: {name} is {value}; give a value from {low} to {high}.")


def _limits_of(name: str, space: SpaceSpecification) -> tuple[tuple[str, float, float, float], ...]:
    """Return (field, value, least, most) of a space's numbers."""
    where, pooling = f"spaces.{name}", space.pooling
    return (
        (f"{where}.weight", space.weight, 0.001, 1_000),
        (f"{where}.dim", space.dim, 0, 4_096),
        (f"{where}.pooling.factor", pooling.factor, 1, 64),
        (f"{where}.pooling.threshold", pooling.threshold, 0.5, 1),
        (f"{where}.pooling.protected", pooling.protected, 0, 64),
    )
