"""Fused attention beside the graph that optimum exports: the same weights, through our backend.

usage: python bench/attention.py [--checkpoint models/tiny/checkpoint] [--blocks 12]
                                 [--output bench/results/attention.json]

Both forms of the graph, in fp32 and in int8, append one token after another to 1 and to 8
sequences that hold 128 and 800 tokens, on one thread, in blocks of ten tokens that take turns.
Processor time is counted, which other work on the machine disturbs least. Prints how many times
the time of the fused graph the other one takes (median and quartiles of the blocks), and by how
much logits differ relative to their spread; writes the file.
"""

from __future__ import annotations

import argparse
import itertools
import json
import statistics
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np

from ondevice.backends import Backend, open_backend
from ondevice.cli.columns import columns
from ondevice.evaluation.machine import describe_machine
from ondevice.export import export_checkpoint
from ondevice.export.texts import held_text
from ondevice.files import write_atomically

HERE = Path(__file__).parent
FILES = {"fp32": "model.onnx", "int8": "model-int8.onnx"}
SEQUENCES, HELD = (1, 8), (128, 800)
TOKENS = 10


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--checkpoint", type=Path, default=HERE.parent / "models/tiny/checkpoint")
    parser.add_argument("--blocks", type=int, default=12)
    parser.add_argument("--output", type=Path, default=HERE / "results" / "attention.json")
    options = parser.parse_args()
    found = []
    with tempfile.TemporaryDirectory() as scratch:
        folders = [Path(scratch) / form for form in ("plain", "fused")]
        for fused, folder in enumerate(folders):
            export_checkpoint(
                options.checkpoint,
                folder,
                formats=["onnx"],
                quantize=list(FILES),
                name="attention",
                fused=bool(fused),
            )
        for quantization, count, held in itertools.product(FILES, SEQUENCES, HELD):
            paths = [folder / FILES[quantization] for folder in folders]
            row = {"quantization": quantization, "sequences": count, "tokens held": held}
            found.append(row | compare(paths, count, held, options.blocks))
    report = {
        "machine": describe_machine(),
        "checkpoint": options.checkpoint.parent.name,
        "blocks": options.blocks,
        "found": found,
    }
    write_atomically(options.output, json.dumps(report, indent=2) + "\n")
    print(table(found))


def compare(paths: list[Path], count: int, held: int, blocks: int) -> dict[str, Any]:
    """Return the ratios of the plain graph's time to the fused one's."""
    backends = [open_backend(path, threads=1, max_sequences=count) for path in paths]
    tokens = (backends[0].tokenize(held_text()) * (held // 256 + 1))[:held]
    for backend in backends:
        backend.evaluate([(0, tokens)])
        for sequence in range(1, count):
            backend.fork(0, sequence)
        block(backend, tokens, count)  # forks part from each other, buffers grow
    pairs, off = [], 0.0
    for _ in range(blocks):
        (plain, first), (fused, second) = (block(b, tokens, count) for b in backends)
        pairs.append((plain, fused))
        known = np.isfinite(first)
        off = max(off, float(np.abs(first - second)[known].max() / np.ptp(first[known])))
    for backend in backends:
        backend.close()
    quartiles = statistics.quantiles((plain / fused for plain, fused in pairs), n=4)
    milliseconds = [1000 * min(times) / TOKENS for times in zip(*pairs, strict=True)]
    return {
        "ratio": round(quartiles[1], 2),
        "quartiles": [round(quartiles[0], 2), round(quartiles[2], 2)],
        "fastest milliseconds a token": [round(value, 2) for value in milliseconds],
        "logits off by": off,
    }


def block(backend: Backend, tokens: list[int], count: int) -> tuple[float, Any]:
    """Append tokens to each sequence; return the processor time and the last logits."""
    began = time.process_time()
    for step in range(TOKENS):
        rows = [(sequence, [tokens[(step + 7 * sequence) % 64]]) for sequence in range(count)]
        logits = backend.evaluate(rows)
    return time.process_time() - began, logits


def table(found: list[dict[str, Any]]) -> str:
    head = ("GRAPH", "SEQUENCES", "TOKENS HELD", "TIMES AS FAST", "QUARTILES", "LOGITS OFF BY")
    rows = [
        (
            row["quantization"],
            *(str(row[key]) for key in ("sequences", "tokens held", "ratio")),
            "{} to {}".format(*row["quartiles"]),
            f"{row['logits off by']:.1e}",
        )
        for row in found
    ]
    return columns([head, *rows])


if __name__ == "__main__":
    main()
