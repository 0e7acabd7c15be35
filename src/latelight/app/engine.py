"""The models of a pipeline, made from its spec, checked against its lock."""

import threading
from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path

from latelight.encoders.protocol import Encoder
from latelight.encoders.registry import create_encoder
from latelight.extractors.registry import all_extractors
from latelight.index.analyzer import ANALYZER_VERSION
from latelight.pipelines.lock import PipelineLock, check_encoder, make_lock
from latelight.pipelines.spec import PipelineSpec
from latelight.settings import Settings

_loading = threading.Lock()


def build_encoders(spec: PipelineSpec, settings: Settings) -> dict[str, Encoder]:
    """Return each space's encoder; nothing heavy is loaded, and equal ones are shared.

    Raises:
        SettingError: the spec names an encoder that does not exist.
    """
    return {
        space: shared_encoder(given.encoder, settings.weights, settings.n_threads)
        for space, given in spec.spaces.items()
    }


@lru_cache(maxsize=8)
def shared_encoder(name: str, weights: Path | None, n_threads: int) -> Encoder:
    """Return the process's one encoder of this name, not loaded yet."""
    return create_encoder(name, weights=weights, n_threads=n_threads)


def load_checked(encoders: Mapping[str, Encoder], lock: PipelineLock) -> None:
    """Load the encoders and refuse them when they are not those of the lock.

    Raises:
        ModelError: weights are missing or not the recorded ones.
        PipelineMismatchError: they would give other vectors than those in the index.
    """
    with _loading:
        for space, encoder in encoders.items():
            encoder.load()
            check_encoder(encoder, lock.encoders[space], space=space)


def lock_for(encoders: Mapping[str, Encoder]) -> PipelineLock:
    """Return the lock of a generation that is about to be made; loads the encoders."""
    with _loading:
        versions = {one.info.name: one.info.identity for one in all_extractors()}
        return make_lock(encoders, versions, ANALYZER_VERSION)
