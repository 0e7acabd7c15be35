"""`latelight experiment size`: how many callers, or sessions, an experiment needs."""

from math import ceil
from typing import Annotated, cast

import typer

from latelight.cli.console import out, print_json
from latelight.cli.options import JsonOption
from latelight.errors import InputError
from latelight.experiments.ab import TestKind
from latelight.experiments.size import Kind, Question, size


def size_of(  # noqa: PLR0913, PLR0917  a command's options
    kind: Annotated[str, typer.Option("--kind", help="ab or interleaving.")] = "ab",
    base: Annotated[
        float | None, typer.Option("--base", help="A/B: share of the version to beat.")
    ] = None,
    difference: Annotated[
        float | None, typer.Option("--difference", help="A/B: that is to be shown, such as 0.02.")
    ] = None,
    spread: Annotated[
        float | None, typer.Option("--spread", help="A/B of means: their standard deviation.")
    ] = None,
    win_share: Annotated[
        float | None,
        typer.Option("--win-share", help="Interleaving: of the sessions with a winner."),
    ] = None,
    ties: Annotated[
        float | None, typer.Option("--ties", help="Interleaving: share of sessions without one.")
    ] = None,
    test: Annotated[
        str, typer.Option("--test", help="fixed-horizon or always-valid.")
    ] = "fixed-horizon",
    alpha: Annotated[float, typer.Option("--alpha", help="Error rate of the test.")] = 0.05,
    power: Annotated[
        float, typer.Option("--power", help="Probability of showing the difference.")
    ] = 0.8,
    per_day: Annotated[
        float | None, typer.Option("--per-day", help="Callers or sessions a day; tells the days.")
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Tell how large an experiment has to be to show a difference.

    Of an always-valid test the size is that of one look; looked at before, it may well stop sooner.
    """
    _check_fits(kind, base, difference, spread, win_share, ties)
    if per_day is not None and not per_day > 0:
        raise InputError(f"--per-day is {per_day:g}; give a number above 0.")
    asked = Question(
        kind=cast("Kind", kind),  # the question checks kind and test
        base=0.5 if base is None else base,
        difference=difference or 0.0,
        spread=spread,
        win_share=0.5 if win_share is None else win_share,
        ties=ties or 0.0,
        test=cast("TestKind", test),
        alpha=alpha,
        power=power,
    )
    found = size(asked)
    days = None if per_day is None else ceil(found.total / per_day)
    if as_json:
        print_json({**found.to_dict(), "test": test, "alpha": alpha, "power": power, "days": days})
        return
    what = "callers of each arm" if found.of == "callers" else "sessions with a winner"
    together = "with ties" if found.of == "sessions" else "together"
    whole = f", {found.total:,} {together}" if found.total > found.each else ""
    time = "" if days is None else f", in {days:,} days"
    out.print(
        f"{found.each:,} {what}{whole}{time}: shown with {power:.0%} probability at level "
        f"{alpha:g} ({test})."
    )


def _check_fits(
    kind: str,
    base: float | None,
    difference: float | None,
    spread: float | None,
    win_share: float | None,
    ties: float | None,
) -> None:
    """Refuse options that are missing, or that would change nothing."""
    of_ab = {"--base": base, "--difference": difference, "--spread": spread}
    of_interleaving = {"--win-share": win_share, "--ties": ties}
    if kind not in {"ab", "interleaving"}:
        raise InputError(f"--kind is {kind!r}; give ab or interleaving.")
    if kind == "interleaving":
        needed, strange = {"--win-share": win_share}, of_ab
    else:
        level = {"--base": base} if spread is None else {}
        needed, strange = {**level, "--difference": difference}, of_interleaving
    given = [name for name, value in strange.items() if value is not None]
    if spread is not None and base is not None:
        given.append("--base beside --spread")
    if given:
        raise InputError(f"{given[0]} changes nothing with --kind {kind}; leave it out.")
    missing = [name for name, value in needed.items() if value is None]
    if missing:
        raise InputError(f"{missing[0]} is not given; --kind {kind} needs {' and '.join(needed)}.")
