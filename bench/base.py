"""What a base model knows of programs and of edits that it has not seen.

usage: python bench/base.py CHECKPOINT CORPUS [--recipe RECIPE] [--run RUN] [--files 1.0]
                            [--functions 200] [--parts bits edits samples cost]
                            [--output bench/results/base.json]

CORPUS is the folder that the model was pretrained on, whose held-out part is split off by package,
near duplicates of the training part removed. The parts:

bits     bits per byte of whole held-out files (``--files`` megabytes of them), beside xz -9 on the
         same bytes, file by file and all in one, and beside a 5-gram model over the same tokens
edits    loss and greedy accuracy on held-out edit sequences, by what a token is: a field of a hunk
         header, the end or the beginning of a line, or code
samples  how many continuations of held-out functions' signatures parse, at temperatures 0.2 and
         0.8; with the first 20 of them
cost     tokens a second and share of the peak from RUN's log, and what ten times the size costs

The 5-gram model counts the training rows in RUN that the model was trained on, in its proportions.
Prints what it finds and writes the file; parts that the file holds and that are not asked for are
kept.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Any

import torch
from basemodel import bits, cost, edits, samples
from basemodel.checkpoint import Checkpoint

from ondevice.evaluation.machine import describe_machine
from ondevice.files import write_atomically

HERE = Path(__file__).parent
PARTS = {"bits": bits, "edits": edits, "samples": samples, "cost": cost}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("checkpoint", type=Path)
    parser.add_argument("corpus", type=Path)
    parser.add_argument("--recipe", type=Path, default=HERE.parent / "models/laptop/recipe.toml")
    parser.add_argument("--run", type=Path, help="Folder of the run that made the checkpoint.")
    parser.add_argument("--parts", nargs="+", choices=PARTS, default=list(PARTS))
    parser.add_argument("--files", type=float, default=1.0, help="Megabytes of held-out files.")
    parser.add_argument("--functions", type=int, default=200)
    parser.add_argument("--threads", type=int)
    parser.add_argument("--output", type=Path, default=HERE / "results" / "base.json")
    options = parser.parse_args()
    if options.threads:
        torch.set_num_threads(options.threads)
    checkpoint = Checkpoint.open(options.checkpoint)
    results = json.loads(options.output.read_text()) if options.output.exists() else {}
    for part in options.parts:
        results[part] = {
            "machine": describe_machine(),
            **PARTS[part].measure(checkpoint, options),
        }
        write_atomically(options.output, json.dumps(results, indent=2) + "\n")
        print(json.dumps({part: _without_texts(results[part])}, indent=2), flush=True)


def _without_texts(result: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in result.items() if name not in ("machine", "shown")}


if __name__ == "__main__":
    main()
