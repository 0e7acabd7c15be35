"""What has to be done again when documents move from one pipeline version to another."""

from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, field
from typing import Any, Literal

import msgspec

from latelight.pipelines.lock import EncoderLock, PipelineLock
from latelight.pipelines.spec import PipelineSpec, SpaceSpecification

Step = Literal["extract", "encode", "index", "search"]

_ENCODING = ("encoder", "pooling", "dim", "dtype", "backend", "trust_remote_code")
_FINENESS = {"codes": 0, "int8": 1, "float16": 2}


@dataclass(frozen=True)
class Change:
    """One setting, or one entry of the lock, that differs.

    Attributes:
        field: where it stands, such as `spaces.text.bits` or `lock.analyzer`.
        before, after: its values.
    """

    field: str
    before: Any
    after: Any


@dataclass(frozen=True)
class Steps:
    """Which steps have to be run again, each with the changes that ask for it.

    Attributes:
        extract: files are read anew; then everything is encoded anew.
        encode: by space of the second version: its rows are computed anew. Spaces whose units alone
            are new have no changes of their own.
        index: rows are written anew; they can be taken from the first version where a space is not
            encoded.
        search: nothing stored changes.
    """

    extract: tuple[Change, ...] = ()
    encode: Mapping[str, tuple[Change, ...]] = field(default_factory=dict)
    index: tuple[Change, ...] = ()
    search: tuple[Change, ...] = ()

    @property
    def again(self) -> tuple[Step, ...]:
        """The steps in their order; those after the first are run whether they changed or not."""
        if self.extract:
            return ("extract", "encode", "index")
        if self.encode:
            return ("encode", "index")
        if self.index:
            return ("index",)
        return ("search",) if self.search else ()

    @property
    def builds(self) -> bool:
        """Whether the second version needs an index of its own."""
        return bool(self.extract or self.encode or self.index)

    @property
    def said(self) -> str:
        """What is to be done, in a line."""
        spaces = ", ".join(self.encode)
        return {
            ("extract", "encode", "index"): "Read, encode and index every document again.",
            ("encode", "index"): f"Encode every document again in {spaces}; files are read again "
            "where pages and words have places.",
            ("index",): "Write the index again from the stored rows; nothing is encoded.",
            ("search",): "Nothing to build: only searches change.",
            (): "The two are the same.",
        }[self.again]

    def to_dict(self) -> dict[str, Any]:
        """Return the JSON form."""
        return {
            "again": list(self.again),
            "said": self.said,
            "extract": _listed(self.extract),
            "encode": {space: _listed(changes) for space, changes in self.encode.items()},
            "index": _listed(self.index),
            "search": _listed(self.search),
        }


def steps_between(
    spec_a: PipelineSpec,
    lock_a: PipelineLock | None,
    spec_b: PipelineSpec,
    lock_b: PipelineLock | None,
) -> Steps:
    """Return what has to be run again for version B on documents that version A holds.

    A version that needs no building has A's `generation_digest`, and only such a one.

    Args:
        spec_a, spec_b: both specs.
        lock_a, lock_b: both locks; with one missing, the specs alone are compared.
    """
    locks = None if lock_a is None or lock_b is None else (lock_a, lock_b)
    extract = _differing("extract.", _built(spec_a.extract), _built(spec_b.extract))
    if locks is not None:
        extract += _differing("lock.extractors.", locks[0].extractors, locks[1].extractors)
    encode = {name: tuple(_encoding(name, spec_a, spec_b, locks)) for name in spec_b.spaces}
    needed = {name: changes for name, changes in encode.items() if changes or extract}
    return Steps(
        extract=extract,
        encode=needed,
        index=tuple(_indexing(spec_a, spec_b, locks, frozenset(needed))),
        search=(*_searching(spec_a, spec_b), *_reranking(locks)),
    )


