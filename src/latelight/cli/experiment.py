"""`latelight experiment`: online experiments, first of all on paper."""

from collections import Counter
from dataclasses import replace
from pathlib import Path
from statistics import median
from typing import Annotated, Any, cast

import typer

from latelight.cli import ab
from latelight.cli.console import out, print_json, table
from latelight.cli.judging import (
    JudgementsOption,
    SplitOption,
    TopicsOption,
    Where,
    open_judgements,
    open_runs,
)
from latelight.cli.options import JsonOption, LibraryOption, NamespaceOption, open_collection
from latelight.cli.release import print_counted
from latelight.cli.size import size_of
from latelight.errors import InputError
from latelight.evaluation import JudgementSet
from latelight.evaluation.distributions import exact_interval
from latelight.experiments import (
    Design,
    Outcome,
    Paper,
    click_model,
    simulate_ab,
    simulate_interleaving,
)
from latelight.experiments.ab import TestKind
from latelight.experiments.interleaving import Method
from latelight.experiments.simulate import Decision

app = typer.Typer(no_args_is_help=True, help="Try versions on users.")
app.command("start")(ab.start)
app.command("status")(ab.status)
app.command("stop")(ab.stop)
app.command("list")(ab.list_experiments)
app.command("export")(ab.export)
app.command("size")(size_of)

_KINDS = {"interleaving": simulate_interleaving, "ab": simulate_ab}


@app.command("simulate")
def simulate(  # noqa: PLR0913, PLR0917  a command's options
    live: Annotated[Path, typer.Argument(help="The TREC run of the live version (a).")],
    candidate: Annotated[Path, typer.Argument(help="The TREC run of the candidate (b).")],
    judgements: JudgementsOption,
    topics: TopicsOption = None,
    split: SplitOption = "test",
    kind: Annotated[str, typer.Option("--kind", help="interleaving or ab.")] = "interleaving",
    clicks: Annotated[
        str, typer.Option("--clicks", help="position-based or cascade.")
    ] = "position-based",
    noise: Annotated[
        float, typer.Option("--noise", help="Clicks on what is looked at and not relevant.")
    ] = 0.05,
    test: Annotated[
        str, typer.Option("--test", help="always-valid or fixed-horizon.")
    ] = "always-valid",
    method: Annotated[
        str | None,
        typer.Option("--method", help="Interleaving: team-draft (the default) or balanced."),
    ] = None,
    sessions: Annotated[int, typer.Option("--sessions", help="At most, in one experiment.")] = 5000,
    share: Annotated[
        float | None, typer.Option("--share", help="A/B: sessions of the candidate; 0.5 without.")
    ] = None,
    alpha: Annotated[float, typer.Option("--alpha", help="Error rate of the test.")] = 0.05,
    repeat: Annotated[int, typer.Option("--repeat", help="How many experiments.")] = 20,
    seed: Annotated[int, typer.Option("--seed", help="Of everything drawn.")] = 0,
    library: LibraryOption = None,
    namespace: NamespaceOption = None,
    as_json: JsonOption = False,
) -> None:
    """Run an experiment on two runs with simulated users, several times.

    Says how often each side won, and after how many sessions: what a real experiment of this design
    can be expected to show.
    """
    _check_options(kind, method, share)
    _check_counts(sessions, repeat)
    # The design checks test and method, whatever their static type.
    design = Design(
        n_sessions=sessions,
        test=cast("TestKind", test),
        alpha=alpha,
        share=0.5 if share is None else share,
        method=cast("Method", method or "team-draft"),
        seed=seed,
    )
    click_model(clicks, noise=noise)  # before anything is read
    judged = open_judgements(judgements, topics, split, Where(library, namespace))
    (a, b), _ = open_runs([live, candidate])
    paper = Paper(judged, a, b, click_model(clicks, _max_gain(judged), noise))
    outcomes = [_KINDS[kind](paper, replace(design, seed=seed + i)) for i in range(repeat)]
    told = _summary(outcomes, a.name, b.name)
    if as_json:
        print_json({**told, "outcomes": [one.to_dict() for one in outcomes]})
        return
    shown = table("decision", "experiments", "share", "95 % interval")
    for row in told["decisions"]:
        low, high = row["interval"]
        shown.add_row(
            row["decision"], str(row["n"]), f"{row['share']:.2f}", f"[{low:.2f}, {high:.2f}]"
        )
    out.print(shown)
    out.print(
        f"Sessions until the end, median: {told['median_sessions']:,}; mean effect "
        f"{told['mean_effect']:+.4f} ({paper.users.name} users)"
    )


@app.command("report")
def report(
    collection: Annotated[str | None, typer.Argument(help="Which collection.")] = None,
    library: LibraryOption = None,
    namespace: NamespaceOption = None,
    as_json: JsonOption = False,
) -> None:
    """Tell what people did with both versions of the last release, and what that shows.

    The tests may be looked at any time; a small `ratio_p` says that the shares were not kept, and
    that nothing else should be believed.
    """
    now = open_collection(library, collection, namespace).release.status()
    if as_json:
        whole = now.to_dict()
        print_json({name: whole[name] for name in _REPORTED})
        return
    print_counted(now.to_dict())
    out.print(f"The arms got their shares: always-valid p {now.ratio_p:.3g}.")


def _check_counts(sessions: int, repeat: int) -> None:
    for name, count in (("--sessions", sessions), ("--repeat", repeat)):
        if count < 1:
            raise InputError(f"{name} is {count}; give 1 or more.")


def _check_options(kind: str, method: str | None, share: float | None) -> None:
    """Refuse options of no kind of experiment, and those that would change nothing."""
    if kind not in _KINDS:
        raise InputError(f"--kind is {kind!r}; give interleaving or ab.")
    other = {"ab": ("--method", method), "interleaving": ("--share", share)}
    name, value = other[kind]
    if value is not None:
        raise InputError(
            f"{name} is {value!r} and changes nothing with --kind {kind}; leave it out."
        )


_REPORTED = ("release", "counted", "guards", "wins", "preference_p", "ratio_p")


def _summary(outcomes: list[Outcome], a: str, b: str) -> dict[str, Any]:
    counts = Counter(one.decision for one in outcomes)
    names: dict[Decision, str] = {"b": f"{b} wins", "a": f"{a} wins", "undecided": "undecided"}
    return {
        "decisions": [
            {
                "decision": said,
                "n": counts[side],
                "share": counts[side] / len(outcomes),
                "interval": exact_interval(counts[side], len(outcomes)),
            }
            for side, said in names.items()
        ],
        "median_sessions": round(median(one.n_sessions for one in outcomes)),
        "mean_effect": sum(one.effect for one in outcomes) / len(outcomes),
    }


def _max_gain(judged: JudgementSet) -> int:
    """Return the highest gain; beyond ten, halves of halves are the same to any user."""
    highest = max(gain for docs in judged.qrels.gains.values() for gain in (*docs.values(), 1))
    return min(highest, 10)
