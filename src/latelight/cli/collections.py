"""`latelight collections`: what a library holds."""

from latelight.cli.console import out, print_json, table
from latelight.cli.options import JsonOption, LibraryOption, open_any_library


def collections(library: LibraryOption = None, as_json: JsonOption = False) -> None:
    """List the collections of a library."""
    found = [
        {"namespace": namespace, "name": target.name, **target.stats().to_dict()}
        for namespace, target in open_any_library(library).every_collection()
    ]
    if as_json:
        print_json(found)
        return
    rows = table(
        *("namespace", "collection", "documents", "units", "pipeline"), right=("documents", "units")
    )
    for one in found:
        rows.add_row(
            one["namespace"],
            one["name"],
            f"{one['n_documents']:,}",
            f"{one['n_units']:,}",
            f"{one['pipeline']} {one['digest']}",
        )
    out.print(rows if found else "No collections.")
