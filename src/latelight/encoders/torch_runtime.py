"""How torch runs a model: devices, number types, batches that fit the memory.

Torch comes with the extra `latelight[models]` and is imported only when a model is loaded.
"""

import copy
import gc
import queue
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass, field
from typing import Any, Generic, Protocol, TypeVar

from latelight.encoders.batching import plan_batches
from latelight.errors import ModelError, SettingError

DTYPES = ("float32", "bfloat16", "float16")
CPU_TOKENS = 4_096
"""Tokens of a batch on the processor: larger ones gain nothing there."""
LEAST_TOKENS = 256
MOST_TOKENS = 262_144
"""Of a batch on any device: its rows also lie in the machine's own memory."""
MEMORY_SHARE = 0.6
"""Of the free memory that batches may fill; the rest is for lengths that need more."""
_PROBE_AGAIN = 2  # times the length that was probed: longer inputs need more for each token

Model = TypeVar("Model")
Result = TypeVar("Result")


# -- devices ----------------------------------------------------------------------------------


def pick_devices(wanted: str) -> tuple[str, ...]:
    """Return the devices that `wanted` names: every one gets a copy of the model.

    Args:
        wanted: `auto` (every graphics card, else the processor), `cpu`, `cuda` (every card),
            `cuda:1`, `mps`, or several with commas.

    Raises:
        SettingError: one of them is not on this machine.
    """
    cards = tuple(f"cuda:{i}" for i in range(_n_cards()))
    if wanted == "auto":
        return cards or ("cpu",)
    chosen: list[str] = []
    for name in wanted.split(","):
        found = cards if name.strip() == "cuda" else (name.strip(),)
        if not found or not _is_there(found[0], cards):
            there = ", ".join(("cpu", *cards, *(("mps",) if _has_mps() else ())))
            raise SettingError(
                f"The device {name.strip()!r} is not on this machine; expected auto, or some of: "
                f"{there}. Correct device, or LATELIGHT_DEVICE."
            )
        chosen += found
    return tuple(dict.fromkeys(chosen))


def _n_cards() -> int:
    import torch

    return int(torch.cuda.device_count()) if torch.cuda.is_available() else 0


def _has_mps() -> bool:
    import torch

    return bool(torch.backends.mps.is_available())


def _is_there(name: str, cards: Sequence[str]) -> bool:
    return name == "cpu" or name in cards or (name == "mps" and _has_mps())


def pick_dtype(wanted: str, device: str) -> str:
    """Return the number type of weights and activations: `auto` is float32 on the processor.

    On graphics cards `auto` is bfloat16, and float16 on those that cannot do it.

    Raises:
        SettingError: it is none of them.
    """
    if wanted in DTYPES:
        return wanted
    if wanted != "auto":
        raise SettingError(f"dtype is {wanted!r}; expected auto, {', '.join(DTYPES)}.")
    if not device.startswith("cuda"):
        return "float32"
    import torch

    return "bfloat16" if torch.cuda.is_bf16_supported() else "float16"


def limit_threads(devices: Sequence[str], n_threads: int) -> None:
    """Let torch use so many threads from now on, where the processor runs a model; 0 for all."""
    if n_threads and "cpu" in devices:
        import torch

        torch.set_num_threads(n_threads)


@contextmanager
def cpu_threads(n_threads: int) -> Iterator[None]:
    """Let torch use so many threads within this; 0 leaves its own choice."""
    import torch

    before = torch.get_num_threads()
    if n_threads:
        torch.set_num_threads(n_threads)
    try:
        yield
    finally:
        torch.set_num_threads(before)


# -- batches ----------------------------------------------------------------------------------


def budget_for(peak_bytes: int, n_tokens: int, free_bytes: int) -> int:
    """Return how many tokens a batch may have, from what a probe of `n_tokens` took.

    Args:
        peak_bytes: memory that the probe needed beside the weights.
        n_tokens: of the probe.
        free_bytes: of the device while nothing runs.
    """
    per_token = max(peak_bytes, 1) / max(n_tokens, 1)
    return min(max(int(free_bytes * MEMORY_SHARE / per_token), LEAST_TOKENS), MOST_TOKENS)


