"""What `release.py` measured, as a table, sentences and a figure."""

import argparse
import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

AIM_RATIO, AIM_SECONDS = 1.5, 1.0
BIN_SECONDS = 2.0  # of the figure


def markdown(rows: Sequence[dict[str, Any]]) -> str:
    return "\n\n".join(map(_section, rows)) + "\n"


def _section(row: dict[str, Any]) -> str:
    where = "another process" if row["outside"] else "the process that is searched"
    head = (
        f"**{row['set']}, {row['n_documents']:,} documents, candidate {row['candidate']}** "
        f"(commit {row['commit']}, {row['machine']}; {row['searchers']} threads search, "
        f"{row['pause']:g} s between two searches; filled in {where})"
    )
    lines = [
        "| phase | searches | p50 ms | p99 ms | largest |",
        "|---|---|---|---|---|",
        *(
            f"| {phase} | {one['n']:,} | {one['p50_ms']:.1f} | {one['p99_ms']:.1f} | "
            f"{one['max_ms']:.1f} |"
            for phase, one in row["phases"].items()
        ),
    ]
    return "\n".join([head, "", *lines, "", *_sentences(row)])


def _sentences(row: dict[str, Any]) -> Iterator[str]:
    yield (
        f"- {row['n_queries']:,} searches, {row['n_failed']:,} failed, {row['n_half_built']:,} "
        "answered from an index that was not finished."
    )
    if row["p99_ratio"] is not None:
        yield (
            f"- p99 while the candidate is filled ({row['backfill_seconds']:.0f} s) is "
            f"{row['p99_ratio']:.2f} times the quiet one (aim: {AIM_RATIO:g})."
        )
    if row["what"] == "good" and row["rollback_seconds"] is not None:
        yield f"- Rollback: {row['rollback_seconds']:.3f} s (aim: below {AIM_SECONDS:g})."
    if row["what"] == "bad":
        stopped = "stopped it" if row["gate_stopped"] else "let it through"
        yield f"- The gate {stopped}: {row['gate_said']}"
        guard = "stopped it" if row["guard_stopped"] else "did not stop it"
        yield (
            f"- With the gate off the ramp's guard {guard} after {row['guard_seconds']:.0f} s and "
            f"{row['guard_queries']:,} searches: {row['guard_said']}"
        )


def report(given: argparse.Namespace) -> None:
    lines = given.rows.read_text(encoding="utf-8").splitlines()
    latest = {(r["set"], r["candidate"], r["outside"]): r for r in map(json.loads, lines)}
    rows = list(latest.values())
    given.out.mkdir(parents=True, exist_ok=True)
    (given.out / "release.md").write_text(markdown(rows), encoding="utf-8")
    draw(rows, given.out / "release.png")


def draw(rows: Sequence[dict[str, Any]], path: Path) -> None:
    """Draw the latency of searches over time, phase after phase, a panel for each run."""
    import matplotlib as mpl

    mpl.use("Agg")
    from matplotlib import pyplot as plt

    figure, panels = plt.subplots(len(rows), 1, figsize=(11, 3.6 * len(rows)), squeeze=False)
    for panel, row in zip(panels.flat, rows, strict=True):
        points = row["timeline"]
        phases = list(dict.fromkeys(phase for _, phase, *_ in points))
        top = max(point[4] for point in points)
        for number, phase in enumerate(phases):
            own = [point for point in points if point[1] == phase]
            start, end = own[0][0], own[-1][0] + BIN_SECONDS
            panel.axvspan(start, end, color="0.94" if number % 2 else "white", zorder=0)
            middle, height = (start + end) / 2, (1.02, 1.10, 1.18)[number % 3]
            panel.text(middle, height, phase, transform=panel.get_xaxis_transform(), ha="center",
                       fontsize=8)  # fmt: skip
            p99 = row["phases"][phase]["p99_ms"]
            panel.hlines(p99, start, end, color="C1", linewidth=1.5,
                         label="p99 of the phase" if not number else None)  # fmt: skip
        times = [point[0] + BIN_SECONDS / 2 for point in points]
        panel.plot(times, [p[4] for p in points], ".", color="C0", markersize=3, alpha=0.6,
                   label="largest of 2 s")  # fmt: skip
        panel.plot(times, [p[3] for p in points], color="C0", linewidth=1, label="median of 2 s")
        panel.set(xlim=(0, times[-1] + BIN_SECONDS), ylim=(0, 1.05 * top))
        panel.set(xlabel="seconds", ylabel="one search, ms")
        panel.set_title(f"{row['set']}: {row['candidate']}", pad=50, fontsize=10)
        panel.legend(loc="upper right", fontsize=8)
    figure.tight_layout()
    figure.savefig(path, dpi=100)
