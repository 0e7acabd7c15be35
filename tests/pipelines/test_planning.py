from pathlib import Path

import numpy as np
import pytest

from latelight.app.plan import Asked, Plan, make_plan
from latelight.errors import InputError
from latelight.evaluation import Qrels
from latelight.index import SpaceSpec, Store
from latelight.index.rows import RowStore
from latelight.pipelines.planning import PlanGrid, PlanPoint, _with_front
from latelight.pipelines.reader import Reader
from latelight.pipelines.spec import PipelineSpec, SpaceSpecification
from latelight.testing.encoders import FakeEncoder
from latelight.types import CharSpan, Document, Locator, Unit

WORDS = [f"word{number}" for number in range(60)]
GRID = PlanGrid(factors=(1, 3), stores=(("int8", 2),), levels=("balanced",), k=5)


def reader(path: Path, store: RowStore = "int8") -> Reader:
    """A collection of 40 documents of 12 words each."""
    encoder = FakeEncoder(dim=32)
    made = Store.create(path, {"text": SpaceSpec(dim=32, store=store, bits=4)})
    chance = np.random.default_rng(0)
    with made.writer() as writer:
        for number in range(40):
            text = " ".join([f"name{number}", *chance.choice(WORDS, 11)])
            unit = Unit("c0", "passage", Locator(span=CharSpan(0, len(text))), text)
            document = Document(f"d{number}", f"{number}.txt", "text/plain", "00")
            writer.add(document, [unit], {"text": encoder.encode_documents([unit])}, [[]])
        writer.commit()
    spec = PipelineSpec(spaces={"text": SpaceSpecification(encoder="fake", store=store)})
    return Reader(made.snapshot(), {"text": encoder}, spec)


def asked(qrels: Qrels | None = None, space: str = "") -> Asked:
    return Asked(qrels, "nDCG@10", space, GRID, 20)


def test_uncompressed_rows_agree_with_themselves_and_pooled_ones_less(tmp_path: Path) -> None:
    heard: list[tuple[int, int]] = []
    plan = make_plan(
        reader(tmp_path / "s"), None, asked(), lambda done, total: heard.append((done, total))
    )
    assert plan.measure == "agreement@5"
    whole, pooled = plan
    assert whole.quality == pytest.approx(1.0)
    assert pooled.quality < whole.quality
    assert (whole.n_rows, pooled.n_rows) == (480, 160)
    assert pooled.bytes_per_unit < whole.bytes_per_unit
    assert heard == [(1, 2), (2, 2)]


def test_judgements_make_it_the_measure_that_was_asked_for(tmp_path: Path) -> None:
    queries = {f"t{number}": f"name{number}" for number in range(10)}
    qrels = Qrels({f"t{number}": {f"d{number}": 1} for number in range(10)})
    plan = make_plan(reader(tmp_path / "s"), queries, asked(qrels), lambda *_: None)
    assert plan.measure == "nDCG@10"
    assert plan[0].quality == pytest.approx(1.0)
    assert plan.n_queries == 10


def test_judgements_may_name_units(tmp_path: Path) -> None:
    queries = {f"t{number}": f"name{number}" for number in range(10)}
    qrels = Qrels({f"t{number}": {f"d{number}#c0": 1} for number in range(10)})
    plan = make_plan(reader(tmp_path / "s"), queries, asked(qrels), lambda *_: None)
    assert plan[0].quality == pytest.approx(1.0)
    others = Qrels({"t1": {"elsewhere": 1}})
    with pytest.raises(InputError, match=r"such as 'elsewhere', is a document .* such as 'd0#c0'"):
        make_plan(reader(tmp_path / "o"), queries, asked(others), lambda *_: None)


def test_bad_questions_are_answered_with_what_is_wrong(tmp_path: Path) -> None:
    given = reader(tmp_path / "s")
    with pytest.raises(InputError, match="No space 'look'; the collection has"):
        make_plan(given, None, asked(space="look"), lambda *_: None)
    with pytest.raises(InputError, match=r"give queries as \{topic: text\}"):
        make_plan(given, ["words"], asked(Qrels({"t": {"d1": 1}})), lambda *_: None)
    with pytest.raises(InputError, match="None of the 1 judged topics is among the 1 queries"):
        make_plan(given, {"u": "words"}, asked(Qrels({"t": {"d1": 1}})), lambda *_: None)
    with pytest.raises(InputError, match="factors from 1 on"):
        PlanGrid(factors=(0,))
    with pytest.raises(InputError, match="keeps codes alone"):
        make_plan(reader(tmp_path / "c", "codes"), None, asked(), lambda *_: None)


def point(quality: float, ms: float, n_bytes: float) -> PlanPoint:
    return PlanPoint(1, "int8", 2, "fast", quality, ms, n_bytes, 1)


def test_the_front_holds_what_nothing_beats() -> None:
    points = [point(0.9, 1, 100), point(0.9, 2, 100), point(0.8, 1, 50), point(0.7, 0.5, 200)]
    assert [one.is_best for one in _with_front(points)] == [True, False, True, True]


def test_a_plan_is_drawn(tmp_path: Path) -> None:
    pytest.importorskip("matplotlib")
    plan = Plan(tuple(_with_front([point(0.9, 1, 100), point(0.8, 1, 50)])), "nDCG@10", 3, "text")
    plan.draw(tmp_path / "plan.png")
    assert (tmp_path / "plan.png").read_bytes().startswith(b"\x89PNG")
    assert [one.bytes_per_unit for one in plan.front] == [50, 100]
