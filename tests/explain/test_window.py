from latelight.explain.window import best_window
from latelight.types import CharSpan

TABLE = "Job finished cost " * 10 + "compressor April 18,450 crowns " + "and so on " * 20


def shown(text: str, marks: list[tuple[str, float]], size: int) -> str:
    spans = [(CharSpan(text.index(m), text.index(m) + len(m)), weight) for m, weight in marks]
    window = best_window(text, sorted(spans), size)
    return text[window.start : window.end]


def test_what_follows_a_mark_is_shown_as_well_as_what_stands_before() -> None:
    assert "April 18,450" in shown(TABLE, [("compressor", 1.0)], 60)


def test_slight_marks_at_the_edge_give_way_to_context() -> None:
    text = "the beginning is far away from here, and then compressor April 18,450 crowns were paid"
    assert "18,450" in shown(text, [("the beginning", 0.01), ("compressor", 1.0)], 58)


def test_a_mark_longer_than_the_window_is_cut() -> None:
    assert len(shown("x" * 300, [("x" * 200, 1.0)], 50)) == 50


def test_of_equal_runs_the_earliest_is_shown() -> None:
    text = "alpha " + "z " * 100 + "omega"
    assert shown(text, [("alpha", 1.0), ("omega", 1.0)], 40).startswith("alpha")