class Memory(Protocol):
    """The memory of one device, as far as batches need to know it."""

    def begin(self) -> None:
        """Forget the peak so far."""
        ...

    def peak_bytes(self) -> int:
        """Return the most that was taken since `begin`, beside what was taken then."""
        ...

    def free_bytes(self) -> int:
        """Return what is free now."""
        ...


class CardMemory:
    """The memory of a CUDA card."""

    def __init__(self, device: str) -> None:
        self._device = device
        self._before = 0

    def begin(self) -> None:
        """Forget the peak so far."""
        import torch

        torch.cuda.empty_cache()
        torch.cuda.reset_peak_memory_stats(self._device)
        self._before = torch.cuda.memory_allocated(self._device)

    def peak_bytes(self) -> int:
        """Return the most that was taken since `begin`, beside what was taken then."""
        import torch

        torch.cuda.synchronize(self._device)
        return int(torch.cuda.max_memory_allocated(self._device)) - self._before

    def free_bytes(self) -> int:
        """Return what is free now."""
        import torch

        torch.cuda.empty_cache()
        return int(torch.cuda.mem_get_info(self._device)[0])


@dataclass
class Replica(Generic[Model]):
    """A model on one device.

    Attributes:
        model: what a batch is run with.
        device: where it lies.
        memory: of the device; None where it is not probed.
        budget: most tokens of a batch; found by the first batch where `memory` is known, and by
            the first one of much longer inputs, halved whenever it was too much.
        n_probed: tokens of the longest input that was probed.
        n_failed: tokens of the smallest batch that did not fit; 0 while all did.
        lock: held while a batch runs: one at a time, unless the model may be run by several threads
            at once.
    """

    model: Model
    device: str
    memory: Memory | None = None
    budget: int = CPU_TOKENS
    lock: AbstractContextManager[Any] = field(default_factory=threading.Lock, repr=False)
    n_probed: int = 0
    n_failed: int = 0


def replica_on(model: Model, device: str, batch_tokens: int = 0) -> Replica[Model]:
    """Return a model's copy with what its device can tell of its memory.

    Args:
        model: on the device already.
        device: its name.
        batch_tokens: most tokens of a batch; 0 lets a card's memory be probed.
    """
    if batch_tokens:
        return Replica(model, device, budget=batch_tokens)
    memory = CardMemory(device) if device.startswith("cuda") else None
    return Replica(model, device, memory)


def run_on(
    model: Any, devices: Sequence[str], batch_tokens: int = 0, *, is_stateless: bool = False
) -> "Runner[Any]":
    """Return a runner with a copy of a torch model on each device.

    Args:
        model: on no card yet.
        devices: as `pick_devices` gives them, at least one.
        batch_tokens: as in `replica_on`.
        is_stateless: whether several threads may run it at once, so that on the processor a query
            need not wait for a batch of documents. On a card they take turns: its memory is
            counted for one.
    """
    copies = [copy.deepcopy(model) for _ in devices[1:]]
    made = [
        replica_on(one.to(device), device, batch_tokens)
        for one, device in zip((*copies, model), devices, strict=True)
    ]
    for replica in made:
        if is_stateless and replica.device == "cpu":
            replica.lock = nullcontext()
    return Runner(made)


