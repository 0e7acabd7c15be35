"""Options that several commands share."""

from pathlib import Path
from typing import Annotated

import typer

from latelight.app import Collection, Library
from latelight.app.library import existing
from latelight.settings import Settings, read_settings

LibraryOption = Annotated[
    Path | None,
    typer.Option("--library", "-l", help="Directory of the library [env: LATELIGHT_LIBRARY]."),
]
CollectionOption = Annotated[
    str | None,
    typer.Option("--collection", "-c", help="Collection [env: LATELIGHT_COLLECTION]."),
]
NamespaceOption = Annotated[
    str | None, typer.Option("--namespace", help="Namespace [env: LATELIGHT_NAMESPACE].")
]
JsonOption = Annotated[bool, typer.Option("--json", help="Print JSON.")]
FilterOption = Annotated[
    str | None,
    typer.Option("--filter", "-f", help='Metadata filter, such as \'{"year": {"$gte": 2023}}\'.'),
]


def open_library(library: Path | None, *, create: bool = False) -> Library:
    """Return the library that an option or the settings name."""
    settings = read_settings()
    root = library or settings.library
    return Library(root, settings) if create else existing(root, settings)


def open_collection(
    library: Path | None, collection: str | None, namespace: str | None
) -> Collection:
    """Return the collection that options or the settings name; it must be there."""
    settings: Settings = read_settings()
    return open_library(library).collection(
        collection or settings.collection, namespace=namespace or settings.namespace
    )
