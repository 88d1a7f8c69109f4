"""The table of the comparison, and its picture."""

from __future__ import annotations

import argparse
import json
import statistics
from pathlib import Path
from typing import Any

import matplotlib
from matplotlib.figure import Figure

from ondevice.evaluation.estimate import pass_at_k
from paperbench.sides import SIDES

matplotlib.rcParams["svg.hashsalt"] = "ondevice"  # the same figures make the same file
RATES = ("pass@1", "pass@5", "pass@10", "pass@50")


def carry_out(options: argparse.Namespace) -> None:
    """Print the table and write the picture."""
    rows = json.loads(options.output.read_text())["models"]
    groups: dict[tuple[str, str], list[dict[str, Any]]] = {}
    for side in SIDES:
        for check in ("none", "names"):
            found = [row for row in rows if (row["side"], row["check"]) == (side, check)]
            if found:
                groups[side, check] = found
    print(table(groups))
    draw(groups, options.picture)
    print(options.picture)


def table(groups: dict[tuple[str, str], list[dict[str, Any]]]) -> str:
    """Return means over seeds, with the range of pass@1 and pass@10."""
    head = ["answers", "check", *RATES, "static errors", "distinct of 50", "tokens a program"]
    lines = [head, ["---"] * len(head)]
    for (side, check), rows in groups.items():
        rates = [f"{spread(rows, name, 100)}%" for name in RATES if name in rows[0]]
        lines.append(
            [
                side,
                check,
                *rates,
                f"{100 * mean(rows, 'static errors'):.1f}%",
                f"{mean(rows, 'distinct'):.1f}",
                f"{mean(rows, 'tokens'):.0f}",
            ]
        )
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def mean(rows: list[dict[str, Any]], name: str) -> float:
    return statistics.fmean(row[name] for row in rows)


def spread(rows: list[dict[str, Any]], name: str, factor: float) -> str:
    values = [factor * row[name] for row in rows]
    if len(values) == 1:
        return f"{values[0]:.1f}"
    return f"{statistics.fmean(values):.1f} ({min(values):.1f} to {max(values):.1f})"


def draw(groups: dict[tuple[str, str], list[dict[str, Any]]], output: Path) -> None:
    """Draw pass@k against k, and against the tokens that k samples take."""
    figure = Figure(figsize=(9, 4))
    by_k, by_tokens = figure.subplots(1, 2, sharey=True)
    colors = dict(zip(SIDES, ("tab:blue", "tab:orange", "tab:green", "tab:gray"), strict=True))
    for (side, check), rows in groups.items():
        ks = list(range(1, rows[0]["samples"] + 1))
        curve = [statistics.fmean(rate(row, k) for row in rows) for k in ks]
        style = {"color": colors[side], "linestyle": "-" if check == "none" else ":"}
        label = side if check == "none" else f"{side}, checked"
        by_k.plot(ks, curve, label=label, **style)
        tokens = mean(rows, "tokens")
        by_tokens.plot([k * tokens for k in ks], curve, **style)
    by_k.set(xlabel="samples k", ylabel="pass@k", xscale="log", ylim=(0, 1))
    by_tokens.set(xlabel="tokens written", xscale="log")
    for axes in (by_k, by_tokens):
        axes.grid(alpha=0.3)
    by_k.legend(frameon=False, fontsize=8)
    figure.tight_layout()
    figure.savefig(output, format="svg", metadata={"Date": None})


def rate(row: dict[str, Any], k: int) -> float:
    count = row["samples"]
    return statistics.fmean(pass_at_k(count, right, k) for right in row["passed"])
