"""Options that several commands share."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, TypeAlias

import typer

from latelight.app import Collection, Library
from latelight.app.library import existing
from latelight.client.address import is_url
from latelight.client.opening import open as open_anywhere
from latelight.errors import InputError
from latelight.settings import Settings, read_settings

if TYPE_CHECKING:
    from latelight.app import Job
    from latelight.client.waiting import Client, RemoteCollection, RemoteJob

AnyLibrary: TypeAlias = "Library | Client"
AnyCollection: TypeAlias = "Collection | RemoteCollection"
AnyJob: TypeAlias = "Job | RemoteJob"

LibraryOption = Annotated[
    str | None,
    typer.Option(
        "--library",
        "-l",
        help="Directory of the library, or a server's URL [env: LATELIGHT_LIBRARY; the key of a "
        "server: LATELIGHT_API_KEY].",
    ),
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


def open_library(library: str | None, *, create: bool = False) -> Library:
    """Return the library in the directory that an option or the settings name.

    Raises:
        InputError: a server is named.
    """
    settings = read_settings()
    root = _directory(library or settings.library)
    return Library(root, settings) if create else existing(root, settings)


def open_collection(
    library: str | None, collection: str | None, namespace: str | None
) -> Collection:
    """Return the collection that options or the settings name; it must be there."""
    settings: Settings = read_settings()
    return open_library(library).collection(
        collection or settings.collection, namespace=namespace or settings.namespace
    )


def open_any_library(library: str | None, *, create: bool = False) -> AnyLibrary:
    """Return the library that an option or the settings name, here or behind a server."""
    root = library or read_settings().library
    return open_anywhere(root) if is_url(root) else open_library(library, create=create)


def open_any_collection(
    library: str | None, collection: str | None, namespace: str | None
) -> AnyCollection:
    """Return the collection that options or the settings name; it must be there."""
    settings = read_settings()
    return open_any_library(library).collection(
        collection or settings.collection, namespace=namespace or settings.namespace
    )


def _directory(root: str) -> Path:
    if is_url(root):
        raise InputError(
            "This command works on a library's own files, and --library (or LATELIGHT_LIBRARY) is "
            "a URL. Run it where the library lies, with its directory. Through a server work: "
            "search, add, explain, delete, collections, stats, jobs, release, mcp."
        )
    return Path(root)
