"""Train the patch encoder on pages that make_pages.py makes; go on where the last run stopped.

    python -m training.sight.train --pages DIR --backbone FILE --out DIR [--steps 4000]

`--pages` may still be filling: its folders are listed anew in every round. `--out` gets
`checkpoint.pt` every few minutes, at the end, and when asked to stop (SIGTERM); the same command
goes on from it. The rate of learning falls to nothing over `--steps`: name more of them to train
longer. Needs torch 2.13.0.
"""

import argparse
import queue
import signal
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch

from latelight.encoders.sight.vocabulary import ATTRIBUTES, KINDS
from training.sight.dataset import batches, read_pages, varied
from training.sight.losses import Batch, losses, stacked
from training.sight.make_pages import wait_while
from training.sight.network import Shape, Sight, load_backbone

RATE, BACKBONE_SHARE, DECAY = 1.5e-3, 0.35, 0.01
WARM_STEPS, LOWEST_SHARE = 60, 0.02
KEPT = 0.99  # of the averaged weights, at each step
TOLD_EVERY = 20


@dataclass(frozen=True)
class Options:
    """How to train."""

    pages: Path
    out: Path
    steps: int
    batch: int
    seed: int
    save_seconds: float
    pause: Path | None


class Run:
    """A model in training: its averaged twin, its optimiser, how far it is."""

    def __init__(self, backbone: Path, *, whole: bool) -> None:
        shape = Shape(len(KINDS), len(ATTRIBUTES))
        self.model, self.average = Sight(shape), Sight(shape)
        load_backbone(self.model, backbone)
        if not whole:
            self.model.freeze_early()
        self.average.load_state_dict(self.model.state_dict())
        self.model.to(memory_format=torch.channels_last)
        self.optimizer = torch.optim.AdamW(self._groups(), lr=RATE, weight_decay=DECAY)
        self.step, self.round = 0, 0

    def _groups(self) -> list[dict[str, object]]:
        named = [(n, p) for n, p in self.model.named_parameters() if p.requires_grad]
        early = [p for n, p in named if n.startswith(("_blocks", "_conv", "_bn"))]
        late = [p for n, p in named if not n.startswith(("_blocks", "_conv", "_bn"))]
        return [
            {"params": early, "share": BACKBONE_SHARE},
            {"params": late, "share": 1.0},
        ]

    def learn(self, batch: Batch, rate: float) -> np.ndarray:
        """Take one step; return the three losses."""
        for group in self.optimizer.param_groups:
            group["lr"] = rate * group["share"]
        self.model.train()
        parts = losses(self.model(batch.pixels), batch)
        self.optimizer.zero_grad(set_to_none=True)
        parts.sum().backward()
        torch.nn.utils.clip_grad_norm_(self.model.parameters(), 5.0)
        self.optimizer.step()
        self.step += 1
        self._take_average()
        found: np.ndarray = parts.detach().numpy().copy()
        return found

    @torch.no_grad()
    def _take_average(self) -> None:
        kept = min(KEPT, self.step / (self.step + 10))
        own = self.model.state_dict()
        for name, value in self.average.state_dict().items():
            if value.dtype.is_floating_point:
                value.lerp_(own[name].contiguous(), 1 - kept)
            else:
                value.copy_(own[name])

    def save(self, path: Path) -> None:
        """Write everything that going on needs; the old file stays until the new one is whole."""
        state = {
            "model": self.model.state_dict(), "average": self.average.state_dict(),
            "optimizer": self.optimizer.state_dict(), "step": self.step, "round": self.round,
        }  # fmt: skip
        part = path.with_suffix(".part")
        torch.save(state, part)
        part.replace(path)

    def go_on(self, path: Path) -> None:
        """Read what `save` wrote, if it is there."""
        if not path.exists():
            return
        state = torch.load(path, map_location="cpu", weights_only=True)
        self.model.load_state_dict(state["model"])
        self.average.load_state_dict(state["average"])
        if len(state["optimizer"]["state"]) == sum(len(g["params"]) for g in
                                                   self.optimizer.param_groups):  # fmt: skip
            self.optimizer.load_state_dict(state["optimizer"])
        self.step, self.round = int(state["step"]), int(state["round"])


