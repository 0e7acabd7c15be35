"""`latelight eval judgements`: judgement sets that are kept with a collection."""

import time
from dataclasses import replace
from pathlib import Path
from typing import Annotated, Literal

import typer
from rich.text import Text

from latelight.app import Collection
from latelight.cli.console import err, out, print_json, table
from latelight.cli.judging import SplitOption, TopicsOption
from latelight.cli.options import JsonOption, LibraryOption, NamespaceOption, open_collection
from latelight.errors import InputError, StorageError
from latelight.evaluation import (
    JudgementSet,
    coverage,
    read_beir,
    read_judgements,
    write_beir,
    write_csv,
    write_trec,
)
from latelight.releases.judgements import SavedJudgements

app = typer.Typer(no_args_is_help=True, help="Judgement sets that a collection keeps.")

Format = Literal["json", "csv", "beir", "trec"]

CollectionArgument = Annotated[str, typer.Argument(help="Which collection.")]
NameArgument = Annotated[str, typer.Argument(help="Of the judgement set.")]
ReplaceOption = Annotated[
    bool, typer.Option("--replace", help="Put it in the place of another set of that name.")
]


@app.command("import")
def import_set(  # noqa: PLR0913, PLR0917  a command's options
    collection: CollectionArgument,
    path: Annotated[
        Path, typer.Argument(help="A set in JSON, BEIR folder, .csv table or TREC qrels.")
    ],
    name: Annotated[str, typer.Option("--name", help="Of the set; the file's without.")] = "",
    topics: TopicsOption = None,
    split: SplitOption = "test",
    replace_set: ReplaceOption = False,
    library: LibraryOption = None,
    namespace: NamespaceOption = None,
    as_json: JsonOption = False,
) -> None:
    """Keep judgements with a collection, where `-j COLLECTION@NAME` and gates find them."""
    target = open_collection(library, collection, namespace)
    read = read_beir(path, split) if path.is_dir() else read_judgements(path, topics)
    save_set(target, replace(read, name=name or read.name), replace_set, as_json=as_json)


@app.command("export")
def export(  # noqa: PLR0913, PLR0917  a command's options
    collection: CollectionArgument,
    name: NameArgument,
    path: Annotated[Path, typer.Argument(help="The file, or the folder of a BEIR set.")],
    form: Annotated[
        str, typer.Option("--format", help="json, csv, beir or trec; else the path's ending.")
    ] = "",
    split: SplitOption = "test",
    library: LibraryOption = None,
    namespace: NamespaceOption = None,
    as_json: JsonOption = False,
) -> None:
    """Write a set for other tools; of TREC's files PATH holds the qrels, PATH.topics the topics."""
    judged = open_collection(library, collection, namespace).judgements.get(name)
    chosen = _format(form, path)
    try:
        files = _written(judged, path, chosen, split)
    except OSError as error:
        raise StorageError(
            f"{str(path)!r} cannot be written ({error}). Give a path in a folder that exists."
        ) from error
    if judged.evidence and chosen in {"beir", "trec"}:
        err.print(Text(f"{len(judged.evidence):,} judged places have no place in {chosen}."))
    if as_json:
        print_json({"name": name, "format": chosen, "files": [str(file) for file in files]})
        return
    for file in files:
        out.print(str(file), markup=False)


@app.command("list")
def list_sets(
    collection: Annotated[str | None, typer.Argument(help="Which collection.")] = None,
    library: LibraryOption = None,
    namespace: NamespaceOption = None,
    as_json: JsonOption = False,
) -> None:
    """List the judgement sets of a collection."""
    found = open_collection(library, collection, namespace).judgements.list()
    if as_json:
        print_json([one.to_dict() for one in found])
        return
    shown = table("name", "topics", "judged", "places", "digest", "saved", "source")
    for one in found:
        counts = (f"{n:,}" for n in (one.n_topics, one.n_judged, one.n_places))
        saved = time.strftime("%Y-%m-%d %H:%M", time.localtime(one.saved_at))
        shown.add_row(one.name, *counts, one.digest, saved, one.source)
    out.print(shown)


@app.command("delete")
def delete(
    collection: CollectionArgument,
    name: NameArgument,
    library: LibraryOption = None,
    namespace: NamespaceOption = None,
    as_json: JsonOption = False,
) -> None:
    """Forget a judgement set; a gate that names it stays shut."""
    open_collection(library, collection, namespace).judgements.delete(name)
    if as_json:
        print_json({"deleted": name})
        return
    out.print(f"{name} is deleted.", markup=False)


def save_set(
    target: Collection, judged: JudgementSet, replace_set: bool, *, as_json: bool
) -> SavedJudgements:
    """Save a set, and say what it holds and how much of that is in the collection."""
    saved = target.judgements.save(judged, replace=replace_set)
    documents = {one.doc_id for one in target.documents()}
    there = coverage(judged, lambda name: name in documents or name.rpartition("#")[0] in documents)
    if as_json:
        print_json({**saved.to_dict(), "n_relevant": there.n_judged, "n_there": there.n_found})
        return saved
    out.print(
        f"{saved.name}: {saved.n_topics:,} topics, {saved.n_judged:,} judged documents, "
        f"{saved.n_places:,} judged places. {there.said()}.",
        markup=False,
    )
    if there.missing:
        err.print(Text(f"Not there is, for example, {there.missing[0]!r}."))
    return saved


def _format(form: str, path: Path) -> Format:
    by_ending: dict[str, Format] = {".json": "json", ".csv": "csv", "": "beir"}
    known: dict[str, Format] = {"json": "json", "csv": "csv", "beir": "beir", "trec": "trec"}
    chosen = known.get(form) if form else by_ending.get(path.suffix)
    if chosen is None:
        raise InputError(
            f"--format is {form!r}; give json, csv, beir or trec."
            if form
            else f"{str(path)!r} says no format by its ending; give --format json, csv, beir or "
            "trec."
        )
    return chosen


def _written(judged: JudgementSet, path: Path, form: Format, split: str) -> list[Path]:
    """Write a set and return its files."""
    if form == "beir":
        write_beir(judged, path, split)
        return [path / "queries.jsonl", path / "qrels" / f"{split}.tsv"]
    if form == "trec":
        topics = path.with_name(f"{path.name}.topics")
        write_trec(judged, path, topics)
        return [path, topics]
    (judged.save if form == "json" else lambda file: write_csv(judged, file))(path)
    return [path]
