from collections.abc import Mapping, Sequence
from dataclasses import replace

import pytest

from latelight.encoders.protocol import Progress, no_progress
from latelight.errors import PipelineMismatchError
from latelight.pipelines.lock import check_encoder, generation_digest, make_lock, parse_lock
from latelight.pipelines.spec import PipelineSpec, parse_spec
from latelight.testing.encoders import FakeEncoder
from latelight.testing.hearing import FakeHearingEncoder
from latelight.types import EncoderInfo, MultiVector, Unit

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
    assert digest(parse_spec("spaces: {text: {weight: 2.0}}")) == first
    assert digest(parse_spec("search: {rerank: some-model, rerank_depth: 5}")) == first
    assert digest(parse_spec("lexical: {k1: 2.0, weight: 0.5}")) == first
    assert digest(parse_spec("maxsim: {window_share: 0, context_share: 0}")) == first


def test_plugins_and_their_parameters_change_it_and_their_absence_does_not() -> None:
    before = digest(parse_spec("spaces: {text: {sight: false}}"))
    assert before == "f720f280d0b4a8bc"  # of collections made before there were plugins, or sight
    plain = digest(PipelineSpec())
    named = digest(parse_spec("extract: {plugins: {mine: {}}}"))
    other = digest(parse_spec("extract: {plugins: {mine: {parameters: {word: x}}}}"))
    assert len({plain, named, other}) == 3


def test_sight_is_the_same_whether_asked_for_or_left_to_itself() -> None:
    left, asked = PipelineSpec(), parse_spec("spaces: {text: {sight: true}}")
    assert digest(left) == digest(asked) != digest(parse_spec("spaces: {text: {sight: false}}"))


class Rendering(FakeEncoder):
    """An encoder that says what renders its vectors, and which weights it has."""

    def __init__(self, rendering: Mapping[str, str], weights: Mapping[str, str]) -> None:
        super().__init__(dim=16)
        self.own = replace(super().info, rendering=rendering, weights=weights)

    @property
    def info(self) -> EncoderInfo:
        return self.own


RENDERED = {"dtype": "float32", "query": "Query: {}"}
WEIGHTS = {"model.safetensors": "aa"}


def test_an_encoder_rendered_as_recorded_is_accepted() -> None:
    lock = parse_lock(make_lock({"look": Rendering(RENDERED, WEIGHTS)}, VERSIONS, "a").to_json())
    assert lock.encoders["look"].rendering == RENDERED
    check_encoder(Rendering(RENDERED, WEIGHTS), lock.encoders["look"], space="look")


def test_a_mismatch_is_refused_with_the_difference() -> None:
    lock = make_lock({"look": Rendering(RENDERED, WEIGHTS)}, VERSIONS, "a").encoders["look"]
    with pytest.raises(PipelineMismatchError, match="dtype was 'float32' and is 'bfloat16'"):
        check_encoder(Rendering({**RENDERED, "dtype": "bfloat16"}, WEIGHTS), lock, space="look")
    with pytest.raises(PipelineMismatchError, match=r"weights: model\.safetensors was 'aa' and is"):
        check_encoder(Rendering(RENDERED, {"model.safetensors": "bb"}), lock, space="look")


def test_what_renders_vectors_changes_the_digest() -> None:
    spec = PipelineSpec()
    one, two = (
        generation_digest(spec, make_lock({"text": Rendering(given, WEIGHTS)}, VERSIONS, "a"))
        for given in (RENDERED, {**RENDERED, "dtype": "bfloat16"})
    )
    assert one != two


class Seeing(FakeEncoder):
    """An encoder that looks at pictures: a row for each of the first bytes."""

    def __init__(self, shift: int = 0) -> None:
        super().__init__(dim=16)
        self.shift = shift

    @property
    def info(self) -> EncoderInfo:
        return replace(super().info, sees_images=True)

    def encode_documents(
        self, units: Sequence[Unit], *, progress: Progress = no_progress
    ) -> list[MultiVector]:
        words = [" ".join(str(byte + self.shift) for byte in (u.image or b"")[:64]) for u in units]
        texts = [replace(unit, text=text) for unit, text in zip(units, words, strict=True)]
        return super().encode_documents(texts, progress=progress)


def test_an_encoder_that_sees_is_also_asked_about_a_picture() -> None:
    lock = make_lock({"look": Seeing()}, VERSIONS, "a").encoders["look"]
    assert lock.golden_picture
    check_encoder(Seeing(), lock, space="look")
    with pytest.raises(PipelineMismatchError, match=r"least cosine on the golden picture -?0\.\d+"):
        check_encoder(Seeing(shift=1), lock, space="look")


def test_an_encoder_that_listens_is_also_asked_about_a_sound() -> None:
    whole = make_lock({"ears": FakeHearingEncoder(dim=16)}, VERSIONS, "a")
    assert parse_lock(whole.to_json()) == whole
    lock = whole.encoders["ears"]
    assert lock.golden_sound and not lock.golden_picture
    check_encoder(FakeHearingEncoder(dim=16), lock, space="ears")

    class Deafer(FakeHearingEncoder):
        def encode_documents(self, units: Sequence[Unit], **_: object) -> list[MultiVector]:
            quiet = [replace(one, sound=one.sound // 20_000) for one in units]  # type: ignore[operator]
            return super().encode_documents(quiet)

    with pytest.raises(PipelineMismatchError, match=r"least cosine on the golden sound -?0\.\d+"):
        check_encoder(Deafer(dim=16), lock, space="ears")


def test_locks_of_encoders_that_do_not_listen_are_written_as_before() -> None:
    assert "sound" not in make_lock({"t": FakeEncoder(dim=16)}, VERSIONS, "a").to_json()


def test_one_that_reads_alone_has_no_rows_of_it() -> None:
    assert make_lock({"t": FakeEncoder(dim=16)}, VERSIONS, "a").encoders["t"].golden_picture == ""
