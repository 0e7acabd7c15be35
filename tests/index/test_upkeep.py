import threading

from latelight.index.upkeep import _Job


def test_what_is_asked_for_during_a_round_is_done_after_it():
    began, go_on, rounds = threading.Event(), threading.Event(), []

    def work():
        rounds.append(threading.current_thread().name)
        began.set()
        assert go_on.wait(30)

    job = _Job("merging", work)
    job.start()
    assert began.wait(30)
    job.start()
    job.start()
    go_on.set()
    job.join()
    assert rounds == ["merging", "merging"]


def test_a_round_does_not_begin_itself_again():
    rounds = []

    def work():
        rounds.append(1)
        job.start()

    job = _Job("flushing", work)
    job.start()
    job.join()
    assert rounds == [1]


def test_a_round_that_fails_is_told_and_the_next_one_is_made():
    faults = [ValueError("no room")]

    def work():
        if faults:
            raise faults.pop()

    job = _Job("merging", work)
    job.start()
    job.join()
    assert str(job.error) == "no room"
    job.start()
    job.join()
    assert job.error is None
