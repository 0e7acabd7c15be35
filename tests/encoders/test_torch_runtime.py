import threading
from collections.abc import Sequence
from dataclasses import dataclass, field

import pytest
from hypothesis import given
from hypothesis import strategies as st

from latelight.encoders.batching import MOST_PADDING, plan_batches
from latelight.encoders.strict_loading import check_keys, need
from latelight.encoders.torch_runtime import (
    LEAST_TOKENS,
    MEMORY_SHARE,
    MOST_TOKENS,
    Replica,
    Runner,
    budget_for,
    pick_devices,
    pick_dtype,
    replica_on,
    run_on,
)
from latelight.errors import ModelError, SettingError, WeightsNotFoundError

torch = pytest.importorskip("torch")

LENGTHS = st.lists(st.integers(1, 2000), max_size=60)


@given(LENGTHS, st.integers(1, 8000))
def test_batches_hold_every_sequence_once_within_the_budget(
    lengths: list[int], budget: int
) -> None:
    found = plan_batches(lengths, budget)
    assert sorted(i for batch in found for i in batch) == list(range(len(lengths)))
    for batch in found:
        longest = max(lengths[i] for i in batch)
        assert len(batch) == 1 or len(batch) * longest <= budget
        assert min(lengths[i] for i in batch) >= longest * (1 - MOST_PADDING)
    firsts = [lengths[batch[0]] for batch in found]
    assert firsts == sorted(firsts, reverse=True)


def test_sequences_of_equal_length_share_a_batch() -> None:
    assert plan_batches([100, 700, 98, 690, 100], 1500) == [[1, 3], [0, 4, 2]]


class FakeCard:
    """A device on which a batch of more than so many tokens does not fit."""

    def __init__(self, fits: int, bytes_per_token: int = 10) -> None:
        self.fits, self.bytes_per_token = fits, bytes_per_token
        self.tried: list[int] = []
        self.peak = 0

    def compute(self, replica: Replica["FakeCard"], numbers: Sequence[int]) -> list[int]:
        n_tokens = len(numbers) * max(self.lengths[i] for i in numbers)
        self.tried.append(n_tokens)
        if n_tokens > self.fits:
            raise torch.OutOfMemoryError("CUDA out of memory (as told by a test)")
        self.peak = max(self.peak, n_tokens * self.bytes_per_token)
        return [self.lengths[i] for i in numbers]

    lengths: Sequence[int] = ()


def run(card: FakeCard, lengths: Sequence[int], budget: int) -> dict[int, int]:
    card.lengths = lengths
    runner = Runner([Replica(card, "cpu", budget=budget)])
    found: dict[int, int] = {}
    for numbers, results in runner.run(lengths, card.compute):
        found.update(zip(numbers, results, strict=True))
    return found


def test_a_batch_that_does_not_fit_is_halved_and_everything_goes_on() -> None:
    lengths = [100] * 16
    card = FakeCard(fits=500)
    assert run(card, lengths, budget=1600) == dict(enumerate(lengths))
    assert card.tried[:3] == [1600, 800, 400], "halved twice"
    assert max(card.tried[3:]) <= 400, "and not tried larger again"


def test_later_batches_keep_to_what_fitted() -> None:
    lengths = [400] * 8 + [50] * 32
    card = FakeCard(fits=1700)
    assert run(card, lengths, budget=3200) == dict(enumerate(lengths))
    assert sum(n > card.fits for n in card.tried) == 1


def test_a_single_input_that_does_not_fit_is_an_error_with_a_remedy() -> None:
    with pytest.raises(ModelError, match=r"input of 900 tokens does not fit .*dtype bfloat16"):
        run(FakeCard(fits=500), [900, 100], budget=2000)


def test_other_errors_are_passed_on() -> None:
    def fail(replica: Replica[None], numbers: Sequence[int]) -> None:
        raise RuntimeError("something else")

    with pytest.raises(RuntimeError, match="something else"):
        list(Runner([Replica(None, "cpu")]).run([1, 2], fail))


@dataclass
class FakeMemory:
    """What a card tells of its memory."""

    card: FakeCard
    free: int
    begun: int = 0

    def begin(self) -> None:
        self.begun += 1
        self.card.peak = 0

    def peak_bytes(self) -> int:
        return self.card.peak

    def free_bytes(self) -> int:
        return self.free


def test_the_batch_size_follows_from_what_one_input_took() -> None:
    card = FakeCard(fits=10**9, bytes_per_token=100)
    card.lengths = [700, 1000, 650]
    memory = FakeMemory(card, free=1_000_000)
    replica = Replica(card, "cpu", memory=memory)
    runner = Runner([replica])
    list(runner.run(card.lengths, card.compute))
    assert replica.budget == int(1_000_000 * MEMORY_SHARE / 100) == 6000
    list(runner.run(card.lengths, card.compute))
    assert memory.begun == 1, "probed once"
    assert budget_for(10**9, 10, 100) == LEAST_TOKENS
    assert budget_for(1, 10, 10**12) == MOST_TOKENS


