import threading
import time

import pytest

from latelight.pipelines.channel import Channel, Closed


def test_values_come_out_in_order_and_then_the_end() -> None:
    channel: Channel[int] = Channel(10)
    for value in (1, 2, 3):
        channel.put(value, 1)
    channel.close()
    assert [channel.get(), channel.get(), channel.get()] == [1, 2, 3]
    with pytest.raises(Closed):
        channel.get()


def test_whoever_puts_waits_until_there_is_room() -> None:
    channel: Channel[int] = Channel(100)
    put: list[int] = []

    def fill() -> None:
        for value in range(20):
            channel.put(value, 30)
            put.append(value)

    thread = threading.Thread(target=fill)
    thread.start()
    taken = []
    while len(taken) < 20:
        time.sleep(0.002)
        assert len(put) <= len(taken) + 4
        taken.append(channel.get())
    thread.join()
    assert taken == list(range(20))
    assert channel.peak <= 100


def test_a_value_beyond_the_cap_goes_in_alone() -> None:
    channel: Channel[str] = Channel(10)
    channel.put("large", 1_000)
    thread = threading.Thread(target=channel.put, args=("small", 1))
    thread.start()
    thread.join(0.05)
    assert thread.is_alive()
    assert channel.get() == "large"
    assert channel.get(5) == "small"
    thread.join()


def test_whoever_puts_is_told_that_nobody_takes_any_more() -> None:
    channel: Channel[int] = Channel(0)
    channel.put(1, 1)
    told: list[bool] = []

    def put() -> None:
        try:
            channel.put(2, 1)
        except Closed:
            told.append(True)

    thread = threading.Thread(target=put)
    thread.start()
    channel.close()
    thread.join()
    assert told == [True]


def test_an_error_comes_after_what_was_put_before_it() -> None:
    channel: Channel[int] = Channel(10)
    channel.put(1, 1)
    channel.close(RuntimeError("the encoder broke"))
    assert channel.get() == 1
    with pytest.raises(RuntimeError, match="broke"):
        channel.get()


def test_waiting_has_an_end() -> None:
    with pytest.raises(TimeoutError):
        Channel(1).get(0.01)
