"""`latelight explain`: why a document matches a query, in words and as a picture."""

from pathlib import Path
from typing import Annotated

import typer

from latelight.app import SearchHit
from latelight.cli.console import out, print_json, table
from latelight.cli.options import (
    CollectionOption,
    JsonOption,
    LibraryOption,
    NamespaceOption,
    open_any_collection,
)
from latelight.cli.show import found_by, headline, heard_at, marked
from latelight.explain.words import query_words

_NUMBERS = ("similarity", "contribution")


def explain(  # noqa: PLR0913, PLR0917  a command's options
    query: Annotated[str, typer.Argument(help="The query to explain.")],
    doc_id: Annotated[str, typer.Argument(help="Document, or document/unit as search prints it.")],
    library: LibraryOption = None,
    collection: CollectionOption = None,
    namespace: NamespaceOption = None,
    token: Annotated[
        str | None, typer.Option("--token", help="Light one word of the query only.")
    ] = None,
    output: Annotated[
        Path | None, typer.Option("--output", "-o", help="Where to write the PNG.")
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Show what each query word found in a document's best unit; write a PNG of the page."""
    target = open_any_collection(library, collection, namespace)
    document, _, unit = doc_id.partition("/")
    hit = target.explain(query, document, unit_id=unit)[0]
    picture = _write_picture(hit, token, output)
    if as_json:
        print_json({**hit.to_dict(), "picture": str(picture) if picture else None})
        return
    out.print(headline(hit))
    out.print(_contributions(hit))
    out.print(marked(hit))
    if picture:
        out.print(f"heat map: {picture}")


def _write_picture(hit: SearchHit, token: str | None, output: Path | None) -> Path | None:
    if hit.unit.kind == "passage" and output is None:
        return None
    path = output or Path(f"explain-{hit.doc_id[:24]}-{hit.unit.unit_id}.png")
    hit.heatmap(token).save(path)
    return path


def _contributions(hit: SearchHit) -> object:
    rows = table("query word", "found", *_NUMBERS, right=_NUMBERS)
    words = query_words(hit.evidence, hit.query)
    for word in words:
        said = heard_at(hit, word)
        found = found_by(hit, word) + (f" at {said}" if said else "")
        rows.add_row(word.text, found, f"{word.similarity:.3f}", f"{word.contribution:.3f}")
    total = sum(word.contribution for word in words)
    rows.add_row("sum = score", "", "", f"{total:.3f}", style="bold")
    return rows
