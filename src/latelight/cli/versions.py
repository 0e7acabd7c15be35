"""`latelight pipeline create|retire`, and versions in `list` and `show`."""

from typing import Annotated

import typer
import yaml

from latelight.app import Collection
from latelight.app.making import VersionShown, make_version, retire_version, versions_of
from latelight.cli.console import Failed, err, out, print_json, table
from latelight.cli.filling import Filling
from latelight.cli.options import JsonOption, LibraryOption, NamespaceOption, open_collection
from latelight.cli.progress import ByteProgress
from latelight.errors import InputError


def create(
    collection: Annotated[str, typer.Argument(help="Which collection.")],
    pipeline: Annotated[str, typer.Argument(help="A preset, or a YAML file.")],
    library: LibraryOption = None,
    namespace: NamespaceOption = None,
    as_json: JsonOption = False,
) -> None:
    """Make a second version of a collection under a pipeline, and fill it from what is there.

    The spec is frozen with its lock; both are the version's digest. Searches are answered by the
    live version as before; what is added goes to both. `eval explain-diff`, `experiment start` and
    `release start` (with the same pipeline) take it from here. Killed, the same command goes on.
    """
    target = open_collection(library, collection, namespace)
    with ByteProgress() as bar:
        made = make_version(target, pipeline, Filling(bar).hear)
    if as_json:
        print_json(made.to_dict())
    elif made.is_filled:
        out.print(
            f"{collection}@{made.digest}: pipeline {made.name}, {made.n_documents:,} documents, "
            f"{len(made.left_out):,} left out.",
            markup=False,
        )
    for one in made.left_out if not as_json else ():
        err.print(f"left out  {one.doc_id}: {one.message}", markup=False)
    if not made.is_filled:
        err.print(f"{made.digest} is not filled yet; the same command goes on.", markup=False)
        raise Failed


def retire(
    version: Annotated[str, typer.Argument(help="COLLECTION@ALIAS or COLLECTION@DIGEST.")],
    library: LibraryOption = None,
    namespace: NamespaceOption = None,
    as_json: JsonOption = False,
) -> None:
    """Remove a version that `pipeline create` made, with its index; never the live one."""
    collection, at, which = version.rpartition("@")
    if not (collection and at and which):
        raise InputError(
            f"{version!r} names no version; give COLLECTION@ALIAS or COLLECTION@DIGEST, as "
            "`latelight pipeline list COLLECTION` shows them."
        )
    gone = retire_version(open_collection(library, collection, namespace), which)
    if as_json:
        print_json({"retired": gone.digest})
        return
    out.print(f"{gone.digest} is retired.", markup=False)


def list_versions(target: Collection, *, as_json: bool) -> None:
    """Print the versions of a collection, oldest first."""
    rows = versions_of(target)
    if as_json:
        print_json(rows)
        return
    shown = table("version", "aliases", "pipeline", "filled")
    for row in rows:
        filled = "yes" if row["is_filled"] else "no"
        shown.add_row(row["digest"], ", ".join(row["aliases"]), row["pipeline"], filled)
    out.print(shown)


def print_version(found: VersionShown, *, as_json: bool) -> None:
    """Print a version: the spec as `add --pipeline` takes it, digest and lock as remarks."""
    if as_json:
        print_json(found.to_dict())
        return
    remarks = "".join(f"# {line}\n" for line in found.remarks())
    text = remarks + yaml.safe_dump(dict(found.spec), sort_keys=False)
    out.print(text, end="", markup=False, highlight=False)
