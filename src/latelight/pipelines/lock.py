"""What a pipeline's vectors depend on beside its spec, recorded and checked."""

from collections.abc import Iterable, Mapping
from importlib.metadata import PackageNotFoundError, version
from typing import Protocol

import msgspec

from latelight.encoders import golden
from latelight.encoders.protocol import Encoder
from latelight.errors import PipelineMismatchError
from latelight.pipelines.spec import PipelineSpec, PoolingSpec, canonical_json, digest_of
from latelight.types import EncoderInfo, Float32Array

LIBRARIES = (
    "onnxruntime",
    "tokenizers",
    "pypdfium2",
    "pillow",
    "rapidocr",
    "numpy",
    "av",
    "faster-whisper",
    "ctranslate2",
    "torch",
    "transformers",
    "sentence-transformers",
)
NOT_INSTALLED = "not installed"


class EncoderLock(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One space's encoder, as it was when the generation was made.

    Attributes:
        name: the encoder's.
        version: the encoder's.
        dim: length of a row.
        weights: sha256 by file.
        golden: the rows of the golden query, float16, base64; how they came out here.
        rendering: what else shapes the encoder's vectors, by name.
        golden_picture: some rows of the golden picture, for encoders that look at pictures.
        golden_sound: some rows of the golden sound, for encoders that listen.
        libraries: version by package, of those whose code computed the rows.
    """

    name: str
    version: str
    dim: int
    weights: dict[str, str]
    golden: str
    rendering: dict[str, str] = {}
    golden_picture: str = ""
    golden_sound: str = ""
    libraries: dict[str, str] = {}


class RerankerLock(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The cross-encoder that a pipeline reranks with, as it was when the generation was made.

    Attributes:
        name: as the pipeline calls it.
        weights: sha256 by file.
        libraries: version by package, of those whose code computes its scores.
    """

    name: str
    weights: dict[str, str]
    libraries: dict[str, str] = {}


class Reranker(Protocol):
    """What the lock has to know of a cross-encoder."""

    @property
    def weights(self) -> Mapping[str, str]:
        """sha256 by file, once it is loaded."""
        ...

    @property
    def libraries(self) -> tuple[str, ...]:
        """Packages whose code computes its scores."""
        ...

    def load(self) -> None:
        """Read and check the weights."""
        ...


class PipelineLock(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What changes vectors, terms and units beside the spec.

    Attributes:
        encoders: by space.
        extractors: version by extractor's name.
        analyzer: version of the lexical analysis.
        libraries: versions that were installed; told, not compared (the golden rows are).
        reranker: the cross-encoder; None where the pipeline has none, or was locked before it was
            recorded.
    """

    encoders: dict[str, EncoderLock]
    extractors: dict[str, str]
    analyzer: str
    libraries: dict[str, str]
    reranker: RerankerLock | None = None

    def to_json(self) -> str:
        """Return the canonical form."""
        parts = msgspec.to_builtins(self)
        # What came later is left out where there is none: such locks stay as they were.
        for encoder in parts["encoders"].values():
            for name in ("golden_sound", "libraries"):
                if not encoder[name]:
                    del encoder[name]
        if self.reranker is None:
            del parts["reranker"]
        return canonical_json(parts)


def parse_lock(text: str) -> PipelineLock:
    """Return the lock that `to_json` wrote."""
    return msgspec.json.decode(text, type=PipelineLock)


def make_lock(
    encoders: Mapping[str, Encoder],
    extractors: Mapping[str, str],
    analyzer: str,
    reranker: tuple[str, Reranker] | None = None,
) -> PipelineLock:
    """Return the lock of a new generation; loads the encoders and runs the golden query.

    Args:
        encoders: by space.
        extractors: version by name.
        analyzer: version of the lexical analysis.
        reranker: name and cross-encoder, which is loaded; None where the pipeline has none.
    """
    return PipelineLock(
        encoders={space: _lock_encoder(encoder) for space, encoder in encoders.items()},
        extractors=dict(extractors),
        analyzer=analyzer,
        libraries=library_versions(LIBRARIES),
        reranker=None if reranker is None else _lock_reranker(*reranker),
    )


def _lock_reranker(name: str, reranker: Reranker) -> RerankerLock:
    reranker.load()
    return RerankerLock(name, dict(reranker.weights), library_versions(reranker.libraries))


# Settings that came after digests were first made, with the values that change nothing.
_ADDED_LATER: dict[str, object] = {
    "plugins": {},
    "ocr_language": "",
    "ocr_models": "",
    "speech": "auto",
    "speech_model": "",
    "speech_language": "",
    "frames_per_minute": 10,
    "max_seconds": 43_200.0,
}


_ADDED_LATER_TO_SPACES: dict[str, object] = {
    "pooling": msgspec.to_builtins(PoolingSpec()),
    "dim": 0,
    "dtype": "auto",
    "backend": "auto",
    "trust_remote_code": False,
    "sight": False,
}


def generation_digest(spec: PipelineSpec, lock: PipelineLock) -> str:
    """Return 16 hex digits that name what the index holds.

    Search settings, library versions and golden rows are left out: they change no stored byte.
    """
    parts = msgspec.to_builtins(spec)
    del parts["search"], parts["maxsim"], parts["name"]
    for name, value in _ADDED_LATER.items():
        if parts["extract"][name] == value:
            del parts["extract"][name]  # digests from before there was such a setting stay
    for name, space in parts["spaces"].items():
        space["sight"] = spec.spaces[name].sees
        del space["weight"]  # of a search
        for field, value in _ADDED_LATER_TO_SPACES.items():
            if space[field] == value:
                del space[field]
    parts["lexical"] = {"enabled": spec.lexical.enabled}
    encoders = {space: _shaping(encoder) for space, encoder in sorted(lock.encoders.items())}
    return digest_of([parts, encoders, lock.extractors, lock.analyzer])


def _shaping(encoder: EncoderLock) -> list[object]:
    """Return what decides an encoder's vectors; one without a rendering has the older form."""
    identity: list[object] = [encoder.name, encoder.version, encoder.dim, encoder.weights]
    return [*identity, encoder.rendering] if encoder.rendering else identity


def check_encoder(encoder: Encoder, lock: EncoderLock, *, space: str) -> None:
    """Make sure that an encoder gives the vectors that the generation was made with; loads it.

    Raises:
        PipelineMismatchError: another encoder, version or dim, or the golden rows differ.
    """
    _check_identity(encoder.info, lock, space)
    _check_rows(golden.query_rows(encoder), lock.golden, lock, f"Space {space!r}", "query")
    if lock.golden_picture:
        rows = golden.picture_rows(encoder)
        _check_rows(rows, lock.golden_picture, lock, f"Space {space!r}", "picture")
    if lock.golden_sound:
        rows = golden.sound_rows(encoder)
        _check_rows(rows, lock.golden_sound, lock, f"Space {space!r}", "sound")


def check_reranker(reranker: Reranker, lock: RerankerLock) -> None:
    """Make sure that a cross-encoder has the weights that were recorded; loads it.

    Raises:
        PipelineMismatchError: it has others.
    """
    reranker.load()
    if changed := _differences(lock.weights, reranker.weights):
        raise PipelineMismatchError(
            f"The pipeline reranks with {lock.name}, which has other weights than were recorded: "
            f"{changed}. Restore what was recorded; or release a pipeline with these weights "
            "(`latelight release start`), which reads and encodes nothing anew."
        )


def changed_libraries(then: Mapping[str, str]) -> str:
    """Return which recorded versions are not those installed now, as told; empty for none."""
    return _differences(then, library_versions(then))


def _check_rows(now: Float32Array, then: str, lock: EncoderLock, where: str, what: str) -> None:
    cosine = golden.least_cosine(now, golden.from_text(then, lock.dim))
    if cosine < golden.LEAST_COSINE:
        raise PipelineMismatchError(
            f"{where}: {lock.name} gives other vectors than those in the index (least "
            f"cosine on the golden {what} {cosine:.4f}, expected at least {golden.LEAST_COSINE}). "
            f"{_library_changes()}Restore the recorded versions, or index again."
        )


def _check_identity(info: EncoderInfo, lock: EncoderLock, space: str) -> None:
    now = (info.name, info.version, info.dim)
    then = (lock.name, lock.version, lock.dim)
    if now != then:
        raise PipelineMismatchError(
            f"Space {space!r} was indexed with encoder {then[0]} {then[1]} ({then[2]} dims); "
            f"this Latelight has {now[0]} {now[1]} ({now[2]} dims). Use the recorded version, or "
            "add the documents to a new collection."
        )
    for what, before, after in (
        ("with other weights", lock.weights, info.weights),
        ("rendered otherwise", lock.rendering, info.rendering),
    ):
        if changed := _differences(before, after):
            raise PipelineMismatchError(
                f"Space {space!r} was indexed with {lock.name} {what}: {changed}. Restore what was "
                "recorded, or add the documents to a new collection."
            )


def _differences(then: Mapping[str, str], now: Mapping[str, str]) -> str:
    names = sorted(name for name in {**then, **now} if then.get(name) != now.get(name))
    return "; ".join(
        f"{name} was {then.get(name, 'not set')!r} and is {now.get(name, 'not set')!r}"
        for name in names
    )


def _lock_encoder(encoder: Encoder) -> EncoderLock:
    encoder.load()
    query, picture = golden.query_rows(encoder), golden.picture_rows(encoder)
    sound = golden.sound_rows(encoder)
    info = encoder.info
    return EncoderLock(
        name=info.name,
        version=info.version,
        dim=info.dim,
        weights=dict(info.weights),
        golden=golden.to_text(query),
        rendering=dict(info.rendering),
        golden_picture=golden.to_text(picture) if len(picture) else "",
        golden_sound=golden.to_text(sound) if len(sound) else "",
        libraries=library_versions(info.libraries),
    )


def library_versions(names: Iterable[str]) -> dict[str, str]:
    """Return the installed version of each package, `not installed` without one."""
    found: dict[str, str] = {}
    for name in names:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            found[name] = NOT_INSTALLED
    return found


def _library_changes() -> str:
    listed = ", ".join(f"{name} {number}" for name, number in library_versions(LIBRARIES).items())
    return f"Installed: {listed}. "
