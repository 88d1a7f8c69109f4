"""What the engine keeps to, what it costs, and what a batch of samples saves.

usage: python bench/engine.py [--parts applies undistorted masks cheap many drafts policies]
                              [--threads 1] [--rounds 7]
                              [--tasks 20] [--problems 100] [--problems-of wordings]
                              [--temperatures 0 0.8] [--backend llama_cpp] [--size 25M]
                              [--longest 2000] [--models runs/models] [--generations 2000]
                              [--backends llama_cpp onnx]
                              [--output bench/results/engine.json]

applies  hunks that apply with the constraint and without it: models with random weights and 50,000
       tokens, both dialects and backends, awkward files; git and patch are asked, too
undistorted  whether greedy output that is valid without the constraint is the same with it, token
       for token: the bundled model on held-out wordings, and a small one that knows unified diffs
masks  what the constraint costs a token at 50,000 tokens
cheap  time a token beside a bare loop over llama_decode and its samplers, and beside
       llama_cpp.Llama(...)(stream=True), on a model with random weights, at 100 and at many tokens
many   sixteen samples in one batch beside sixteen single runs, with the bundled model; and the time
       to the first program that passes its tests
drafts what looking up drafts in what was written before could save at most
policies  pass@1, static errors and tokens a passing program with and without checks, the
       constraint, stepping back, and with lines that decide how many they are; bundled model

The sides of a comparison take turns. Prints what it finds and writes the file; parts that the file
holds and that are not asked for are kept.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path

from enginebench import applies, cheap, drafts, many, masks, policies, undistorted

from ondevice.evaluation.machine import describe_machine
from ondevice.files import write_atomically

HERE = Path(__file__).parent
PARTS = {
    "applies": applies,
    "undistorted": undistorted,
    "masks": masks,
    "cheap": cheap,
    "many": many,
    "drafts": drafts,
    "policies": policies,
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--parts", nargs="+", choices=PARTS, default=list(PARTS))
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--tasks", type=int, default=20)
    parser.add_argument("--problems", type=int, default=100)
    parser.add_argument("--problems-of", default="wordings", choices=["wordings", "tasks"])
    parser.add_argument("--temperatures", type=float, nargs="+", default=[0.0, 0.8])
    parser.add_argument("--backend", default="llama_cpp")
    parser.add_argument("--size", default="25M")
    parser.add_argument("--longest", type=int, default=2000)
    parser.add_argument("--backends", nargs="+", default=["llama_cpp", "onnx"])
    parser.add_argument("--generations", type=int, default=2000)
    parser.add_argument("--models", type=Path, default=Path("runs/models"))
    parser.add_argument("--output", type=Path, default=HERE / "results" / "engine.json")
    options = parser.parse_args()
    results = json.loads(options.output.read_text()) if options.output.exists() else {}
    for part in options.parts:
        found = PARTS[part].measure(options)
        results[part] = {"machine": describe_machine(), "threads": options.threads, **found}
        write_atomically(options.output, json.dumps(results, indent=2) + "\n")
        print(json.dumps({part: found}, indent=2), flush=True)


if __name__ == "__main__":
    main()
