"""The tables and the figure of `visual.py`."""

import json
import statistics
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from visual_labels import GROUPS

COLUMNS = ("recall", "capped", "ndcg", "pointing", "chance")
HEAD = (
    "| set | system | queries | n | R@5 | R@5, capped | nDCG@5 | pointing | by chance |\n"
    "|---|---|---|---|---|---|---|---|---|"
)
SHOWN = ("chart", "figure", "table")
BARS = (("capped", "R@5, capped"), ("ndcg", "nDCG@5"), ("pointing", "pointing"))


def means(values: Sequence[Mapping[str, Any]]) -> dict[str, float]:
    """Return the mean of each measure over the queries that have it, and how many there are."""
    told: dict[str, float] = {"n": len(values)}
    for name in COLUMNS:
        own = [value[name] for value in values if name in value]
        if own:
            told[name] = round(statistics.fmean(own), 4)
    return told


def groups_of(values: Mapping[str, Mapping[str, Any]]) -> dict[str, dict[str, float]]:
    """Return means by group, and over plain queries and those with words of each."""
    told = {}
    for group in GROUPS:
        own = [value for value in values.values() if value["group"] == group]
        parts = {
            group: own,
            f"{group}, plain": [value for value in own if value["plain"]],
            f"{group}, with words": [value for value in own if not value["plain"]],
        }
        told |= {name: means(part) for name, part in parts.items() if part}
    return told


def pooled(rows: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Return a row for each system that was asked on several sets: over all queries alike."""
    found = []
    for system in dict.fromkeys(row["system"] for row in rows):
        own = [row for row in rows if row["system"] == system]
        queries = {name: value for row in own for name, value in row["queries"].items()}
        if len(own) > 1:
            found.append({"set": "both", "system": system, "groups": groups_of(queries)})
    return found


def lines_of(row: Mapping[str, Any]) -> list[str]:
    """Return a row's lines of the table, one for each group of queries."""
    return [
        f"| {row['set']} | {row['system']} | {group} | {told['n']} | "
        + " | ".join(_number(told.get(name)) for name in COLUMNS)
        + " |"
        for group, told in row["groups"].items()
    ]


def write_report(path: Path, out: Path) -> list[dict[str, Any]]:
    """Write the table and the figure of the latest row of each set and system; return the rows."""
    lines = path.read_text(encoding="utf-8").splitlines()
    latest = {(row["set"], row["system"]): row for row in map(json.loads, lines)}
    rows = list(latest.values())
    told = [*rows, *pooled(rows)]
    out.mkdir(parents=True, exist_ok=True)
    table = "\n".join([HEAD, *(line for row in told for line in lines_of(row))])
    (out / "visual-table.md").write_text(table + "\n", encoding="utf-8")
    draw(told, out / "visual.png")
    return rows


MOST_LYING = 3
"""Systems whose numbers have room side by side."""


def draw(rows: Sequence[Mapping[str, Any]], path: Path) -> None:
    """Draw a panel for each set and measure: bars by group of queries, a colour for each system."""
    import matplotlib as mpl

    mpl.use("Agg")
    from matplotlib import pyplot as plt

    sets = list(dict.fromkeys(row["set"] for row in rows))
    systems = list(dict.fromkeys(row["system"] for row in rows))
    size = (11, 0.8 + 2.7 * len(sets))
    figure, panels = plt.subplots(len(sets), len(BARS), figsize=size, squeeze=False, sharey=True)
    width = 0.8 / len(systems)
    turned = 90 if len(systems) > MOST_LYING else 0
    for line, name in zip(panels, sets, strict=True):
        for panel, (measure, title) in zip(line, BARS, strict=True):
            for row in (row for row in rows if row["set"] == name):
                number = systems.index(row["system"])
                values = [row["groups"].get(group, {}).get(measure, 0.0) for group in SHOWN]
                places = [i - 0.4 + (number + 0.5) * width for i in range(len(SHOWN))]
                bars = panel.bar(places, values, width, color=f"C{number}", label=row["system"])
                panel.bar_label(bars, fmt="%.2f", fontsize=7, padding=2, rotation=turned)
                if measure == "pointing":
                    chance = [row["groups"].get(group, {}).get("chance", 0.0) for group in SHOWN]
                    panel.scatter(range(len(SHOWN)), chance, marker="_", s=900, color="black")
            panel.set(title=f"{name}: {title}", ylim=(0, 1.15))
            panel.set_xticks(range(len(SHOWN)), SHOWN)
            panel.grid(axis="y", alpha=0.3)
    handles, labels = panels[0][0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="lower center", ncol=4, fontsize=8, frameon=False)
    figure.suptitle("Queries for what is drawn; black lines: pointing by chance", fontsize=10)
    figure.tight_layout(rect=(0, 0.05, 1, 1))
    figure.savefig(path, dpi=110)
    plt.close(figure)


def _number(value: float | None) -> str:
    return "" if value is None else f"{value:.3f}"
