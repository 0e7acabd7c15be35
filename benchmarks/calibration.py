"""Do the tests keep their stated rates, and what do they show? Simulated experiments by thousands.

    python benchmarks/calibration.py --experiments 1000

Equal versions (A/A): every test must decide in at most its alpha of the experiments, up to the
binomial interval. A candidate that is better by a known amount: how often it wins, and after how
many sessions. Comparisons of runs over topics, and guards, are calibrated the same way.
"""

import argparse
import json
import random
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import asdict, dataclass, replace
from functools import partial
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np
from circumstances import circumstances

from latelight.evaluation import Draws, JudgementSet, Qrels, Run
from latelight.evaluation.distributions import exact_interval
from latelight.evaluation.significance import paired_t, randomisation
from latelight.experiments import (
    ArmSeen,
    Cascade,
    ClickModel,
    Design,
    Outcome,
    Paper,
    PositionBased,
    RateGuard,
    Reading,
    Traffic,
    read_ab,
    simulate_ab,
    simulate_interleaving,
)

N_TOPICS, DEPTH = 50, 10
USERS: dict[str, ClickModel] = {"position-based": PositionBased(), "cascade": Cascade()}


@dataclass(frozen=True)
class Row:
    """One design under one truth.

    Attributes:
        truth: `equal` or `better`.
        design: what was run.
        n: experiments.
        decided: share that decided; under `equal` each is an error.
        low, high: binomial interval of that share, 95 %.
        stated: the rate that must not be exceeded (equal) or None.
        right: share that decided for the better side, None under `equal`.
        median_n: sessions or topics until the decision or the end, median.
    """

    truth: str
    design: str
    n: int
    decided: float
    low: float
    high: float
    stated: float | None
    right: float | None
    median_n: float

    @property
    def keeps(self) -> bool:
        """Whether the stated rate lies not below the binomial interval."""
        return self.stated is None or self.low <= self.stated


def main(arguments: Sequence[str] | None = None) -> dict[str, Any]:
    """Run the simulations, print the table, write and return the result."""
    given = _parser().parse_args(arguments)
    rows = []
    for row in calibrate(given.experiments, given.sessions, given.alpha, given.processes):
        rows.append(row)
        print(_line(row), flush=True)
    result = {
        **circumstances("calibration", 0),
        "alpha": given.alpha,
        "sessions": given.sessions,
        "rows": [asdict(row) | {"keeps": row.keeps} for row in rows],
    }
    given.out.parent.mkdir(parents=True, exist_ok=True)
    given.out.write_text(json.dumps(result, indent=1) + "\n")
    return result


def calibrate(n: int, sessions: int, alpha: float, processes: int) -> Iterator[Row]:
    """Yield a row for each design and truth."""
    with ProcessPoolExecutor(processes) as pool:
        for truth, share in (("equal", 0.0), ("better", 0.3)):
            for users in USERS:
                for kind in ("a/b", "interleaving"):
                    for test in ("always-valid", "fixed-horizon"):
                        design = Design(n_sessions=sessions, test=test, alpha=alpha)
                        one = partial(experiment, kind, users, share, design)
                        found = list(pool.map(one, range(n), chunksize=10))
                        yield _row(truth, f"{kind}, {test}, {users}", found, alpha)
        for name, test in (("randomisation", _randomised), ("paired t", _t)):
            for n_topics in (15, 50, 300):
                p = list(pool.map(partial(test, n_topics), range(n), chunksize=50))
                yield _rate_row(f"comparison, {name}, {n_topics} topics", p, alpha, n_topics)
        broken = list(pool.map(partial(guard, alpha), range(n), chunksize=20))
        yield _rate_row("guard on errors, 16 looks", broken, alpha, 800)
        decided = list(pool.map(partial(returning_callers, alpha), range(n), chunksize=20))
        yield _rate_row("a/b, always-valid, callers who come back, 20 looks", decided, alpha, 1000)


def experiment(kind: str, users: str, share: float, design: Design, seed: int) -> Outcome:
    """Return one simulated experiment; `share` of the topics are better in b."""
    paper = made_paper(share, seed, USERS[users])
    design = replace(design, seed=seed)
    return simulate_ab(paper, design) if kind == "a/b" else simulate_interleaving(paper, design)


def made_paper(share: float, seed: int, users: ClickModel) -> Paper:
    """Return two runs of equal quality, of which b is lifted in a share of the topics.

    Topics come in pairs: what is a's ranking in one is b's in the other, so that neither side has
    anything ahead, whatever the users and the method do. (Two rankings that merely have the
    relevant document at the same place are not equal to an interleaving: whose turn it is there
    depends on what lies above.) The lift puts the relevant document first.
    """
    generator = random.Random(seed)
    gains, in_a, in_b = {}, {}, {}
    for number in range(0, N_TOPICS, 2):
        orders = [_order(generator) for _ in "ab"]
        for topic, (one, two) in ((number, orders), (number + 1, orders[::-1])):
            gains[f"q{topic}"] = {f"q{topic}d0": 1}
            in_a[f"q{topic}"] = _ranking(topic, one)
            in_b[f"q{topic}"] = _ranking(topic, two)
    for topic in range(round(share * N_TOPICS)):
        found = in_b[f"q{topic}"]
        order = [int(doc.rpartition("d")[2]) for doc, _ in found]
        in_b[f"q{topic}"] = _ranking(topic, [0, *(i for i in order if i)])
    judged = JudgementSet("made", dict.fromkeys(gains, "text"), Qrels(gains))
    return Paper(judged, Run(in_a, "a"), Run(in_b, "b"), users)