def _encoding(
    name: str, a: PipelineSpec, b: PipelineSpec, locks: tuple[PipelineLock, PipelineLock] | None
) -> Iterator[Change]:
    """Yield why the rows of a space of B cannot be those of A."""
    where = f"spaces.{name}"
    if name not in a.spaces:
        yield Change(where, None, _built(b.spaces[name]))
        return
    before, after = a.spaces[name], b.spaces[name]
    changed = _differing(f"{where}.", _encoded(before), _encoded(after))
    yield from changed
    if _is_finer(before, after):
        yield Change(f"{where}.store", _store(before), _store(after))
    if locks is not None and not changed:
        then, now = (_shaping(lock.encoders.get(name)) for lock in locks)
        yield from _differing(f"lock.encoders.{name}.", then, now)


def _reranking(locks: tuple[PipelineLock, PipelineLock] | None) -> tuple[Change, ...]:
    """Return how the weights that rerank differ; what was not recorded does not."""
    if locks is None or locks[0].reranker is None or locks[1].reranker is None:
        return ()
    then, now = locks[0].reranker, locks[1].reranker
    return _differing("lock.reranker.weights.", then.weights, now.weights)


def _is_finer(before: SpaceSpecification, after: SpaceSpecification) -> bool:
    """Return whether B keeps more of its rows than A did, so that A's cannot stand for them."""
    if before.store == after.store == "codes":
        return before.bits != after.bits
    return _FINENESS[after.store] > _FINENESS[before.store]


def _indexing(
    a: PipelineSpec,
    b: PipelineSpec,
    locks: tuple[PipelineLock, PipelineLock] | None,
    encoded: frozenset[str],
) -> Iterator[Change]:
    for name in a.spaces:
        if name not in b.spaces:
            yield Change(f"spaces.{name}", _built(a.spaces[name]), None)
    for name, after in b.spaces.items():
        before = a.spaces.get(name)
        if before is not None:
            changed = _differing(f"spaces.{name}.", _kept(before), _kept(after))
            # What asks for encoding was told there.
            told = name in encoded and _is_finer(before, after)
            yield from (one for one in changed if not (told and one.field.endswith(".store")))
    if a.lexical.enabled != b.lexical.enabled:
        yield Change("lexical.enabled", a.lexical.enabled, b.lexical.enabled)
    if locks is not None and locks[0].analyzer != locks[1].analyzer:
        yield Change("lock.analyzer", locks[0].analyzer, locks[1].analyzer)


def _searching(a: PipelineSpec, b: PipelineSpec) -> Iterator[Change]:
    for name, after in b.spaces.items():
        before = a.spaces.get(name)
        if before is not None and before.weight != after.weight:
            yield Change(f"spaces.{name}.weight", before.weight, after.weight)
    weighing = ("k1", "b", "weight")
    yield from _differing("lexical.", _only(a.lexical, weighing), _only(b.lexical, weighing))
    yield from _differing("maxsim.", _built(a.maxsim), _built(b.maxsim))
    yield from _differing("search.", _built(a.search), _built(b.search))


def _shaping(encoder: EncoderLock | None) -> dict[str, Any]:
    """Return what decides an encoder's vectors, as in `generation_digest`."""
    if encoder is None:
        return {}
    return _only(encoder, ("name", "version", "dim", "weights", "rendering"))


def _encoded(space: SpaceSpecification) -> dict[str, Any]:
    return {**_only(space, _ENCODING), "sight": space.sees}


def _kept(space: SpaceSpecification) -> dict[str, Any]:
    return _only(space, ("store", "bits"))


def _store(space: SpaceSpecification) -> str:
    return f"{space.store}, {space.bits} bits" if space.store == "codes" else space.store


def _only(value: msgspec.Struct, names: tuple[str, ...]) -> dict[str, Any]:
    built = _built(value)
    return {name: built[name] for name in names}


def _built(value: msgspec.Struct) -> dict[str, Any]:
    built: dict[str, Any] = msgspec.to_builtins(value)
    return built


def _differing(
    prefix: str, before: Mapping[str, Any], after: Mapping[str, Any]
) -> tuple[Change, ...]:
    names = sorted({**before, **after})
    return tuple(
        Change(f"{prefix}{name}", before.get(name), after.get(name))
        for name in names
        if before.get(name) != after.get(name)
    )


def _listed(changes: tuple[Change, ...]) -> list[dict[str, Any]]:
    return [asdict(change) for change in changes]