def test_much_longer_inputs_are_probed_again_and_what_did_not_fit_is_remembered() -> None:
    card = FakeCard(fits=7000, bytes_per_token=100)
    memory = FakeMemory(card, free=2_000_000)
    replica = Replica(card, "cpu", memory=memory)
    runner = Runner([replica])
    card.lengths = [100] * 100
    list(runner.run(card.lengths, card.compute))
    assert (memory.begun, replica.n_probed, replica.budget) == (1, 100, 5000), "10,000 was too much"
    card.lengths = [199]
    list(runner.run(card.lengths, card.compute))
    assert memory.begun == 1
    card.lengths = [4000, 100]
    list(runner.run(card.lengths, card.compute))
    assert (memory.begun, replica.n_probed, replica.budget) == (2, 4000, 5000)


def test_an_input_that_does_not_fit_when_it_is_probed_is_an_error_with_a_remedy() -> None:
    card = FakeCard(fits=500)
    card.lengths = [900]
    runner = Runner([Replica(card, "cpu", memory=FakeMemory(card, free=10**6))])
    with pytest.raises(ModelError, match=r"input of 900 tokens does not fit .*dtype bfloat16"):
        list(runner.run(card.lengths, card.compute))


class Still:
    """What `run_on` needs of a model."""

    def to(self, device: str) -> "Still":
        return self


@pytest.mark.parametrize("is_stateless", [True, False])
def test_on_the_processor_a_query_need_not_wait_for_a_batch_of_a_stateless_model(
    is_stateless: bool,
) -> None:
    runner = run_on(Still(), ["cpu"], is_stateless=is_stateless)
    inside, outside = threading.Event(), threading.Event()

    def batch(replica: Replica[Still], numbers: Sequence[int]) -> bool:
        inside.set()
        return outside.wait(timeout=1 if not is_stateless else 20)

    def query(replica: Replica[Still], numbers: Sequence[int]) -> None:
        outside.set()

    ended: list[bool] = []
    thread = threading.Thread(target=lambda: ended.extend(r for _, r in runner.run([9], batch)))
    thread.start()
    assert inside.wait(timeout=20)
    list(runner.run([1], query))
    thread.join()
    assert ended == [is_stateless], "while the batch ran, or after it"
    card = run_on(Still(), ["cuda:0"], is_stateless=True).replicas[0]
    assert type(card.lock) is type(threading.Lock())


def test_a_budget_of_its_users_own_is_not_probed() -> None:
    assert replica_on(None, "cuda:0").memory is not None
    told = replica_on(None, "cuda:0", 512)
    assert (told.memory, told.budget) == (None, 512)


@dataclass
class Meeting:
    """A model that waits until all its copies run at the same time."""

    barrier: threading.Barrier
    seen: list[str] = field(default_factory=list)


def test_several_devices_work_at_the_same_time() -> None:
    meeting = Meeting(threading.Barrier(2, timeout=20))

    def compute(replica: Replica[Meeting], numbers: Sequence[int]) -> list[int]:
        replica.model.barrier.wait()
        replica.model.seen.append(replica.device)
        return list(numbers)

    replicas = [Replica(meeting, f"fake:{i}", budget=10) for i in range(2)]
    found = [n for _, r in Runner(replicas).run([10] * 4, compute) for n in r]
    assert sorted(found) == [0, 1, 2, 3]
    assert sorted(meeting.seen) == ["fake:0", "fake:0", "fake:1", "fake:1"]


def test_devices_and_number_types_by_name(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 2)
    assert pick_devices("auto") == ("cuda:0", "cuda:1")
    assert pick_devices("cuda:1, cpu") == ("cuda:1", "cpu")
    with pytest.raises(SettingError, match="'cuda:7' is not on this machine"):
        pick_devices("cuda:7")
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    assert pick_devices("auto") == ("cpu",)
    with pytest.raises(SettingError, match="'cuda' is not on this machine"):
        pick_devices("cuda")
    assert pick_dtype("auto", "cpu") == "float32"
    monkeypatch.setattr(torch.cuda, "is_bf16_supported", lambda: False)
    assert pick_dtype("auto", "cuda:0") == "float16"
    with pytest.raises(SettingError, match="dtype is 'int4'"):
        pick_dtype("int4", "cpu")


def test_every_device_is_looked_for_by_its_whole_name(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 2)
    for wanted in ("cpu:3", "cuda:9", "cuda:0,cuda:9", "cuda:0,"):
        with pytest.raises(SettingError, match="expected auto, or some of: cpu, cuda:0, cuda:1"):
            pick_devices(wanted)


def test_keys_that_are_not_as_they_should_be_are_named() -> None:
    fine = {"missing_keys": {"lm_head.weight"}, "unexpected_keys": {"a.rotary_emb.inv_freq"}}
    check_keys("m", fine)
    check_keys("m", {"missing_keys": {"proj.weight"}}, may_lack=("proj.",))
    for told, says in (
        ({"missing_keys": {"a.b"}}, "m lacks the weights a.b"),
        ({"unexpected_keys": {"a.b"}}, "does not know: a.b"),
        ({"mismatched_keys": [("a.b", (1,), (2,))]}, "another shape than its architecture for a.b"),
    ):
        with pytest.raises(ModelError, match=says):
            check_keys("m", told)


def test_a_missing_library_is_named_with_the_extra() -> None:
    with pytest.raises(WeightsNotFoundError, match=r"pip install latelight\[models\]"):
        need("numpy", "no-such-library-at-all")
