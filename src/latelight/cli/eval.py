"""`latelight eval`: how good are the rankings, and is one better than another?"""

import hashlib
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Annotated, Any, cast

import typer
from rich.text import Text

from latelight.app import Collection, SearchHit
from latelight.cli import (
    eval_log,
    from_interactions,  # noqa: F401  a command of `judgements`
    judgement_sets,
)
from latelight.cli.console import err, out, print_json, table
from latelight.cli.explain_diff import explain_diff
from latelight.cli.judging import (
    JudgementsOption,
    MeasureOption,
    SplitOption,
    TopicsOption,
    Where,
    open_judgements,
    open_runs,
    parse_measures,
)
from latelight.cli.options import (
    JsonOption,
    LibraryOption,
    NamespaceOption,
    open_collection,
    open_library,
)
from latelight.errors import InputError, NotFoundError, StorageError
from latelight.evaluation import (
    CompareOptions,
    Comparison,
    Coverage,
    Draws,
    JudgementSet,
    Run,
    RunRecord,
    compare,
    coverage,
    localise_topics,
    overlap,
    save_run,
    score,
    search_topics,
    unit_name,
)
from latelight.evaluation.figures import write_figures
from latelight.evaluation.report import html_report, interval_text, p_text, sentence
from latelight.index.candidates import RecallLevel
from latelight.pipelines.spec import SearchMode

_OVERLAP_DEPTH = 10

app = typer.Typer(no_args_is_help=True, help="Judge rankings and compare them.")
app.command("explain-diff")(explain_diff)
app.add_typer(judgement_sets.app, name="judgements")
app.add_typer(eval_log.app, name="log")

AlphaOption = Annotated[float, typer.Option("--alpha", help="Level of all tests together (Holm).")]
MarginOption = Annotated[
    float, typer.Option("--margin", help="The smallest difference that matters.")
]
DrawsOption = Annotated[int, typer.Option("--draws", help="Random draws of each test.")]
SeedOption = Annotated[int, typer.Option("--seed", help="Of the random draws.")]
RunsArgument = Annotated[list[Path], typer.Argument(help="TREC runs; the first is the baseline.")]


@dataclass(frozen=True)
class _Asked:
    """How every topic is searched."""

    mode: SearchMode
    recall: RecallLevel
    exact: bool
    depth: int
    by_unit: bool


@app.command("run")
def run(  # noqa: PLR0913, PLR0917  a command's options
    judgements: JudgementsOption,
    collection: Annotated[str | None, typer.Argument(help="Which collection.")] = None,
    library: LibraryOption = None,
    namespace: NamespaceOption = None,
    topics: TopicsOption = None,
    split: SplitOption = "test",
    measure: MeasureOption = None,
    mode: Annotated[str, typer.Option("--mode", help="auto, maxsim, bm25 or hybrid.")] = "auto",
    recall: Annotated[
        str, typer.Option("--recall", help="fast, balanced or best, for large collections.")
    ] = "balanced",
    exact: Annotated[bool, typer.Option("--exact", help="Score everything.")] = False,
    depth: Annotated[int, typer.Option("--depth", help="Results of each topic.")] = 100,
    against_exact: Annotated[
        bool, typer.Option("--against-exact", help="Also say how much of an exact search is found.")
    ] = False,
    by_unit: Annotated[
        bool, typer.Option("--units", help="Rank units (doc#p3), not documents.")
    ] = False,
    name: Annotated[str, typer.Option("--name", help="Of the run.")] = "",
    note: Annotated[str, typer.Option("--pipeline-note", help="In your words, for reports.")] = "",
    output: Annotated[Path, typer.Option("--out", "-o", help="Directory for runs.")] = Path("runs"),
    as_json: JsonOption = False,
) -> None:
    """Search every judged topic; save the run with its measures, times and costs.

    `OUT/NAME.trec` is a TREC run, `OUT/NAME.trec.json` holds the values by topic, the latency and
    what was searched. With judged places, the evidence is judged too.
    """
    target = open_collection(library, collection, namespace)
    judged = open_judgements(judgements, topics, split, Where(library, namespace, collection))
    measures = parse_measures(measure)
    # The search checks mode and recall, whatever their static type.
    asked = _Asked(cast("SearchMode", mode), cast("RecallLevel", recall), exact, depth, by_unit)
    named = _checked(name or _run_name(target, asked))
    _check_judged(target, judged, asked)
    with _writing(output):
        output.mkdir(parents=True, exist_ok=True)
    timed = search_topics(lambda text: _ranking(target, text, asked), judged.judged, named)
    values = score(timed.run, judged, measures)
    costs = _costs(target, library)
    if against_exact:
        costs |= _found_of_exact(target, judged, asked, timed.run)
    record = RunRecord(
        name=named,
        judgements={"name": judged.name, "digest": judged.digest},
        means={measure: sum(v.values()) / len(v) for measure, v in values.items()},
        per_topic=values,
        latency=timed.latency,
        costs=costs,
        pipeline=_searched(target, asked),
        localisation=_localisation(target, judged, asked),
        note=note,
    )
    with _writing(output):
        trec, beside = save_run(timed.run, record, output / f"{named}.trec")
    if as_json:
        print_json({**record.to_dict(), "run": str(trec), "record": str(beside)})
        return
    _show_record(record)
    out.print(f"{len(judged.judged):,} topics, run: {trec}, record: {beside}")


