"""The models of a pipeline, made from its spec, checked against its lock."""

import threading
import warnings
from collections.abc import Mapping, Sequence
from functools import lru_cache
from pathlib import Path

from latelight.encoders.cross_encoder import CrossEncoder
from latelight.encoders.model_options import ModelOptions
from latelight.encoders.pooled import PooledEncoder
from latelight.encoders.pooling import Pooling
from latelight.encoders.protocol import Encoder
from latelight.encoders.registry import (
    check_options,
    create_encoder,
    create_reranker,
    takes_device,
    truncated_dims,
)
from latelight.encoders.seeing import SeeingEncoder, goes_with
from latelight.encoders.sight import PatchEncoder
from latelight.errors import (
    LibrariesChangedWarning,
    PipelineMismatchError,
    SettingError,
    WeightsNotFoundError,
)
from latelight.extractors.model_digests import model_digests
from latelight.extractors.plugins import plugin_versions
from latelight.extractors.protocol import ExtractionOptions, PluginUse
from latelight.extractors.registry import all_extractors
from latelight.index.analyzer import ANALYZER_VERSION
from latelight.pipelines.lock import (
    PipelineLock,
    RerankerLock,
    changed_libraries,
    check_encoder,
    check_reranker,
    make_lock,
)
from latelight.pipelines.rerank import CrossEncoder as Judge
from latelight.pipelines.spec import PipelineSpec, SpaceSpecification
from latelight.settings import Settings
from latelight.types import Float32Array

_loading = threading.Lock()
DEFAULT_MODEL_OPTIONS = ModelOptions()
_PLUGIN = "plugin:"


def build_encoders(spec: PipelineSpec, settings: Settings) -> dict[str, Encoder]:
    """Return each space's encoder; nothing heavy is loaded, and equal ones are shared.

    Raises:
        SettingError: the spec names an encoder that does not exist.
        WeightsNotFoundError: its files are not on this machine.
    """
    made: dict[str, Encoder] = {}
    for space, given in spec.spaces.items():
        try:
            made[space] = _encoder_of(given, settings)
        except (SettingError, WeightsNotFoundError) as error:
            raise type(error)(f"spaces.{space}: {error}") from error
    return made


def build_cross_encoder(spec: PipelineSpec, settings: Settings) -> CrossEncoder | None:
    """Return what orders the best units anew, None where the spec asks for nobody.

    Raises:
        SettingError: the spec names a model that does not exist.
        WeightsNotFoundError: its files are not on this machine.
    """
    name = spec.search.rerank
    options = ModelOptions(device=settings.device if takes_device(name) else "auto")
    try:
        return shared_cross_encoder(name, settings.weights, settings.n_threads, options)
    except (SettingError, WeightsNotFoundError) as error:
        raise type(error)(f"search.rerank: {error}") from error


def check_buildable(spec: PipelineSpec, settings: Settings) -> None:
    """Make sure that all that a spec names is there, without loading weights.

    Raises:
        SettingError: it names an encoder or a model that does not exist.
        WeightsNotFoundError: the files of one are not on this machine.
        NotFoundError: it names an extractor plugin that is not installed.
    """
    build_encoders(spec, settings)
    build_cross_encoder(spec, settings)
    _chosen_readers(spec)


def check_choices(spec: PipelineSpec) -> None:
    """Refuse what a spec says of carried encoders and servers that would change nothing.

    Raises:
        SettingError: a space has such a field.
    """
    for given in spec.spaces.values():
        check_options(given.encoder, _options_of(given, "auto"))


def _options_of(given: SpaceSpecification, device: str) -> ModelOptions:
    return ModelOptions(
        device=device if takes_device(given.encoder, given.backend) else "auto",
        dtype=given.dtype,
        backend=given.backend,
        trust_remote_code=given.trust_remote_code,
    )


def _encoder_of(given: SpaceSpecification, settings: Settings) -> Encoder:
    options = _options_of(given, settings.device)
    encoder = shared_encoder(given.encoder, settings.weights, settings.n_threads, options)
    own = given.pooling
    pooling = Pooling(own.method, own.factor, own.threshold, own.protected, given.dim)
    if own.method != "none" or given.dim:
        shorter = truncated_dims(given.encoder, settings.weights, options) if given.dim else ()
        encoder = PooledEncoder(encoder, pooling, truncatable=shorter)
    patches = shared_patch_encoder()
    if given.sees and (given.sight is True or goes_with(encoder, patches)):
        return SeeingEncoder(encoder, patches, n_threads=settings.n_threads)
    return encoder


@lru_cache(maxsize=1)
def shared_patch_encoder() -> PatchEncoder:
    """Return the process's one patch encoder, not loaded yet."""
    return PatchEncoder()


@lru_cache(maxsize=8)
def shared_encoder(
    name: str, weights: Path | None, n_threads: int, options: ModelOptions = DEFAULT_MODEL_OPTIONS
) -> Encoder:
    """Return the process's one encoder of this name, not loaded yet."""
    return create_encoder(name, weights=weights, n_threads=n_threads, options=options)


@lru_cache(maxsize=2)
def shared_cross_encoder(
    name: str, weights: Path | None, n_threads: int, options: ModelOptions = DEFAULT_MODEL_OPTIONS
) -> CrossEncoder | None:
    """Return the process's one cross-encoder of this name, None for an empty one."""
    if not name:
        return None
    return create_reranker(name, weights=weights, n_threads=n_threads, options=options)


