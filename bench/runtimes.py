"""Ours beside other runtimes of the same weights: the same prompts, sampling and threads, in turns.

usage: python bench/runtimes.py [--genai PYTHON] [--size 25M] [--tokens 128] [--rounds 5]
                                [--threads 1] [--models runs/models]
                                [--output bench/results/runtimes.json]

Llama              llama_cpp.Llama(...)(stream=True), on the same GGUF in 8 bits
ORTModel           optimum's ORTModelForCausalLM.generate, on the int8 graph that it exports
onnxruntime-genai  on graphs of its own builder, in float32 and 4 bits
transformers       generate on the CPU in float32

Ours runs the same GGUF or, of the same weights and precision, its own graph (`export --fused`).

``--genai`` is the Python of an environment with onnxruntime-genai, transformers 5, torch and
onnx-ir; without it, that peer is left out. The model has random weights. Prints a table of ratios,
each from runs beside one another, and writes the file.
"""

from __future__ import annotations

import argparse
import json
import statistics
from pathlib import Path
from typing import Any

from enginebench import fresh
from runtimebench import sides

from ondevice.evaluation.machine import describe_machine
from ondevice.files import write_atomically

HERE = Path(__file__).parent
PROMPTS = [
    "write a program",
    "Write a function that returns the longest word of a text, and the first of several.",
    "Read numbers from standard input, one a line, and print how often each of them occurs, the "
    "most frequent first; numbers that occur equally often are printed in ascending order.",
]
GRAPHS = {"fp32": "model.onnx", "int4": "model-int4.onnx"}
"""By the precision that onnxruntime-genai's builder is asked for: our graph."""
Pair = tuple[sides.Side, sides.Side]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--genai", type=Path)
    parser.add_argument("--size", default="25M")
    parser.add_argument("--tokens", type=int, default=128)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--models", type=Path, default=Path("runs/models"))
    parser.add_argument("--output", type=Path, default=HERE / "results" / "runtimes.json")
    options = parser.parse_args()
    compared = {name: compare(pair, options) for name, pair in pairs(options).items()}
    found = {
        "machine": describe_machine(),
        **{name: getattr(options, name) for name in ("size", "tokens", "rounds", "threads")},
        "prompts": len(PROMPTS),
        "ours beside": compared,
    }
    write_atomically(options.output, json.dumps(found, indent=2) + "\n")
    print(table(compared))


def pairs(options: argparse.Namespace) -> dict[str, Pair]:
    """Return ours and the other by what is compared, both on the same weights."""
    folder, threads = fresh.make(options.size, options.models), options.threads
    checkpoint = fresh.checkpoint_of(options.size, options.models)
    gguf, int8 = folder / "model-q8_0.gguf", folder / "model-int8.onnx"
    fused = fresh.make_fused(options.size, options.models)
    result = {
        "Llama, q8_0": (sides.ours(gguf, threads), sides.llama_class(gguf, threads)),
        "ORTModel, int8": (
            sides.ours(fused / "model-int8.onnx", threads),
            sides.optimum(int8, checkpoint, threads),
        ),
        "transformers, float32": (
            sides.ours(fused / "model.onnx", threads),
            sides.transformers(checkpoint, threads),
        ),
    }
    for precision in GRAPHS if options.genai else ():
        graph = sides.build_graph(options.genai, checkpoint, precision, options.models)
        result[f"onnxruntime-genai, {precision}"] = (
            sides.ours(fused / GRAPHS[precision], threads),
            sides.GenAI(options.genai, graph, threads),
        )
    return result


def compare(pair: Pair, options: argparse.Namespace) -> dict[str, Any]:
    rates: tuple[list[float], list[float]] = ([], [])
    for seed in range(options.rounds + 1):
        for prompt in PROMPTS:
            for side, found in zip(pair, rates, strict=True):
                seconds = side(prompt, seed, options.tokens)
                if seed:  # the first round warms up
                    found.append(options.tokens / seconds)
    ratios = [ours / other for ours, other in zip(*rates, strict=True)]
    return {
        "tokens a second, median": statistics.median(rates[0]),
        "of the other": statistics.median(rates[1]),
        "ratio, median": statistics.median(ratios),
        "quartiles": statistics.quantiles(ratios)[::2],
    }


def table(compared: dict[str, dict[str, Any]]) -> str:
    lines = [f"{'ours beside':28}{'tokens/s':>10}{'other':>10}{'ratio':>8}   quartiles"]
    for name, found in compared.items():
        rates = f"{found['tokens a second, median']:>10.0f}{found['of the other']:>10.0f}"
        low, high = found["quartiles"]
        lines.append(f"{name:28}{rates}{found['ratio, median']:>8.2f}   {low:.2f} to {high:.2f}")
    return "\n".join(lines)


if __name__ == "__main__":
    main()
