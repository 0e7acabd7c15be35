"""Waiting for an evaluation, step by step."""

from typing import Any

import pytest

from latelight.client import evaluations
from latelight.client.calls import Place
from latelight.client.steps import Pause, Step, carry_out
from latelight.errors import LatelightError

PLACE = Place("default", "notes")


def told(state: str, error: str = "") -> dict[str, Any]:
    own = {"versions": ["live"], "measures": ["nDCG@10"], "created_at": 1.0, "updated_at": 2.0}
    return {"evaluation_id": "e1", "state": state, "error": error, "result": None, **own}


class Server:
    """Answers with one state after the other, the last for ever; keeps the pauses."""

    def __init__(self, *states: dict[str, Any]) -> None:
        self._states = list(states)
        self.pauses: list[float] = []

    def do(self, step: Step) -> Any:
        if isinstance(step, Pause):
            self.pauses.append(step.seconds)
            return None
        return self._states.pop(0) if len(self._states) > 1 else self._states[0]


def test_looks_grow_rarer_until_it_is_done() -> None:
    server = Server(*[told("waiting")] * 3, *[told("running")] * 4, told("done"))
    assert carry_out(evaluations.wait(PLACE, "e1"), server.do).state == "done"
    assert server.pauses == [0.1, 0.2, 0.4, 0.8, 1.6, 2.0, 2.0]


def test_waiting_ends_after_a_while_and_the_evaluation_goes_on() -> None:
    server = Server(told("running"))
    with pytest.raises(TimeoutError, match="e1 is not done after 0 s; it goes on"):
        carry_out(evaluations.wait(PLACE, "e1", 0), server.do)
    assert server.pauses == []


def test_a_failure_says_why() -> None:
    with pytest.raises(LatelightError, match="e1 failed on the server: no topic"):
        carry_out(evaluations.wait(PLACE, "e1"), Server(told("failed", "no topic")).do)
