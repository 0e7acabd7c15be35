"""When a call is tried again, after how long, and when it is given up."""

from collections.abc import Callable
from email.utils import formatdate

import pytest

from latelight.client.retries import Retries, persistent, retry_after
from latelight.client.steps import Answer, Attempt, Call, Pause, Step, carry_out
from latelight.errors import (
    InputError,
    LatelightError,
    NotFoundError,
    ServerBusyError,
    ServerUnreachableError,
    WriterLockedError,
)

GET: Call[None] = Call("GET", "/v1/whoami", lambda answer: None)
POST: Call[None] = Call("POST", "/v1/interactions", lambda answer: None)
KEYLESS: Call[None] = Call("POST", "/v1/interactions", lambda answer: None, key="")
GOOD = Answer(200, {}, b"{}")


def refusal(status: int, code: str, **headers: str) -> Answer:
    named = {name.replace("_", "-"): text for name, text in headers.items()}
    return Answer(status, named, f'{{"code": "{code}", "detail": "No."}}'.encode())


class World:
    """Time that passes by pauses alone, and a server with prepared answers."""

    def __init__(self, *answers: Answer | LatelightError, takes: float = 0.0) -> None:
        self.answers = list(answers)
        self.pauses: list[float] = []
        self.silences: list[float] = []
        self.now = 0.0
        self.takes = takes

    def do(self, step: Step) -> Answer | None:
        if isinstance(step, Pause):
            self.pauses.append(step.seconds)
            self.now += step.seconds
            return None
        assert isinstance(step, Attempt)
        self.silences.append(step.seconds)
        self.now += self.takes
        answer = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        if isinstance(answer, LatelightError):
            raise answer
        return answer

    def run(
        self, call: Call[None], retries: Retries, draw: Callable[[], float] = lambda: 1.0
    ) -> Answer:
        return carry_out(persistent(call, retries, clock=lambda: self.now, draw=draw), self.do)


NO_ANSWER = ServerUnreachableError("No answer.")
BUSY = refusal(503, "busy")


def test_a_good_answer_is_taken_at_once() -> None:
    world = World(GOOD)
    assert world.run(GET, Retries()) is GOOD
    assert world.pauses == []


def test_pauses_double_up_to_the_longest() -> None:
    world = World(BUSY, BUSY, BUSY, BUSY, GOOD)
    world.run(GET, Retries(first_seconds=1, longest_seconds=5))
    assert world.pauses == [1, 2, 4, 5]


def test_pauses_are_drawn_from_zero_on() -> None:
    world = World(BUSY, BUSY, GOOD)
    world.run(GET, Retries(first_seconds=1), draw=lambda: 0.25)
    assert world.pauses == [0.25, 0.5]


def test_what_the_server_asks_for_is_waited_at_least() -> None:
    world = World(refusal(429, "rate_limited", retry_after="7"), GOOD)
    world.run(GET, Retries(first_seconds=1, longest_seconds=2), draw=lambda: 0.5)
    assert world.pauses == [7.5]


def test_more_than_is_left_is_not_waited() -> None:
    world = World(refusal(503, "busy", retry_after="300"))
    with pytest.raises(ServerBusyError, match="No"):
        world.run(GET, Retries(total_seconds=60))
    assert world.pauses == []


def test_attempts_end_after_so_many() -> None:
    world = World(BUSY)
    with pytest.raises(ServerBusyError):
        world.run(GET, Retries(most=3, first_seconds=0))
    assert len(world.silences) == 4


def test_the_whole_is_bounded_and_the_last_attempt_has_what_is_left() -> None:
    world = World(NO_ANSWER, takes=25)
    with pytest.raises(ServerUnreachableError):
        world.run(GET, Retries(most=50, first_seconds=0, total_seconds=60, silent_seconds=30))
    assert world.silences == [30, 30, 10]


@pytest.mark.parametrize("call", [GET, POST])
def test_silence_is_asked_again_where_that_is_safe(call: Call[None]) -> None:
    assert World(NO_ANSWER, GOOD).run(call, Retries(first_seconds=0)) is GOOD


def test_without_a_key_nothing_is_posted_twice() -> None:
    world = World(NO_ANSWER, GOOD)
    with pytest.raises(ServerUnreachableError):
        world.run(KEYLESS, Retries(first_seconds=0))
    assert len(world.silences) == 1


@pytest.mark.parametrize(
    "answer", [refusal(404, "not_found"), refusal(500, "internal"), refusal(409, "release_state")]
)
def test_what_would_be_answered_the_same_is_asked_once(answer: Answer) -> None:
    world = World(answer, GOOD)
    with pytest.raises(LatelightError):
        world.run(GET, Retries(first_seconds=0))
    assert len(world.silences) == 1


def test_a_conflict_passes_when_the_server_says_so() -> None:
    locked = refusal(409, "writer_locked", retry_after="1")
    assert World(locked, GOOD).run(POST, Retries(first_seconds=0)) is GOOD
    with pytest.raises(WriterLockedError):
        World(refusal(409, "writer_locked")).run(POST, Retries(first_seconds=0))


def test_the_error_is_that_of_the_last_answer() -> None:
    with pytest.raises(NotFoundError):
        World(BUSY, refusal(404, "not_found")).run(GET, Retries(first_seconds=0))


@pytest.mark.parametrize(
    ("value", "expected"), [("12", 12), ("", None), ("soon", None), ("-3", None)]
)
def test_seconds_to_wait_are_read(value: str, expected: float | None) -> None:
    assert retry_after(Answer(503, {"retry-after": value}, b"")) == expected


def test_a_date_to_wait_for_is_read() -> None:
    answer = Answer(503, {"retry-after": formatdate(1000, usegmt=True)}, b"")
    assert retry_after(answer, now=lambda: 990.0) == 10
    assert retry_after(answer, now=lambda: 2000.0) == 0


@pytest.mark.parametrize(
    "given", [{"most": -1}, {"total_seconds": 0}, {"silent_seconds": -1}, {"first_seconds": -1}]
)
def test_numbers_out_of_range_are_refused(given: dict[str, float]) -> None:
    with pytest.raises(InputError, match=next(iter(given))):
        Retries(**given)  # type: ignore[arg-type]
