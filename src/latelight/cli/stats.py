"""`latelight stats`: the size of a collection."""

from latelight.cli.console import out, print_json, size, table
from latelight.cli.options import (
    CollectionOption,
    JsonOption,
    LibraryOption,
    NamespaceOption,
    open_any_collection,
)


def stats(
    library: LibraryOption = None,
    collection: CollectionOption = None,
    namespace: NamespaceOption = None,
    as_json: JsonOption = False,
) -> None:
    """Show how much a collection holds and how it is encoded."""
    found = open_any_collection(library, collection, namespace).stats()
    if as_json:
        print_json(found.to_dict())
        return
    rows = table("", "")
    rows.show_header = False
    per_row = f" ({found.n_bytes / found.n_rows:.0f} B a row)" if found.n_rows else ""
    for name, value in (
        ("documents", f"{found.n_documents:,}"),
        ("units", f"{found.n_units:,}"),
        ("rows", f"{found.n_rows:,}"),
        ("segments", f"{found.n_segments:,}"),
        ("index", size(found.n_bytes) + per_row),
        ("originals", size(found.n_original_bytes)),
        ("pipeline", f"{found.pipeline} {found.digest}"),
        *(
            (
                f"space {name}",
                f"{one['encoder']}{' and sight' if one['sight'] else ''}, {one['dim']} dims, "
                f"{one['store']}, codes {one['bits']} bit",
            )
            for name, one in found.spaces.items()
        ),
    ):
        rows.add_row(name, value)
    out.print(rows)
