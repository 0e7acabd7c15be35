from latelight.pipelines.lock import generation_digest, make_lock, parse_lock
from latelight.pipelines.spec import PipelineSpec, parse_spec
from latelight.testing.encoders import FakeEncoder

VERSIONS = {"text": "1"}


def digest(spec: PipelineSpec, *, name: str = "fake", analyzer: str = "a") -> str:
    lock = make_lock({"text": FakeEncoder(dim=16, name=name)}, VERSIONS, analyzer)
    return generation_digest(spec, lock)


def test_a_lock_reads_back() -> None:
    lock = make_lock({"text": FakeEncoder(dim=16)}, VERSIONS, "a")
    assert parse_lock(lock.to_json()) == lock


def test_what_changes_stored_bytes_changes_the_digest() -> None:
    first = digest(PipelineSpec())
    assert digest(parse_spec("extract: {passage_characters: 800}")) != first
    assert digest(parse_spec("spaces: {text: {store: float16}}")) != first
    assert digest(PipelineSpec(), name="other") != first
    assert digest(PipelineSpec(), analyzer="b") != first


def test_what_only_changes_searching_does_not() -> None:
    first = digest(PipelineSpec())
    assert digest(parse_spec("name: mine\nsearch: {k: 3, mode: bm25}")) == first
    assert digest(parse_spec("lexical: {k1: 2.0, weight: 0.5}")) == first
    assert digest(parse_spec("maxsim: {window_share: 0, context_share: 0}")) == first


def test_plugins_and_their_parameters_change_it_and_their_absence_does_not() -> None:
    plain = digest(PipelineSpec())
    assert plain == "f720f280d0b4a8bc"  # of collections made before there were plugins
    named = digest(parse_spec("extract: {plugins: {mine: {}}}"))
    other = digest(parse_spec("extract: {plugins: {mine: {parameters: {word: x}}}}"))
    assert len({plain, named, other}) == 3