def guard(alpha: float, seed: int) -> float:
    """Return 0 when a guard breaks at any of its looks although nothing is wrong, else 1."""
    generator = random.Random(seed)
    rule = RateGuard("errors", allowed=0.0, alpha=alpha)
    live = Traffic(2000, sum(generator.random() < 0.05 for _ in range(2000)))
    errors = 0
    for n in range(1, 801):
        errors += generator.random() < 0.05
        if n % 50 == 0 and rule.check(live, Traffic(n, errors)).state == "broken":
            return 0.0
    return 1.0


def returning_callers(alpha: float, seed: int, by_caller: bool = True) -> float:
    """Return 0 when an A/B test decides at any of its looks although both versions are equal.

    Callers are of very different habits and come back, so that what one amounts to changes between
    looks.

    Args:
        alpha: of the test.
        seed: of everything drawn.
        by_caller: a caller is one observation, as `read_ab` has it; else each search is one.
    """
    generator = random.Random(seed)
    habits: list[tuple[int, float]] = []
    counts: list[dict[int, list[int]]] = [{}, {}]
    for search in range(1, 1001):
        if not habits or generator.random() < 0.1:
            habits.append((generator.randrange(2), generator.betavariate(0.5, 0.7)))
        caller = generator.randrange(len(habits))
        side, used = habits[caller]
        own = counts[side].setdefault(caller, [0, 0])
        own[0] += 1
        own[1] += generator.random() < used
        if search % 50 == 0:
            a, b = (_arm(side, by_caller) for side in counts)
            if read_ab(a, b, 0.5, Reading(alpha=alpha, min_callers=20)).decision != "undecided":
                return 0.0
    return 1.0


def _arm(counts: dict[int, list[int]], by_caller: bool) -> ArmSeen:
    callers = tuple((n, used) for n, used in counts.values())
    if by_caller:
        return ArmSeen(callers)
    return ArmSeen(tuple((1, int(i < used)) for n, used in callers for i in range(n)))


def _order(generator: random.Random) -> list[int]:
    return generator.sample(range(DEPTH), DEPTH)


def _ranking(topic: int, order: Sequence[int]) -> tuple[tuple[str, float], ...]:
    return tuple((f"q{topic}d{i}", float(-rank)) for rank, i in enumerate(order))


def _differences(n_topics: int, seed: int) -> list[float]:
    """Return differences as measures give them: most are 0, the others skewed, none on average."""
    generator = np.random.default_rng(seed)
    sizes = generator.exponential(0.2, n_topics) * (generator.random(n_topics) < 0.4)
    return list(sizes * generator.choice((-1.0, 1.0), n_topics))


def _randomised(n_topics: int, seed: int) -> float:
    return randomisation(_differences(n_topics, seed), Draws(2000, seed)).p


def _t(n_topics: int, seed: int) -> float:
    return paired_t(_differences(n_topics, seed)).p


def _row(truth: str, design: str, found: Sequence[Outcome], alpha: float) -> Row:
    decided = sum(one.decision != "undecided" for one in found)
    low, high = exact_interval(decided, len(found))
    return Row(
        truth=truth,
        design=design,
        n=len(found),
        decided=decided / len(found),
        low=low,
        high=high,
        stated=alpha if truth == "equal" else None,
        right=None if truth == "equal" else sum(o.decision == "b" for o in found) / len(found),
        median_n=median(one.n_sessions for one in found),
    )


def _rate_row(design: str, p_values: Sequence[float], alpha: float, n: int) -> Row:
    decided = sum(p <= alpha for p in p_values)
    low, high = exact_interval(decided, len(p_values))
    share = decided / len(p_values)
    return Row("equal", design, len(p_values), share, low, high, alpha, None, n)


def _line(row: Row) -> str:
    told = (
        "" if row.stated is None else f"stated {row.stated:.3f} {'kept' if row.keeps else 'BROKEN'}"
    )
    right = "" if row.right is None else f"right {row.right:.3f}"
    return (
        f"{row.truth:7} {row.design:45} {row.n:5}  decided {row.decided:.3f} "
        f"[{row.low:.3f}, {row.high:.3f}]  {told}{right}  n {row.median_n:g}"
    )


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--experiments", type=int, default=1000)
    parser.add_argument("--sessions", type=int, default=1500, help="of each, at most")
    parser.add_argument("--alpha", type=float, default=0.05)
    parser.add_argument("--processes", type=int, default=2)
    parser.add_argument("--out", type=Path, default=Path("build/calibration.json"))
    return parser


if __name__ == "__main__":
    main()
