"""`latelight demo`: files added, three searches, reasons and heat maps."""

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any

import typer

from latelight.app import Collection, Hits, Library, SearchHit, sample_questions
from latelight.cli.add import add_with_bar, tell_report
from latelight.cli.console import Failed, out, print_json
from latelight.cli.options import JsonOption
from latelight.cli.show import show_hits
from latelight.errors import NotFoundError
from latelight.sample import SAMPLE_QUERIES, sample_files
from latelight.settings import read_settings

N_SHOWN = 3


def demo(
    path: Annotated[
        Path | None, typer.Argument(help="A folder or file of yours; the sample library if none.")
    ] = None,
    query: Annotated[
        list[str] | None, typer.Option("--query", "-q", help="What to look for; repeat it.")
    ] = None,
    output: Annotated[
        Path, typer.Option("--output", "-o", help="Directory of the library and the heat maps.")
    ] = Path("demo-output"),
    as_json: JsonOption = False,
) -> None:
    """Add real files, search them with a real model, and show why each hit matched."""
    target = Library(output / "library", read_settings()).collection(
        "sample" if path is None else "yours", create=True
    )
    files: Any = list(map(Path, sample_files())) if path is None else path
    report = add_with_bar(target, files)
    if not as_json:
        tell_report(target, report, [], as_json=False)
    if not target.stats().n_documents:
        raise NotFoundError(f"Nothing in {path} could be read; see the reasons above.")
    questions = query or (SAMPLE_QUERIES if path is None else sample_questions(target))
    told = [
        _ask(target, question, number, output, quiet=as_json)
        for number, question in enumerate(questions, 1)
    ]
    if as_json:
        print_json({"added": report.n_added, "failed": len(report.failures), "searches": told})
    else:
        out.print(
            f"\nTry your own: latelight search --library {output / 'library'} "
            f'--collection {target.name} "your question"'
        )
    if report.failures and path is None:
        raise Failed


def _ask(
    target: Collection, question: str, number: int, output: Path, *, quiet: bool
) -> dict[str, Any]:
    hits = target.search(question, k=N_SHOWN, explain=True)
    pictures = _write_pictures(hits, number, output)
    if not quiet:
        out.print(f"\n[bold]{number}. {question}[/bold]")
        show_hits(hits)
        for picture in pictures:
            out.print(f"    heat map: {picture}")
    return {**hits.to_dict(), "pictures": list(map(str, pictures))}


def _write_pictures(hits: Hits, number: int, output: Path) -> Sequence[Path]:
    pictures = []
    for hit in hits:
        if hit.unit.kind in ("page", "image"):
            picture = output / f"why-{number}-{hit.rank}-{_stem(hit)}.png"
            hit.heatmap().save(picture)
            pictures.append(picture)
    return pictures


def _stem(hit: SearchHit) -> str:
    stem = Path(hit.document.source).stem or hit.doc_id
    return f"{stem}-{hit.unit.unit_id}"
