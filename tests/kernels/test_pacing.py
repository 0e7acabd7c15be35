import threading

import pytest

from latelight.kernels import pacing
from latelight.kernels.pacing import LONGEST, each, in_background, rest


@pytest.fixture
def clock(monkeypatch):
    """A clock that stands still unless somebody sleeps; `slept` are the rests."""

    class Clock:
        def __init__(self):
            self.now = 100.0
            self.slept = []

        def monotonic(self):
            return self.now

        def sleep(self, seconds):
            self.slept.append(round(seconds, 6))
            self.now += seconds

    found = Clock()
    monkeypatch.setattr(pacing, "time", found)
    return found


def test_background_work_rests_as_long_as_it_worked(clock):
    with in_background():
        for worked in (0.004, 0.0001, 0.0001, 0.001, 5.0):
            clock.now += worked
            rest()
    assert clock.slept == [0.004, 0.0012, LONGEST]


def test_elsewhere_a_rest_is_nothing(clock):
    clock.now += 1
    rest()
    with in_background():
        thread = threading.Thread(target=rest)
        clock.now += 1
        thread.start()
        thread.join()
    rest()
    assert clock.slept == []


def test_urgent_work_does_not_rest(clock):
    urgent = [False, True, False]
    with in_background(lambda: urgent.pop(0)):
        for _ in range(3):
            clock.now += 0.002
            rest()
    assert clock.slept == [0.002, 0.002]


def test_pieces_come_back_in_order_whoever_does_them(clock):
    def slow(n: int) -> int:
        clock.now += 0.001
        return n * n

    assert each(slow, range(5), 1) == each(slow, range(5), 3) == [0, 1, 4, 9, 16]
    assert clock.slept == []
    with in_background():
        assert each(slow, iter(range(3)), 1) == [0, 1, 4]
    assert clock.slept == [0.001] * 3
