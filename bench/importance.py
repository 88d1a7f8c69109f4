"""What an importance matrix gains: quantized with and without, on text that it was not made from.

usage: python bench/importance.py [--checkpoint models/tiny/checkpoint]
                                  [--quantize q2_k q3_k_s q4_k_s q4_k_m iq4_xs] [--windows 6]
                                  [--output bench/results/importance.json]

The matrix is measured on the training part of the everyday tasks as edit sequences, the comparison
made on windows of the held-out tasks'. Prints, for each quantization, the mean divergence from the
checkpoint in nats a token and the perplexity, with and without, and in how many windows the
divergence is smaller with; writes the file.
"""

from __future__ import annotations

import argparse
import json
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from ondevice.cli.columns import columns
from ondevice.evaluation.machine import describe_machine
from ondevice.export import Agreement, export_checkpoint
from ondevice.export.importance import read_texts
from ondevice.files import write_atomically
from ondevice.training.tuning.tasks import read_tasks

HERE = Path(__file__).parent
EVERYDAY = HERE / "everyday"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--checkpoint", type=Path, default=HERE.parent / "models/tiny/checkpoint")
    parser.add_argument(
        "--quantize", nargs="+", default=["q2_k", "q3_k_s", "q4_k_s", "q4_k_m", "iq4_xs"]
    )
    parser.add_argument("--windows", type=int, default=6)
    parser.add_argument("--output", type=Path, default=HERE / "results" / "importance.json")
    options = parser.parse_args()
    trained = [
        {"instruction": task.instructions[0], "code": task.programs[0]}
        for task in read_tasks(EVERYDAY, programs=1)
        if not task.before
    ]
    calibration, held = as_sequences(trained), as_sequences(held_out())
    share = len(held) // options.windows
    rounds = [
        compare(options.checkpoint, options.quantize, calibration, "".join(held[at:][:share]))
        for at in range(0, share * options.windows, share)
    ]
    found = summarize(rounds)
    report = {
        "machine": describe_machine(),
        "checkpoint": options.checkpoint.parent.name,
        "windows": options.windows,
        "quantizations": found,
    }
    write_atomically(options.output, json.dumps(report, indent=2) + "\n")
    print(table(found))


def held_out() -> list[dict[str, str]]:
    """Return the tasks of which nothing was trained on, as rows for ``ondevice lintseq``."""
    names = json.loads((EVERYDAY / "split.json").read_text(encoding="utf-8"))["held_out_tasks"]
    rows = [
        json.loads(line)
        for file in sorted(EVERYDAY.glob("*.jsonl"))
        for line in file.read_text(encoding="utf-8").splitlines()
    ]
    return [
        {"instruction": row["instructions"][0], "code": row["programs"][0]}
        for row in rows
        if row["id"] in names and row["kind"] != "edit"
    ]


def as_sequences(rows: Sequence[dict[str, str]]) -> list[str]:
    """Return the rows as the texts that a model is tuned on, one edit sequence each."""
    with tempfile.TemporaryDirectory() as scratch:
        given, made = Path(scratch) / "programs.jsonl", Path(scratch) / "edits.jsonl"
        given.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
        command = [sys.executable, "-m", "ondevice.cli", "lintseq", str(given), str(made)]
        subprocess.run([*command, "--field", "code"], check=True, capture_output=True)
        return read_texts(made)


Pair = tuple[Agreement, Agreement]


def compare(
    checkpoint: Path, quantize: Sequence[str], calibration: Sequence[str], text: str
) -> dict[str, Pair]:
    """Return how near each quantization is on ``text``, without and with the matrix."""
    results = []
    with tempfile.TemporaryDirectory() as scratch:
        for given in ((), calibration):
            report = export_checkpoint(
                checkpoint,
                Path(scratch) / "model",
                quantize=quantize,
                name="compared",
                text=text,
                calibration=given,
            )
            results.append({str(f.file.quantization): f.agreement for f in report.files})
    without, weighed = results
    return {name: (without[name], weighed[name]) for name in quantize}


def summarize(rounds: Sequence[dict[str, Pair]]) -> dict[str, dict[str, Any]]:
    """Return the means over the windows."""
    found = {}
    for name in rounds[0]:
        pairs = [pair[name] for pair in rounds]
        found[name] = {
            "divergence": [statistics.mean(pair[i].divergence for pair in pairs) for i in (0, 1)],
            "perplexity": [statistics.mean(pair[i].perplexity for pair in pairs) for i in (0, 1)],
            "nearer": sum(pair[1].divergence < pair[0].divergence for pair in pairs),
        }
    return found


def table(found: dict[str, dict[str, Any]]) -> str:
    head = ("QUANTIZATION", "DIVERGENCE WITHOUT", "WITH", "PERPLEXITY WITHOUT", "WITH", "NEARER IN")
    rows = [
        (
            name,
            *(f"{value:.4f}" for value in values["divergence"]),
            *(f"{value:.3f}" for value in values["perplexity"]),
            str(values["nearer"]),
        )
        for name, values in found.items()
    ]
    return columns([head, *rows])


if __name__ == "__main__":
    main()
