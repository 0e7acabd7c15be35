"""`latelight keys`: who may use the service, and for what."""

from datetime import datetime
from typing import Annotated, cast

import typer

from latelight.cli.console import err, out, print_json, table
from latelight.cli.options import JsonOption, LibraryOption, open_library
from latelight.errors import InputError
from latelight.releases.catalog import CATALOG
from latelight.releases.keys import EVERY, Key, KeyScope, KeyStore

app = typer.Typer(no_args_is_help=True, help="Keys of the service: make, list, revoke.")


@app.command("create")
def create(
    name: Annotated[str, typer.Argument(help="What to call it, such as 'ci' or 'anna'.")],
    namespaces: Annotated[
        list[str] | None,
        typer.Option("--namespace", "-n", help="That it opens; '*' for all; repeat it."),
    ] = None,
    scope: Annotated[str, typer.Option("--scope", help="read, write or admin.")] = "read",
    library: LibraryOption = None,
    as_json: JsonOption = False,
) -> None:
    """Make a key and print it, once: only its hash is kept."""
    if not namespaces:
        raise InputError("Name the namespaces that the key opens: --namespace NAME, or '*'.")
    grants = {one: cast("KeyScope", scope) for one in namespaces}  # the store checks the scope
    secret = _keys(library, create=True).create(name, grants)
    if as_json:
        print_json({"name": name, "key": secret, "grants": grants})
        return
    err.print(f"The key {name!r}; it is not shown again:", markup=False)
    out.print(secret, markup=False)


@app.command("list")
def list_keys(library: LibraryOption = None, as_json: JsonOption = False) -> None:
    """List the keys by name; their secrets are not kept."""
    found = _keys(library).all()
    if as_json:
        print_json([key.to_dict() for key in found])
        return
    shown = table("key", "opens", "since", "revoked")
    for key in found:
        shown.add_row(*_row(key))
    out.print(shown if found else "No keys.")


@app.command("revoke")
def revoke(
    name: Annotated[str, typer.Argument(help="Which key.")],
    library: LibraryOption = None,
    as_json: JsonOption = False,
) -> None:
    """End a key at once, also for a running server."""
    _keys(library).revoke(name)
    if as_json:
        print_json({"name": name, "revoked": True})
    else:
        out.print(f"{name} is revoked.", markup=False)


def _keys(library: str | None, *, create: bool = False) -> KeyStore:
    return KeyStore(open_library(library, create=create).root / CATALOG)


def _row(key: Key) -> list[str]:
    names = (("every namespace" if n == EVERY else n, scope) for n, scope in key.grants.items())
    opens = ", ".join(f"{name} ({scope})" for name, scope in names)
    return [key.name, opens, _day(key.created_at), _day(key.revoked_at)]


def _day(at: float | None) -> str:
    return "" if at is None else datetime.fromtimestamp(at).astimezone().strftime("%Y-%m-%d %H:%M")
