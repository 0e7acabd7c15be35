"""More like this: stored rows as the query; and the maps of all rows behind a hit."""

from pathlib import Path

import numpy as np
import pytest

from latelight.app import Collection, Library, engine
from latelight.errors import InputError, NotFoundError
from latelight.pipelines.similar import MOST_ROWS, Likeness, piece_of
from latelight.pipelines.spec import PipelineSpec, SpaceSpecification
from latelight.settings import Settings
from latelight.testing.encoders import FakeEncoder
from latelight.testing.files import PdfPage, PdfText, make_pdf

TOP, BOTTOM = "harbour ferry timetable", "lighthouse keeper wages"
RECORDS = [
    {"id": "boats", "text": "The ferry leaves the harbour by timetable."},
    {"id": "lamps", "text": "The keeper of the lighthouse draws his wages."},
    {"id": "trams", "text": "A tram depot burned down."},
]


@pytest.fixture
def paper(library: Library) -> Collection:
    """A page whose halves are about different things, and a record about each."""
    target = library.collection("paper", create=True)
    page = PdfPage(texts=(PdfText(TOP, 72, 700), PdfText(BOTTOM, 72, 100)))
    target.add(make_pdf([page]), name="page.pdf", doc_id="page")
    target.add(RECORDS)
    return target


def first(target: Collection) -> str:
    return target.get("page").units[0].unit_id


@pytest.mark.parametrize("mode", ["auto", "maxsim", "bm25"])
@pytest.mark.parametrize(
    ("box", "expected"), [((0, 0, 1, 0.5), "boats"), ((0, 0.5, 1, 1), "lamps")]
)
def test_a_region_finds_what_is_like_it(
    paper: Collection, mode: str, box: tuple[float, ...], expected: str
) -> None:
    hits = paper.similar("page", first(paper), box=box, mode=mode)  # type: ignore[typeddict-item]
    assert hits[0].doc_id == expected


def test_the_unit_itself_is_not_found(paper: Collection) -> None:
    hits = paper.similar("page", first(paper), k=10)
    assert {hit.doc_id for hit in hits} == {"boats", "lamps", "trams"}


def test_words_of_a_document_are_a_region_too(paper: Collection) -> None:
    start = RECORDS[0]["text"].index("ferry")
    hits = paper.similar("boats", "c0", span=(start, start + 5), explain=True)
    assert hits.query == "ferry"
    assert hits[0].doc_id == "page"
    assert {one.token for one in hits[0].evidence} == {"ferry"}


def test_contributions_of_a_likeness_add_up(paper: Collection) -> None:
    for hit in paper.similar("page", first(paper), explain=True):
        assert sum(e.contribution for e in hit.evidence) == pytest.approx(hit.score, abs=1e-4)


def test_filters_and_depth_are_those_of_any_search(library: Library) -> None:
    target = library.collection("years", create=True)
    target.add([{"id": str(year), "text": f"lamp {year}", "year": year} for year in range(6)])
    hits = target.similar("3", "c0", filter={"year": {"$gte": 2}}, k=2)
    assert len(hits) == 2
    assert {hit.doc_id for hit in hits} < {"2", "4", "5"}


@pytest.mark.parametrize(
    ("region", "message"),
    [
        ({"box": (0.5, 0.4, 0.6, 0.41)}, "Nothing that is stored .* the box"),
        ({"box": (0.5, 0, 0.4, 1)}, "left below right"),
        ({"box": (0, 0, 1)}, "left, top, right and bottom"),
        ({"span": (4, 2)}, "the smaller one first"),
        ({"time": (1.0, 2.0)}, "seconds 1.0 to 2.0"),
        ({"box": (0, 0, 1, 1), "span": (0, 2)}, "one of box, span and time"),
        ({"k": 0}, "k is 0"),
    ],
)
def test_a_region_that_is_none_says_so(
    paper: Collection, region: dict[str, object], message: str
) -> None:
    with pytest.raises(InputError, match=message):
        paper.similar("page", first(paper), **region)  # type: ignore[arg-type]


@pytest.mark.parametrize(("doc_id", "unit_id"), [("nobody", "c0"), ("boats", "c9")])
def test_what_is_not_there_is_named(paper: Collection, doc_id: str, unit_id: str) -> None:
    with pytest.raises(NotFoundError, match=doc_id):
        paper.similar(doc_id, unit_id)


def test_a_long_unit_is_searched_with_by_few_rows(library: Library) -> None:
    target = library.collection("long", create=True)
    target.add({"id": "long", "text": " ".join(f"word{number}" for number in range(150))})
    target.add({"id": "other", "text": "word7 word140"})
    reader = target._versions.live().reader()
    piece = piece_of(reader.snapshot, list(reader.encoders), Likeness("long", "c0"))
    (vectors,) = piece.vectors.values()
    assert MOST_ROWS // 2 < len(vectors.tokens) <= MOST_ROWS
    words = [piece.text[one.span.start : one.span.end] for one in vectors.tokens if one.span]
    assert words == [one.text for one in vectors.tokens]
    assert len(target.similar("long", "c0")) == 1


def test_rows_that_are_codes_alone_serve_too(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(engine, "create_encoder", lambda *a, **k: FakeEncoder(dim=64))
    engine.shared_encoder.cache_clear()
    space = SpaceSpecification(encoder="latelight-small", store="codes", bits=4)
    spec = PipelineSpec(name="coded", spaces={"text": space})
    target = Library(tmp_path / "library", Settings(n_threads=1)).collection(
        "coded", create=True, pipeline=spec
    )
    target.add(RECORDS)
    target.add({"id": "more", "text": "the wages of a lighthouse keeper"})
    assert target.similar("more", "c0", mode="maxsim")[0].doc_id == "lamps"
    engine.shared_encoder.cache_clear()


# -- the rows behind a hit -----------------------------------------------------------------------


def test_row_maps_hold_every_row_and_agree_with_the_evidence(paper: Collection) -> None:
    hit = next(h for h in paper.search("lighthouse wages", explain=True) if h.doc_id == "page")
    (found,) = hit.row_maps()
    assert [token.text for token in found.tokens] == ["lighthouse", "wages"]
    for one in (e for e in hit.evidence if e.signal == "maxsim" and e.part == "unit"):
        row = found.similarities[one.query_row]
        assert int(np.argmax(row)) == one.row
        assert float(row[one.row]) == pytest.approx(one.similarity, abs=1e-5)
    told = found.to_dict()
    assert len(told["places"]) == len(told["similarities"][0]) == found.similarities.shape[1]
    boxes = [place["box"] for place in told["places"] if "box" in place]
    assert all(
        0 <= left < right <= 1 and 0 <= top < bottom <= 1 for left, top, right, bottom in boxes
    )


def test_hits_in_another_order_keep_their_own_maps(paper: Collection) -> None:
    hits = paper.search("lighthouse ferry", explain=True, mode="maxsim")
    turned = hits.arranged(list(reversed(hits)))
    for hit in turned:
        (own,), (same,) = hit.row_maps(), next(h for h in hits if h.doc_id == hit.doc_id).row_maps()
        assert np.array_equal(own.similarities, same.similarities)
        for one in (e for e in hit.evidence if e.part == "unit"):
            assert own.similarities[one.query_row, one.row] == pytest.approx(
                one.similarity, abs=1e-5
            )
