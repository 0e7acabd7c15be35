"""A comparison as one HTML file: no script, nothing from elsewhere, light and dark, all escaped."""

from collections.abc import Iterable, Mapping, Sequence
from html import escape
from math import isfinite

from latelight.evaluation.charts import interval_chart, topic_chart, verdict_class
from latelight.evaluation.compare import Comparison, Difference, Scored, TopicChange
from latelight.evaluation.records import RunRecord

_STYLE = """
:root { color-scheme: light dark; --ink: #1c1e21; --soft: #5c6470; --paper: #fff; --line: #d9dde3;
  --better: #1b7f4b; --worse: #b3372b; --open: #8a6d1d; --band: #eef1f5; }
@media (prefers-color-scheme: dark) { :root { --ink: #e6e8eb; --soft: #a0a8b4; --paper: #16181c;
  --line: #343a43; --better: #55c58a; --worse: #f0857a; --open: #d9b95b; --band: #23272e; } }
body { font: 15px/1.5 system-ui, sans-serif; color: var(--ink); background: var(--paper);
  max-width: 72rem; margin: 2rem auto; padding: 0 1rem; }
h1 { font-size: 1.5rem; } h2 { font-size: 1.15rem; margin-top: 2.2rem; }
h3 { font-size: 1rem; margin-bottom: .3rem; }
.scroll { overflow-x: auto; } table { border-collapse: collapse; width: 100%; }
td:first-child { min-width: 9rem; }
th, td { text-align: left; padding: .3rem .7rem .3rem 0; border-bottom: 1px solid var(--line);
  vertical-align: top; } td.n, th.n { text-align: right;
  white-space: nowrap; font-variant-numeric: tabular-nums; }
th { font-weight: 600; } .soft { color: var(--soft); }
b.better { color: var(--better); } b.worse { color: var(--worse); } b.open { color: var(--open); }
svg { width: 100%; height: auto; font: 12px system-ui, sans-serif; }
svg text { fill: var(--soft); } svg .better { fill: var(--better); }
svg .worse { fill: var(--worse); } svg .open { fill: var(--open); }
svg .band { fill: var(--band); } svg .zero { stroke: var(--soft); stroke-width: 1; }
svg .interval { stroke: var(--ink); stroke-width: 2; }
"""


def html_report(
    comparison: Comparison,
    records: Mapping[str, RunRecord] | None = None,
    title: str = "Comparison of runs",
) -> str:
    """Return the report as one HTML document.

    Args:
        comparison: what is reported.
        records: costs by run, where they were measured.
        title: of the page.
    """
    parts = [
        f"<h1>{escape(title)}</h1>",
        _head(comparison),
        "<h2>Runs</h2>",
        _runs(comparison, records or {}),
    ]
    if comparison.differences:
        parts += ["<h2>Differences</h2>", _differences(comparison), _reading(comparison)]
        parts.append(interval_chart(comparison.differences, comparison.options.margin))
        parts.append("<h2>Topics</h2>")
        parts += [_topics(one, comparison.options.n_changed) for one in comparison.differences]
    body = "\n".join(parts)
    return (
        '<!doctype html>\n<html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>{escape(title)}</title><style>{_STYLE}</style></head>\n<body>\n{body}\n"
        "</body></html>\n"
    )


def sentence(one: Difference, margin: float) -> str:
    """Return a verdict as a sentence that needs no statistics to be read."""
    change = f"{one.measure} {one.before:.4f} → {one.after:.4f} ({one.difference:+.4f})"
    if one.verdict in ("better", "worse"):
        return f"{one.system} is {one.verdict} than {one.baseline}: {change}."
    if one.verdict == "no difference shown":
        return (
            f"No difference of {margin:g} or more is shown between {one.system} and "
            f"{one.baseline}: {change}."
        )
    if one.verdict == "nothing found":
        return (
            f"Nothing that is judged relevant counts in {one.system} or in {one.baseline}: "
            f"{one.measure} is 0 on all of {len(one.topics):,} topics, which tells nothing of "
            "either. Look whether the judgements name documents as the runs do."
        )
    return (
        f"Not enough topics to tell {one.system} from {one.baseline}: {change}; about "
        f"{one.needed:,} would show a difference of {margin:g}, there are {len(one.topics):,}."
    )


def p_text(p: float) -> str:
    """Return a p-value as people write it."""
    return "< 0.0001" if p < 0.0001 else f"{p:.4f}"


def interval_text(low: float, high: float) -> str:
    """Return an interval as people write it."""
    if not isfinite(low) or not isfinite(high):
        return "unbounded"
    return f"[{low:+.4f}, {high:+.4f}]"


