"""The command tree."""

import typer

from latelight import __version__
from latelight.cli import (
    add,
    bench,
    collections,
    delete,
    demo,
    doctor,
    experiment,
    explain,
    jobs,
    keys,
    mcp,
    models,
    pipeline,
    release,
    search,
    serve,
    snapshot,
    stats,
    verify,
)
from latelight.cli import eval as eval_commands

app = typer.Typer(
    name="latelight",
    help="Find text, pages and pictures by late interaction, and see why each hit matched.",
    no_args_is_help=True,
    add_completion=True,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)


def _version(value: bool) -> None:
    if value:
        typer.echo(f"latelight {__version__}")
        raise typer.Exit


@app.callback()
def _root(
    version: bool = typer.Option(
        False, "--version", callback=_version, is_eager=True, help="Print the version."
    ),
) -> None:
    """Find text, pages and pictures by late interaction, and see why each hit matched."""


app.command("demo")(demo.demo)
app.command("add")(add.add)
app.command("search")(search.search)
app.command("explain")(explain.explain)
app.command("delete")(delete.delete)
app.command("collections")(collections.collections)
app.command("stats")(stats.stats)
app.command("serve")(serve.serve)
app.command("verify")(verify.verify)
app.command("doctor")(doctor.doctor)
app.command("mcp")(mcp.mcp)
app.add_typer(jobs.app, name="jobs")
app.add_typer(keys.app, name="keys")
app.add_typer(models.app, name="models")
app.add_typer(pipeline.app, name="pipeline")
app.add_typer(snapshot.app, name="snapshot")
app.add_typer(bench.app, name="bench")
app.add_typer(eval_commands.app, name="eval")
app.add_typer(experiment.app, name="experiment")
app.add_typer(release.app, name="release")