def load_checked(encoders: Mapping[str, Encoder], lock: PipelineLock) -> None:
    """Load the encoders and refuse them when they are not those of the lock.

    Raises:
        ModelError: weights are missing or not the recorded ones.
        PipelineMismatchError: they would give other vectors than those in the index.

    Warns:
        LibrariesChangedWarning: other versions of libraries computed the rows in the index.
    """
    with _loading:
        for space, encoder in encoders.items():
            encoder.load()
            recorded = lock.encoders[space]
            check_encoder(encoder, recorded, space=space)
            _tell_libraries(f"The rows of space {space!r} were computed", recorded.libraries)


class CheckedCrossEncoder:
    """A cross-encoder that is checked against the lock before it judges for the first time."""

    def __init__(self, inner: CrossEncoder, lock: RerankerLock) -> None:
        self._inner = inner
        self._lock = lock
        self._is_checked = False

    def score(self, query: str, texts: Sequence[str]) -> Float32Array:
        """Return (n_texts,) float32, larger is better.

        Raises:
            PipelineMismatchError: its weights are not those that were recorded.
        """
        if not self._is_checked:
            with _loading:
                check_reranker(self._inner, self._lock)
                _tell_libraries(f"{self._lock.name} was recorded", self._lock.libraries)
                self._is_checked = True
        return self._inner.score(query, texts)


def checked_cross_encoder(
    spec: PipelineSpec, settings: Settings, lock: PipelineLock
) -> Judge | None:
    """Return what orders the best units anew; it is checked where the lock knows that model.

    Raises:
        SettingError: the spec names a model that does not exist.
    """
    found = build_cross_encoder(spec, settings)
    recorded = lock.reranker
    if found is None or recorded is None or recorded.name != spec.search.rerank:
        return found  # of a trial, or of a lock from before models for reranking were recorded
    return CheckedCrossEncoder(found, recorded)


def _tell_libraries(what: str, then: Mapping[str, str]) -> None:
    if changed := changed_libraries(then):
        warnings.warn(
            f"{what} with other versions of libraries: {changed}. What is computed now was "
            "compared with what was recorded, and is accepted. Restore these versions to have the "
            "same numbers to the last bit, or index again to record the new ones.",
            LibrariesChangedWarning,
            stacklevel=3,
        )


def lock_for(
    encoders: Mapping[str, Encoder], spec: PipelineSpec, settings: Settings
) -> PipelineLock:
    """Return the lock of a generation that is about to be made; loads its models.

    Raises:
        NotFoundError: the spec names an extractor plugin that is not installed.
        SettingError: it names a model for reading that is not at hand.
    """
    judge = build_cross_encoder(spec, settings)
    reranker = None if judge is None else (spec.search.rerank, judge)
    with _loading:
        versions = {one.info.name: one.info.identity for one in all_extractors()}
        readers = {**versions, **_chosen_readers(spec)}
        return make_lock(encoders, readers, ANALYZER_VERSION, reranker)


def _chosen_readers(spec: PipelineSpec) -> dict[str, str]:
    """Return the versions of plugins, and digests of models for reading, that a spec names."""
    plugins = plugin_versions(list(spec.extract.plugins))
    named = {plugin_key(name): version for name, version in plugins.items()}
    return {**named, **model_digests(extraction_options(spec))}


def plugin_key(name: str) -> str:
    """Return the name of a plugin in a lock: apart from built-in extractors."""
    return f"{_PLUGIN}{name}"


def check_readers(spec: PipelineSpec, lock: PipelineLock) -> None:
    """Refuse plugins and models for reading that are not the lock's: they could give other units.

    Raises:
        NotFoundError: a plugin is not installed.
        SettingError: a model is not at hand.
        PipelineMismatchError: one of them is another one.
    """
    for name, found in _chosen_readers(spec).items():
        recorded = lock.extractors.get(name)
        if found != recorded and (recorded or name.startswith(_PLUGIN)):
            raise PipelineMismatchError(
                f"The collection was made with the {name.replace(':', ' ')} {recorded}; {found} is "
                "installed. Restore the recorded one, or add the documents to a new collection."
            )


def extraction_options(
    spec: PipelineSpec,
    speech_threads: int = 0,
    *,
    render_images: bool = False,
    image_side: int = 0,
    keep_sound: bool = False,
) -> ExtractionOptions:
    """Return how files are read under a spec; the other arguments as in the options."""
    given = spec.extract
    return ExtractionOptions(
        passage_characters=given.passage_characters,
        ocr=given.ocr,
        ocr_language=given.ocr_language,
        ocr_models=given.ocr_models,
        dpi=given.dpi,
        render_images=render_images,
        image_side=image_side,
        keep_sound=keep_sound,
        speech=given.speech,
        speech_model=given.speech_model,
        speech_language=given.speech_language,
        speech_threads=speech_threads,
        frames_per_minute=given.frames_per_minute,
        max_seconds=given.max_seconds,
        max_bytes=given.max_bytes,
        max_pages=given.max_pages,
        max_pixels=given.max_pixels,
        timeout_s=given.timeout_s,
        plugins=tuple(
            PluginUse(name, tuple(sorted(use.parameters.items())), use.media_types, use.priority)
            for name, use in sorted(given.plugins.items())
        ),
    )
