"""Which steps a change of a pipeline asks for: no more than it must, no fewer than it needs."""

from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from latelight.pipelines.lock import PipelineLock, RerankerLock, generation_digest, make_lock
from latelight.pipelines.spec import PipelineSpec, parse_spec
from latelight.releases.difference import Change, Steps, steps_between
from latelight.testing.encoders import FakeEncoder

BASE = PipelineSpec()


def lock(spec: PipelineSpec, *, version: str = "1", analyzer: str = "a") -> PipelineLock:
    encoders = {
        space: FakeEncoder(dim=16, name=given.encoder) for space, given in spec.spaces.items()
    }
    return make_lock(encoders, {"text": version}, analyzer)


def steps(before: str, after: str) -> Steps:
    a, b = parse_spec(before), parse_spec(after)
    return steps_between(a, lock(a), b, lock(b))


@pytest.mark.parametrize(
    ("after", "again"),
    [
        ("", ()),
        ("name: mine", ()),
        ("search: {k: 3}", ("search",)),
        ("maxsim: {window_share: 0}", ("search",)),
        ("lexical: {k1: 2.0}", ("search",)),
        ("spaces: {text: {weight: 2.0}}", ("search",)),
        ("spaces: {text: {bits: 4}}", ("index",)),
        ("spaces: {text: {store: codes}}", ("index",)),
        ("lexical: {enabled: false}", ("index",)),
        ("spaces: {text: {store: float16}}", ("encode", "index")),
        ("spaces: {text: {encoder: minilm}}", ("encode", "index")),
        ("spaces: {text: {pooling: {method: ward}}}", ("encode", "index")),
        ("spaces: {text: {dim: 8}}", ("encode", "index")),
        ("spaces: {text: {}, other: {encoder: minilm}}", ("encode", "index")),
        ("extract: {passage_characters: 800}", ("extract", "encode", "index")),
        ("extract: {plugins: {mine: {}}}", ("extract", "encode", "index")),
    ],
)
def test_a_change_asks_for_its_step_and_those_after_it(after: str, again: tuple[str, ...]) -> None:
    assert steps("", after).again == again


def test_other_weights_that_rerank_change_searches_alone() -> None:
    spec = parse_spec("search: {rerank: judge}")
    one, other = (
        msgspec.structs.replace(lock(spec), reranker=RerankerLock("judge", {"model": digest}))
        for digest in ("aa", "bb")
    )
    found = steps_between(spec, one, spec, other)
    assert found.search == (Change("lock.reranker.weights.model", "aa", "bb"),)
    assert found.again == ("search",) and not found.builds
    assert steps_between(spec, lock(spec), spec, other).again == ()


def test_only_the_space_that_changed_is_encoded() -> None:
    two = "spaces: {text: {}, other: {encoder: minilm}}"
    found = steps(two, "spaces: {text: {}, other: {encoder: colbert-small}}")
    change = Change("spaces.other.encoder", "minilm", "colbert-small")
    assert found.encode == {"other": (change,)}


def test_new_units_are_encoded_in_every_space() -> None:
    two = "spaces: {text: {}, other: {encoder: minilm}}"
    found = steps(two, f"{two}\nextract: {{dpi: 200}}")
    assert found.encode == {"text": (), "other": ()}
    assert found.extract == (Change("extract.dpi", 150, 200),)


def test_a_space_that_goes_is_only_left_out() -> None:
    found = steps("spaces: {text: {}, other: {encoder: minilm}}", "spaces: {text: {}}")
    assert found.again == ("index",)
    assert [change.field for change in found.index] == ["spaces.other"]


def test_what_codes_left_out_cannot_be_brought_back() -> None:
    codes = "spaces: {text: {store: codes, bits: 2}}"
    assert steps(codes, "").again == ("encode", "index")
    assert steps(codes, "spaces: {text: {store: codes, bits: 4}}").again == ("encode", "index")
    assert steps("spaces: {text: {store: float16}}", codes).again == ("index",)


def test_what_is_installed_counts_as_much_as_what_is_written() -> None:
    newer = lock(BASE, version="2")
    assert steps_between(BASE, lock(BASE), BASE, newer).extract == (
        Change("lock.extractors.text", "1", "2"),
    )
    assert steps_between(BASE, lock(BASE), BASE, lock(BASE, analyzer="b")).again == ("index",)
    own = lock(BASE)
    encoders = {"text": msgspec.structs.replace(own.encoders["text"], weights={"w": "00"})}
    other = msgspec.structs.replace(own, encoders=encoders)
    assert steps_between(BASE, own, BASE, other).encode == {
        "text": (Change("lock.encoders.text.weights", {}, {"w": "00"}),)
    }
    assert steps_between(BASE, None, BASE, other).again == ()


SPACE = st.fixed_dictionaries(
    {},
    optional={
        "encoder": st.sampled_from(["latelight-small", "minilm"]),
        "store": st.sampled_from(["int8", "float16", "codes"]),
        "bits": st.sampled_from([1, 2, 3, 4]),
        "weight": st.sampled_from([1.0, 2.0]),
        "pooling": st.sampled_from([{}, {"method": "ward"}]),
        "dtype": st.sampled_from(["auto", "float32"]),
    },
)
SPECS = st.fixed_dictionaries(
    {"spaces": st.dictionaries(st.sampled_from(["text", "look"]), SPACE, min_size=1)},
    optional={
        "name": st.sampled_from(["a", "b"]),
        "extract": st.sampled_from([{}, {"dpi": 200}, {"max_pages": 7}, {"speech": "never"}]),
        "lexical": st.sampled_from([{}, {"enabled": False}, {"b": 0.5}]),
        "maxsim": st.sampled_from([{}, {"context_share": 0.0}]),
        "search": st.sampled_from([{}, {"k": 3}, {"mode": "bm25"}]),
    },
)


@given(SPECS, SPECS, st.sampled_from(["1", "2"]), st.sampled_from(["a", "b"]))
def test_something_is_built_exactly_where_the_digest_differs(
    first: dict[str, Any], second: dict[str, Any], version: str, analyzer: str
) -> None:
    a, b = msgspec.convert(first, PipelineSpec), msgspec.convert(second, PipelineSpec)
    lock_a, lock_b = lock(a), lock(b, version=version, analyzer=analyzer)
    found = steps_between(a, lock_a, b, lock_b)
    assert found.builds == (generation_digest(a, lock_a) != generation_digest(b, lock_b))
    assert set(found.encode) <= set(b.spaces)
    assert bool(found.again) == bool(found.builds or found.search)
    assert found.said
