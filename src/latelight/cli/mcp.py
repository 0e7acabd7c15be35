"""`latelight mcp`: the library for language models, over standard input and output."""

from latelight.cli.options import CollectionOption, LibraryOption, NamespaceOption, open_any_library
from latelight.errors import InputError
from latelight.settings import read_settings


def mcp(
    library: LibraryOption = None,
    collection: CollectionOption = None,
    namespace: NamespaceOption = None,
) -> None:
    """Speak the Model Context Protocol on standard input and output; tools only read.

    Programs start it themselves; see docs/clients.md for what to write into their configuration.
    """
    try:
        from latelight.integrations.mcp_server import make_server
    except ModuleNotFoundError as error:
        if (error.name or "").partition(".")[0] != "mcp":
            raise
        raise InputError(
            "`latelight mcp` needs the package mcp. Install it with `pip install 'latelight[mcp]'`."
        ) from error
    settings = read_settings()
    chosen = {
        "collection": collection or settings.collection,
        "namespace": namespace or settings.namespace,
    }
    make_server(open_any_library(library), **chosen).run("stdio")
