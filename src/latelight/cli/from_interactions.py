"""`latelight eval judgements from-interactions`: what people used, as judgements."""

from typing import Annotated, cast

import typer

from latelight.cli.judgement_sets import ReplaceOption, app, save_set
from latelight.cli.options import JsonOption, LibraryOption, NamespaceOption, open_collection
from latelight.errors import InputError
from latelight.evaluation import ClickRule
from latelight.evaluation.clicks import Estimator


@app.command("from-interactions")
def from_interactions(  # noqa: PLR0913, PLR0917  a command's options
    collection: Annotated[str, typer.Argument(help="Which collection.")],
    name: Annotated[str, typer.Option("--name", help="Of the set.")] = "interactions",
    estimator: Annotated[
        str, typer.Option("--estimator", help="coec: clicks over expected clicks; or ips.")
    ] = "coec",
    eta: Annotated[
        float, typer.Option("--eta", help="Position p is looked at with probability (1/p)**eta.")
    ] = 1.0,
    depth: Annotated[
        int, typer.Option("--depth", help="Deeper, shown counts down to the lowest click; 0: all.")
    ] = 10,
    min_impressions: Annotated[
        int, typer.Option("--min-impressions", help="Shown less often: not judged.")
    ] = 5,
    min_clicks: Annotated[
        int, typer.Option("--min-clicks", help="Used less often: not relevant.")
    ] = 2,
    levels: Annotated[
        str, typer.Option("--levels", help="The gain is how many of these are reached.")
    ] = "0.1,0.3",
    replace_set: ReplaceOption = False,
    library: LibraryOption = None,
    namespace: NamespaceOption = None,
    as_json: JsonOption = False,
) -> None:
    """Judge documents by what people used, of the searches that the collection logs.

    How often a document was used, beside how often somebody in its positions would have looked at
    it, becomes its gain; the set's source says how. `export` writes the set for others.
    """
    rule = ClickRule(
        levels=_levels(levels),
        min_impressions=min_impressions,
        min_clicks=min_clicks,
        eta=eta,
        estimator=cast("Estimator", estimator),  # the rule checks it
        depth=depth,
    )
    target = open_collection(library, collection, namespace)
    save_set(target, target.log.judge(name, rule), replace_set, as_json=as_json)


def _levels(text: str) -> tuple[float, ...]:
    try:
        return tuple(float(word) for word in text.split(","))
    except ValueError:
        raise InputError(
            f"The levels {text!r} are not numbers with commas; write for example 0.1,0.3."
        ) from None