class Runner(Generic[Model]):
    """Runs sequences of all lengths through one or several copies of a model."""

    def __init__(self, replicas: Sequence[Replica[Model]]) -> None:
        """Use these copies, at least one."""
        self._replicas: queue.SimpleQueue[Replica[Model]] = queue.SimpleQueue()
        for replica in replicas:
            self._replicas.put(replica)
        self._all = tuple(replicas)

    @property
    def replicas(self) -> tuple[Replica[Model], ...]:
        """The copies of the model."""
        return self._all

    @property
    def budget(self) -> int:
        """Most tokens of the next batch: what the tightest device takes."""
        return min(replica.budget for replica in self._all)

    def run(
        self, lengths: Sequence[int], compute: Callable[[Replica[Model], Sequence[int]], Result]
    ) -> Iterator[tuple[Sequence[int], Result]]:
        """Yield (numbers of sequences, what `compute` made of them) until all are done.

        The order is not that of the sequences. A batch that does not fit the memory is halved, and
        later ones are no larger than what fitted.

        Args:
            lengths: tokens of each sequence.
            compute: runs a batch on a copy of the model.

        Raises:
            ModelError: a single sequence does not fit.
        """
        self._probe(lengths, compute)
        planned = plan_batches(lengths, self.budget)
        if len(self._all) == 1:
            for batch in planned:
                yield from self._run_on(self._all[0], lengths, batch, compute)
            return
        with ThreadPoolExecutor(len(self._all)) as pool:
            running = [pool.submit(self._run_anywhere, lengths, b, compute) for b in planned]
            try:
                for future in running:
                    yield from future.result()
            except BaseException:
                _cancel(running)
                raise

    def _run_anywhere(
        self,
        lengths: Sequence[int],
        batch: Sequence[int],
        compute: Callable[[Replica[Model], Sequence[int]], Result],
    ) -> list[tuple[Sequence[int], Result]]:
        replica = self._replicas.get()
        try:
            return list(self._run_on(replica, lengths, batch, compute))
        finally:
            self._replicas.put(replica)

    def _run_on(
        self,
        replica: Replica[Model],
        lengths: Sequence[int],
        batch: Sequence[int],
        compute: Callable[[Replica[Model], Sequence[int]], Result],
    ) -> Iterator[tuple[Sequence[int], Result]]:
        pending = [batch]
        while pending:
            part = pending.pop()
            n_tokens = len(part) * max(lengths[i] for i in part)
            if len(part) > 1 and n_tokens > replica.budget:
                pending += _halves(part)
                continue
            try:
                with replica.lock:
                    result = compute(replica, part)
            except Exception as error:
                if not is_out_of_memory(error):
                    raise
                _check_can_shrink(part, n_tokens, replica.device, error)
            else:
                yield part, result
                continue
            # Here the error and its traceback, which hold the batch's tensors, are gone.
            replica.budget = max(n_tokens // 2, 1)
            replica.n_failed = min(replica.n_failed or n_tokens, n_tokens)
            release_memory(replica.device)
            pending += _halves(part)

    def _probe(
        self,
        lengths: Sequence[int],
        compute: Callable[[Replica[Model], Sequence[int]], Result],
    ) -> None:
        """Let every device that can be asked run the longest sequence alone, unless it did."""
        if not len(lengths):
            return
        longest = max(range(len(lengths)), key=lambda i: lengths[i])
        for replica in self._all:
            if replica.memory is None or lengths[longest] < _PROBE_AGAIN * replica.n_probed:
                continue
            try:
                with replica.lock:
                    compute(replica, [longest])  # what is allocated once and kept does not count
                    replica.memory.begin()
                    compute(replica, [longest])
                    peak = replica.memory.peak_bytes()
                    free = replica.memory.free_bytes()
            except Exception as error:
                if is_out_of_memory(error):
                    _check_can_shrink([longest], lengths[longest], replica.device, error)
                raise
            found = budget_for(peak, lengths[longest], free)
            replica.budget = min(found, replica.n_failed // 2) if replica.n_failed else found
            replica.n_probed = lengths[longest]


def is_out_of_memory(error: BaseException) -> bool:
    """Return whether an error means that a device's memory did not suffice."""
    import torch

    return isinstance(error, torch.OutOfMemoryError)


def release_memory(device: str) -> None:
    """Give back what a failed batch held."""
    gc.collect()
    if device.startswith("cuda"):
        import torch

        torch.cuda.empty_cache()


def _check_can_shrink(
    part: Sequence[int], n_tokens: int, device: str, error: BaseException
) -> None:
    if len(part) == 1:
        raise ModelError(
            f"A single input of {n_tokens:,} tokens does not fit the memory of {device} ({error}). "
            "Use a smaller number type (dtype bfloat16), another device, or a smaller model."
        ) from error


def _halves(part: Sequence[int]) -> list[Sequence[int]]:
    half = len(part) // 2
    return [part[half:], part[:half]]


def _cancel(running: Sequence[Future[Any]]) -> None:
    for future in running:
        future.cancel()
