"""`latelight delete`: documents out of a collection."""

from typing import Annotated

import typer

from latelight.cli.console import Failed, err, out, print_json
from latelight.cli.options import (
    CollectionOption,
    JsonOption,
    LibraryOption,
    NamespaceOption,
    open_any_collection,
)


def delete(
    doc_ids: Annotated[list[str], typer.Argument(help="Ids of documents, as search prints them.")],
    library: LibraryOption = None,
    collection: CollectionOption = None,
    namespace: NamespaceOption = None,
    as_json: JsonOption = False,
) -> None:
    """Delete documents by id; the exit code is 1 when some were not there."""
    wanted = list(dict.fromkeys(doc_ids))
    n_deleted = open_any_collection(library, collection, namespace).delete(wanted)
    if as_json:
        print_json({"deleted": n_deleted, "not_found": len(wanted) - n_deleted})
    else:
        out.print(f"{n_deleted} deleted")
    if n_deleted < len(wanted):
        err.print(f"{len(wanted) - n_deleted} of {len(wanted)} ids were not there")
        raise Failed
