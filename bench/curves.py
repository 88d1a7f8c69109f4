"""The curves of a pretraining run: loss on the batches trained on and on what is held out.

usage: python bench/curves.py LOG [--output CURVES.svg]

LOG is a run's log.jsonl. Writes an SVG picture.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Any

import matplotlib
from matplotlib.figure import Figure

matplotlib.rcParams["svg.hashsalt"] = "ondevice"  # the same log makes the same file

SMOOTHING = 25
"""Steps whose mean a point of the curve of the training loss is."""


def draw(rows: list[dict[str, Any]], output: Path) -> None:
    figure = Figure(figsize=(7, 4))
    axes = figure.subplots()
    steps = [row["step"] for row in rows]
    losses = [row["loss"] for row in rows]
    means = [
        sum(losses[max(0, end - SMOOTHING) : end]) / min(end, SMOOTHING)
        for end in range(1, len(losses) + 1)
    ]
    axes.plot(steps, means, color="0.6", linewidth=1, label="training mixture")
    watched = [row for row in rows if any(name.startswith("held-out") for name in row)]
    names = [name for name in watched[-1] if name.startswith("held-out")] if watched else []
    for name in names:
        axes.plot([row["step"] for row in watched], [row[name] for row in watched], label=name)
    axes.set(xlabel="step", ylabel="loss, nats per token", ylim=(0, min(8, max(means) * 1.02)))
    axes.grid(alpha=0.3)
    axes.legend(frameon=False)
    figure.tight_layout()
    figure.savefig(output, format="svg", metadata={"Date": None})


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("log", type=Path)
    parser.add_argument("--output", type=Path, default=Path("curves.svg"))
    options = parser.parse_args()
    lines = options.log.read_text(encoding="utf-8").splitlines()
    draw([json.loads(line) for line in lines], options.output)
    print(options.output)


if __name__ == "__main__":
    main()