@app.command("compare")
def compare_runs(  # noqa: PLR0913, PLR0917  a command's options
    runs: RunsArgument,
    judgements: JudgementsOption,
    topics: TopicsOption = None,
    split: SplitOption = "test",
    measure: MeasureOption = None,
    alpha: AlphaOption = 0.05,
    margin: MarginOption = 0.02,
    draws: DrawsOption = 10_000,
    seed: SeedOption = 0,
    library: LibraryOption = None,
    namespace: NamespaceOption = None,
    as_json: JsonOption = False,
) -> None:
    """Compare runs with the first of them: tests, intervals, and the topics that changed most."""
    options = CompareOptions(alpha=alpha, margin=margin, draws=Draws(draws, seed))
    judged = open_judgements(judgements, topics, split, Where(library, namespace))
    found, _ = _compared(runs, judged, measure, options)
    if as_json:
        print_json(found.to_dict())
        return
    _show_comparison(found)


@app.command("report")
def report(  # noqa: PLR0913, PLR0917  a command's options
    runs: RunsArgument,
    judgements: JudgementsOption,
    output: Annotated[Path, typer.Option("--out", "-o", help="Directory for the report.")],
    topics: TopicsOption = None,
    split: SplitOption = "test",
    measure: MeasureOption = None,
    alpha: AlphaOption = 0.05,
    margin: MarginOption = 0.02,
    draws: DrawsOption = 10_000,
    seed: SeedOption = 0,
    title: Annotated[str, typer.Option("--title", help="Of the report.")] = "Comparison of runs",
    library: LibraryOption = None,
    namespace: NamespaceOption = None,
    figures: Annotated[
        bool, typer.Option("--figures/--no-figures", help="PNG figures beside the page.")
    ] = True,
    as_json: JsonOption = False,
) -> None:
    """Write a comparison as one HTML page, and as PNG figures."""
    options = CompareOptions(alpha=alpha, margin=margin, draws=Draws(draws, seed))
    judged = open_judgements(judgements, topics, split, Where(library, namespace))
    found, records = _compared(runs, judged, measure, options)
    page = output / "report.html"
    with _writing(output):
        output.mkdir(parents=True, exist_ok=True)
        files = write_figures(found, output) if figures else []
        page.write_text(html_report(found, records, title), encoding="utf-8")
    if as_json:
        print_json({"files": [str(path) for path in (page, *files)]})
        return
    for path in (page, *files):
        out.print(str(path))


