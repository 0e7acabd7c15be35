"""Several queries at once: what each finds is what it finds alone."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from latelight.app import Collection, Hits, Library, engine
from latelight.errors import FilterError, InputError, QueryError
from latelight.index import Store
from latelight.index.options import DEFAULT_OPTIONS
from latelight.index.self_check import SelfCheck, SelfCheckOptions
from latelight.pipelines import query as searching
from latelight.pipelines.spec import MaxSimSpec, PipelineSpec, SpaceSpecification
from latelight.settings import Settings
from latelight.testing.encoders import FakeEncoder
from latelight.testing.files import text_pdf
from latelight.types import QueryVectors

WORDS = (
    *("tram", "ferry", "lamp", "depot", "winter", "oil", "harbour"),
    *("ticket", "rail", "storm", "keeper", "signal", "bell", "ice"),
)
TWO_SPACES = PipelineSpec(
    name="two",
    spaces={
        "first": SpaceSpecification(encoder="one"),
        "second": SpaceSpecification(encoder="other"),
    },
)


class Together(FakeEncoder):
    """Says how many queries it was given at once."""

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        self.given: list[int] = []

    def encode_queries(self, texts: Sequence[str]) -> list[QueryVectors]:
        self.given.append(len(texts))
        return [self.encode_query(text) for text in texts]


def make_encoder(name: str, **options: object) -> FakeEncoder:
    return Together(dim=64, name=name) if name == "other" else FakeEncoder(dim=64, name=name)


def records() -> list[dict[str, object]]:
    """Records of one unit, and some of several, which are long enough to have windows."""
    return [
        {
            "id": f"d{i}",
            "title": WORDS[i % 14],
            "text": " ".join(WORDS[(i * step + i // 14) % 14] for step in (1, 3, 5, 9, 11))
            * (40 if i % 10 == 0 else 1),
            "even": i % 2 == 0,
            "number": i,
        }
        for i in range(120)
    ]


@pytest.fixture(scope="module")
def kinds(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Collection]]:
    """Collections that are searched in different ways; the coded one as if it were a million."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(engine, "create_encoder", make_encoder)
        patch.setattr(searching, "SEARCHES_TOGETHER", 3)
        engine.shared_encoder.cache_clear()
        root = tmp_path_factory.mktemp("batch")
        plain = Library(root / "library", Settings(n_threads=1))
        threads = Library(root / "library", Settings(n_threads=3))
        short = PipelineSpec(name="short", maxsim=MaxSimSpec(window_rows=24))
        plain.collection("plain", create=True, pipeline=short).add(records())
        plain.collection("two", create=True, pipeline=TWO_SPACES).add(records())
        patch.setitem(vars(DEFAULT_OPTIONS), "min_coded_rows", 100)
        patch.setitem(vars(DEFAULT_OPTIONS), "log_documents", 0)
        plain.collection("coded", create=True, pipeline=TWO_SPACES).add(records())
        patch.setattr("latelight.index.candidates.FEW_ROWS", 0)
        yield {name: threads.collection(name) for name in plain.collections()}
    engine.shared_encoder.cache_clear()


def told(hits: Hits) -> tuple[object, ...]:
    stages = [(stage.name, stage.count) for stage in hits.stages]
    return hits.query, [hit.to_dict() for hit in hits], stages


@pytest.mark.parametrize("kind", ["plain", "two", "coded"])
@settings(max_examples=30, deadline=None)
@given(
    texts=st.lists(
        st.lists(st.sampled_from([*WORDS, "the", "zebra", "of"]), min_size=1, max_size=6),
        min_size=1,
        max_size=8,
    ),
    options=st.fixed_dictionaries(
        {
            "k": st.sampled_from([1, 5, 200]),
            "filter": st.sampled_from([None, {"even": True}, {"number": {"$lt": 9}}, {"no": 1}]),
            "group_by": st.sampled_from([None, "document"]),
            "explain": st.booleans(),
            "exact": st.booleans(),
            "mode": st.sampled_from(["auto", "maxsim", "bm25", "hybrid"]),
            "recall": st.sampled_from(["fast", "balanced", "best"]),
        }
    ),
)
def test_each_query_finds_what_it_finds_alone(
    kinds: dict[str, Collection], kind: str, texts: list[list[str]], options: dict[str, Any]
) -> None:
    target = kinds[kind]
    target._self_check = SelfCheck(SelfCheckOptions(n_first=0, every=1_000_000))
    queries = [" ".join(words) for words in texts]
    together = target.search_batch(queries, **options)
    alone = [target.search(query, **options) for query in queries]
    assert list(map(told, together)) == list(map(told, alone))


def test_the_kinds_are_searched_in_different_ways(kinds: dict[str, Collection]) -> None:
    names = {
        kind: {stage.name for hits in target.search_batch(["tram", "oil"]) for stage in hits.stages}
        for kind, target in kinds.items()
    }
    assert "candidates:first" in names["coded"] and "candidates:second" in names["coded"]
    assert "candidates:first" not in names["two"]
    stages = kinds["plain"].search("tram ferry", k=200).stages
    assert [stage.count > 0 for stage in stages if stage.name == "focus"] == [True]


def test_all_are_answered_from_one_state(
    kinds: dict[str, Collection], monkeypatch: pytest.MonkeyPatch
) -> None:
    looks: list[Store] = []
    real = Store.snapshot
    monkeypatch.setattr(Store, "snapshot", lambda self: looks.append(self) or real(self))
    kinds["plain"].search_batch(["tram", "oil", "ice", "bell"])
    assert len(looks) == 1


def test_queries_are_encoded_together_where_the_encoder_can(kinds: dict[str, Collection]) -> None:
    encoder = kinds["two"]._versions.live().loaded()["second"]
    assert isinstance(encoder, Together)
    encoder.given.clear()
    kinds["two"].search_batch(["tram"] * 20, k=1)
    kinds["two"].search("tram")
    assert encoder.given == [12, 8]  # four for each thread; one alone is not a batch


def test_times_of_shared_stages_are_shares(kinds: dict[str, Collection]) -> None:
    one, other = kinds["plain"].search_batch(["tram", "oil"])
    assert one.stages[0].name == "encode"
    assert one.stages[0].milliseconds == other.stages[0].milliseconds > 0


def test_a_hit_of_a_batch_shows_its_own_words(kinds: dict[str, Collection]) -> None:
    for word, hits in zip(
        ("harbour", "keeper"),
        kinds["plain"].search_batch(["harbour", "keeper"], explain=True),
        strict=True,
    ):
        assert f"[{word}]" in hits[0].snippet().plain()


def test_what_cannot_be_searched_is_refused(kinds: dict[str, Collection]) -> None:
    target = kinds["plain"]
    assert target.search_batch([]) == []
    with pytest.raises(InputError, match="list of texts"):
        target.search_batch("tram")
    for bad in ("", "...", "  "):
        with pytest.raises(QueryError):
            target.search_batch(["tram", bad])
    with pytest.raises(FilterError):
        target.search_batch(["tram"], filter={"year": {"$nope": 1}})


def test_a_stored_page_is_lit_by_a_batch(library: Library, tmp_path: Path) -> None:
    (tmp_path / "page.pdf").write_bytes(text_pdf("The ferry was refitted in winter."))
    target = library.collection("pages", create=True)
    target.add(tmp_path / "page.pdf")
    for hits in target.search_batch(["ferry", "winter"], explain=True):
        assert hits[0].heatmap().image.size[0] > 100