def _head(comparison: Comparison) -> str:
    options = comparison.options
    return (
        f'<p class="soft">Judgement set {escape(comparison.judgements)} '
        f"(digest {escape(comparison.digest)}), {comparison.n_topics:,} topics. "
        f"Level {options.alpha:g} over all differences together (Holm), smallest difference that "
        f"matters {options.margin:g}, power {options.power:g}, {options.draws.n:,} draws, seed "
        f"{options.draws.seed}.</p>"
    )


def _runs(comparison: Comparison, records: Mapping[str, RunRecord]) -> str:
    costs = list(dict.fromkeys(n for r in records.values() for n, cost in r.costs.items() if cost))
    timed = any(record.latency for record in records.values())
    heads = [
        *comparison.measures,
        *(["p50 ms", "p95 ms"] if timed else []),
        *(name.replace("_", " ") for name in costs),
    ]
    rows = [
        (
            _run_name(run, records.get(run.name)),
            *(f"{run.means[measure]:.4f}" for measure in comparison.measures),
            *(_latency(records.get(run.name)) if timed else ()),
            *(_cost(records.get(run.name), name) for name in costs),
        )
        for run in comparison.runs
    ]
    return _table(("run", *heads), rows)


def _run_name(run: Scored, record: RunRecord | None) -> str:
    note = f'<br><span class="soft">{escape(record.note)}</span>' if record and record.note else ""
    if run.missing:
        note += f'<br><span class="soft">{len(run.missing):,} topics without results</span>'
    return f"{escape(run.name)}{note}"


def _latency(record: RunRecord | None) -> tuple[str, str]:
    if record is None or record.latency is None:
        return "", ""
    return f"{record.latency.p50:.1f}", f"{record.latency.p95:.1f}"


def _cost(record: RunRecord | None, name: str) -> str:
    if record is None or name not in record.costs:
        return ""
    value = record.costs[name]
    return f"{value:,.0f}" if value == int(value) or value >= 1000 else f"{value:.4g}"


def _differences(comparison: Comparison) -> str:
    heads = ["verdict", "run", "measure", "difference", "interval", "p (Holm)"]
    heads += ["p (randomisation)", "p (t)", "effect", "won / lost / tied", "detectable"]
    rows = [
        (
            f'<b class="{verdict_class(one)}">{escape(one.verdict)}</b>',
            escape(one.system),
            escape(one.measure),
            f"{one.difference:+.4f}",
            interval_text(one.bootstrap.low, one.bootstrap.high),
            escape(p_text(one.corrected_p)),
            escape(p_text(one.randomisation.p)),
            escape(p_text(one.t.p)),
            f"{one.effect:+.2f}" if isfinite(one.effect) else "",
            f"{one.wins} / {one.losses} / {one.ties}",
            f"{one.detectable:.4f}" if isfinite(one.detectable) else "none",
        )
        for one in comparison.differences
    ]
    return _table(heads, rows, n_words=3)


def _reading(comparison: Comparison) -> str:
    items = "".join(
        f"<li>{escape(sentence(one, comparison.options.margin))}</li>"
        for one in comparison.differences
    )
    note = (
        f"Intervals (bootstrap, BCa, {100 * (1 - comparison.options.alpha):g} %) and the two "
        "p-values on the right are of each difference alone; the verdict follows p (Holm). "
        "Detectable: the smallest true difference that so many topics would show."
    )
    return f"<ul>{items}</ul><p class='soft'>{escape(note)}</p>"


def _topics(one: Difference, n_changed: int) -> str:
    head = f"<h3>{escape(one.system)} less {escape(one.baseline)}, {escape(one.measure)}</h3>"
    changed = one.changed(n_changed)
    if not changed:
        return f'{head}<p class="soft">Every topic has the same value in both.</p>'
    rows = [_topic_row(topic) for topic in changed]
    return head + topic_chart(one) + _table(("topic", "before", "after", "difference"), rows)


def _topic_row(topic: TopicChange) -> tuple[str, ...]:
    return (
        f"{escape(topic.text)} <span class='soft'>{escape(topic.topic)}</span>",
        f"{topic.before:.4f}",
        f"{topic.after:.4f}",
        f"{topic.difference:+.4f}",
    )


def _table(heads: Iterable[str], rows: Sequence[Sequence[str]], n_words: int = 1) -> str:
    """Return a table; the first `n_words` columns hold words, the others numbers."""

    def row(cells: Sequence[str], tag: str) -> str:
        made = (
            f"<{tag}>{cell}</{tag}>" if i < n_words else f'<{tag} class="n">{cell}</{tag}>'
            for i, cell in enumerate(cells)
        )
        return f"<tr>{''.join(made)}</tr>"

    head = row([escape(one) for one in heads], "th")
    body = "".join(row(cells, "td") for cells in rows)
    return f'<div class="scroll"><table>{head}{body}</table></div>'