def _compared(
    runs: list[Path], judged: JudgementSet, measure: list[str] | None, options: CompareOptions
) -> tuple[Comparison, dict[str, RunRecord]]:
    """Return the comparison of runs with the first, and the records that lie beside them."""
    given, records = open_runs(runs, least=2)
    evidence = {name: record.localisation for name, record in records.items()}
    return compare(given, judged, parse_measures(measure), options, evidence), records


def _ranking(target: Collection, text: str, asked: _Asked) -> list[tuple[str, float]]:
    """Return the names and scores of a search, each name at its best place only."""
    hits = target.search(
        text,
        k=asked.depth,
        group_by=None if asked.by_unit else "document",
        mode=asked.mode,
        recall=asked.recall,
        exact=asked.exact,
    )
    best: dict[str, float] = {}
    for hit in hits:
        best.setdefault(_hit_name(hit, asked), hit.score)
    return list(best.items())


@contextmanager
def _writing(directory: Path) -> Iterator[None]:
    """Say what to do where nothing can be written to a directory."""
    try:
        yield
    except OSError as error:
        raise StorageError(
            f"--out is {str(directory)!r}, where nothing can be written ({error}). Give a "
            "directory that exists or can be made, with room on its disk."
        ) from error


def _check_judged(target: Collection, judged: JudgementSet, asked: _Asked) -> None:
    """Refuse judgements of nothing that is there; warn where some of it is not.

    Raises:
        NotFoundError: no judged document, or unit, is in the collection.
    """
    what = "units" if asked.by_unit else "documents"
    names = _unit_names(target, judged) if asked.by_unit else _document_names(target)
    there = coverage(judged, names.__contains__)
    if not there.missing:
        return
    if there.topics:
        n_without = there.n_topics - len(there.topics)
        said = (
            f"{there.said(what)}; the others, such as {there.missing[0]!r}, count as not found. "
            f"{n_without:,} of {there.n_topics:,} topics have none."
        )
        err.print(Text(said))
        return
    how = _how_named(target, asked, there)
    raise NotFoundError(f"{there.said(what)}; the first names {there.missing[0]!r}. {how}")


def _how_named(target: Collection, asked: _Asked, there: Coverage) -> str:
    """Return how judgements have to name what they judge, and whether the other way would do."""
    documents = _document_names(target)
    if not asked.by_unit:
        of_units = any(name.rpartition("#")[0] in documents for name in there.missing)
        more = " These name units: give --units." if of_units else ""
        return f"Judgements name documents by doc_id (`latelight show`).{more}"
    more = " These name documents: leave --units out." if documents & set(there.missing) else ""
    return f"With --units they name units, such as report#p3 or notes#c0.{more}"


def _document_names(target: Collection) -> set[str]:
    return {one.doc_id for one in target.documents()}


def _unit_names(target: Collection, judged: JudgementSet) -> set[str]:
    """Return the names of all units of the judged documents that are there."""
    named = (name for topic in judged.qrels.topics for name in judged.qrels.of(topic))
    documents = {name.rpartition("#")[0] for name in named} & _document_names(target)
    return {
        unit_name(doc_id, unit.locator.page, unit.unit_id)
        for doc_id in documents
        for unit in target.get(doc_id).units
    }


def _hit_name(hit: SearchHit, asked: _Asked) -> str:
    if not asked.by_unit:
        return hit.doc_id
    return unit_name(hit.doc_id, hit.unit.locator.page, hit.unit.unit_id)


def _run_name(target: Collection, asked: _Asked) -> str:
    effort = "exact" if asked.exact else asked.recall
    return f"{target.name}-{asked.mode}-{effort}"


def _checked(name: str) -> str:
    """Return a run's name, which is a file's and a column's too."""
    if re.search(r"[\s/\\]", name):
        raise InputError(f"The run's name is {name!r}; leave out blanks and slashes.")
    return name