def rate_at(step: int, n_steps: int) -> float:
    """Return the rate of learning: rising at first, then falling along a cosine."""
    warm = min(1.0, (step + 1) / WARM_STEPS)
    done = min(1.0, step / max(1, n_steps))
    return RATE * warm * (LOWEST_SHARE + (1 - LOWEST_SHARE) * 0.5 * float(1 + np.cos(np.pi * done)))


def shown(run: Run, options: Options) -> Iterator[Batch]:
    """Yield batches without end; the pages are listed anew in every round."""
    while True:
        rng = np.random.default_rng((options.seed, run.round, run.step))
        pages = read_pages(options.pages)
        if len(pages) < options.batch:
            raise SystemExit(
                f"{options.pages} holds {len(pages)} pages; expected {options.batch} or more. "
                "Make them: python -m training.sight.make_pages"
            )
        for group in batches(pages, rng, options.batch):
            yield stacked([varied(page, rng) for page in group])
        run.round += 1


def ahead(batches_of: Iterator[Batch], n: int = 2) -> Iterator[Batch]:
    """Yield batches that a thread prepares while the last one is learnt from."""
    ready: queue.Queue[Batch | BaseException] = queue.Queue(n)

    def prepare() -> None:
        try:
            for batch in batches_of:
                ready.put(batch)
        except BaseException as error:  # raised where the batches are used
            ready.put(error)

    threading.Thread(target=prepare, daemon=True).start()
    while True:
        batch = ready.get()
        if isinstance(batch, BaseException):
            raise batch
        yield batch


def train(run: Run, options: Options) -> None:
    """Train until the number of steps is reached; save now and then, and at the end."""
    checkpoint = options.out / "checkpoint.pt"
    saved, began, told = time.monotonic(), time.monotonic(), []
    stop = threading.Event()
    signal.signal(signal.SIGTERM, lambda *_: stop.set())
    for batch in ahead(shown(run, options)):
        if run.step >= options.steps or stop.is_set():
            break
        wait_while(options.pause)
        told.append(run.learn(batch, rate_at(run.step, options.steps)))
        if run.step % TOLD_EVERY == 0:
            kind, attribute, box = np.mean(told, axis=0)
            each = (time.monotonic() - began) / len(told)
            print(f"step {run.step} round {run.round} kinds {kind:.4f} attributes {attribute:.4f} "
                  f"boxes {box:.4f} {each:.2f} s a step", flush=True)  # fmt: skip
            began, told = time.monotonic(), []
        if time.monotonic() - saved > options.save_seconds:
            run.save(checkpoint)
            saved = time.monotonic()
    run.save(checkpoint)


def main() -> None:
    """Read the arguments and train."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--pages", type=Path, required=True)
    parser.add_argument("--backbone", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--steps", type=int, default=4000)
    parser.add_argument("--batch", type=int, default=4)
    parser.add_argument("--seed", type=int, default=7)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--save-seconds", type=float, default=240)
    parser.add_argument("--whole", action="store_true", help="train the earliest stages as well")
    parser.add_argument("--pause", type=Path, help="wait while this file exists")
    given = parser.parse_args()
    torch.set_num_threads(given.threads)
    torch.manual_seed(given.seed)
    given.out.mkdir(parents=True, exist_ok=True)
    run = Run(given.backbone, whole=given.whole)
    run.go_on(given.out / "checkpoint.pt")
    train(run, Options(given.pages, given.out, given.steps, given.batch, given.seed,
                       given.save_seconds, given.pause))  # fmt: skip


if __name__ == "__main__":
    main()