def _found_of_exact(
    target: Collection, judged: JudgementSet, asked: _Asked, found: Run
) -> dict[str, float]:
    """Return how much of an exact search's first ten was found, on average over topics."""
    exactly = replace(asked, exact=True)
    exact = search_topics(
        lambda text: _ranking(target, text, exactly), judged.judged, "exact", warm_up=False
    )
    shares = overlap(found, exact.run, _OVERLAP_DEPTH)
    return {f"found_of_exact_{_OVERLAP_DEPTH}": sum(shares.values()) / max(len(shares), 1)}


def _costs(target: Collection, library: str | None) -> dict[str, float]:
    """Return sizes, and the speed of the jobs that added rows, while they are remembered."""
    stats = target.stats()
    jobs = open_library(library).jobs(namespace=target.namespace, collection=target.name)
    added = [job.record.progress for job in jobs if job.record.digest == target.digest]
    seconds = sum(one.seconds for one in added if one.n_rows)
    n_rows = sum(one.n_rows for one in added)
    speed = {"rows_added_per_second": n_rows / seconds} if seconds else {}
    return {
        "n_documents": stats.n_documents,
        "n_units": stats.n_units,
        "n_rows": stats.n_rows,
        "n_bytes": stats.n_bytes,
        "n_original_bytes": stats.n_original_bytes,
        **speed,
    }


def _searched(target: Collection, asked: _Asked) -> dict[str, Any]:
    """Return what was searched: the same values mean the same run."""
    whole = hashlib.sha256()
    for line in sorted(f"{one.doc_id}\0{one.sha256}\n" for one in target.documents()):
        whole.update(line.encode())
    return {
        "collection": target.name,
        "pipeline": target.spec.name,
        "pipeline_digest": target.digest,
        "collection_digest": whole.hexdigest()[:16],
        **asdict(asked),
    }


def _localisation(
    target: Collection, judged: JudgementSet, asked: _Asked
) -> Mapping[str, Mapping[str, float]]:
    if not judged.evidence:
        return {}
    return localise_topics(
        lambda text, doc_id: target.explain(text, doc_id, mode=asked.mode), judged
    )


def _show_record(record: RunRecord) -> None:
    shown = table("run", *record.means, "p50 ms", "p95 ms", "index bytes")
    assert record.latency is not None
    shown.add_row(
        record.name,
        *(f"{value:.4f}" for value in record.means.values()),
        f"{record.latency.p50:.1f}",
        f"{record.latency.p95:.1f}",
        f"{record.costs['n_bytes']:,.0f}",
    )
    out.print(shown)
    for what, values in record.localisation.items():
        average = sum(values.values()) / len(values)
        out.print(f"evidence {what}: {average:.4f} over {len(values):,} topics")


def _show_comparison(found: Comparison) -> None:
    means = table("run", *found.measures)
    for run_ in found.runs:
        means.add_row(run_.name, *(f"{run_.means[measure]:.4f}" for measure in found.measures))
        if run_.missing:
            err.print(Text(f"{run_.name}: {len(run_.missing):,} judged topics without results"))
    out.print(means)
    tests = table("run", "measure", "difference", "interval", "p (Holm)", "p (t)")
    for one in found.differences:
        tests.add_row(
            one.system,
            one.measure,
            f"{one.difference:+.4f}",
            interval_text(one.bootstrap.low, one.bootstrap.high),
            p_text(one.corrected_p),
            p_text(one.t.p),
        )
    out.print(tests)
    for one in found.differences:
        out.print(Text(sentence(one, found.options.margin)))
    _show_changed(found)


def _show_changed(found: Comparison, most: int = 5) -> None:
    """Show the topics that changed most under the first measure."""
    for one in found.differences:
        if one.measure != found.measures[0] or not one.changed(1):
            continue
        out.print(Text(f"\nChanged most, {one.system}, {one.measure}:", style="bold"))
        for topic in one.changed(most):
            out.print(Text(f"  {topic.before:.3f} → {topic.after:.3f}  {topic.text[:90]}"))
