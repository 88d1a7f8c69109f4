"""Sixteen samples in one batch beside sixteen single runs, each side on its better backend.

Both write the same instructions at temperature 1 with the check ``names``, and the sides take
turns. With tests, the time to the first passing program is measured beside one try after another.
"""

from __future__ import annotations

import argparse
import statistics
import time
from pathlib import Path
from typing import Any

import ondevice
from ondevice.evaluation.suites.everyday import read_tasks

TASKS = Path(__file__).parents[1] / "everyday"
SAMPLES = 16


def measure(options: argparse.Namespace) -> dict[str, Any]:
    tasks = sample(options.tasks)
    result: dict[str, Any] = {"tasks": len(tasks), "samples": SAMPLES}
    for backend in ("llama_cpp", "onnx"):
        with ondevice.load(backend=backend, threads=options.threads) as model:
            result[backend] = measure_one(model, tasks)
    batches = min(result[name]["one batch, seconds a token"] for name in ("llama_cpp", "onnx"))
    singles = min(result[name]["single runs, seconds a token"] for name in ("llama_cpp", "onnx"))
    result["one batch, share of the time of single runs"] = batches / singles
    return result


def sample(count: int) -> list[dict[str, Any]]:
    """Return function tasks, the same ones every time."""
    tasks = [task for task in read_tasks(TASKS) if task["kind"] == "function"]
    return tasks[:: len(tasks) // count][:count]


def measure_one(model: ondevice.Model, tasks: list[dict[str, Any]]) -> dict[str, Any]:
    together, alone, searched, tried = [], [], [], []
    for number, task in enumerate([tasks[0], *tasks]):
        prompt, tests = task["instructions"][0], "\n".join(task["tests"])
        batch, batch_tokens = timed(tokens_of_a_batch, model, prompt)
        single, single_tokens = timed(tokens_of_single_runs, model, prompt)
        search, found = timed(search_in_a_batch, model, prompt, tests)
        one_by_one, first = timed(search_one_after_another, model, prompt, tests)
        if not number:  # the first warms up
            continue
        together.append(batch / batch_tokens)
        alone.append(single / single_tokens)
        if found and first:
            searched.append(search)
            tried.append(one_by_one)
    ratios = [one / other for one, other in zip(together, alone, strict=True)]
    return {
        "one batch, seconds a token": statistics.median(together),
        "single runs, seconds a token": statistics.median(alone),
        "one batch, share of the time of single runs": statistics.median(ratios),
        "quartiles": statistics.quantiles(ratios)[::2],
        "tasks that both solve": len(searched),
        "to the first passing program, share of the time of one after another": (
            sum(searched) / sum(tried) if tried else None
        ),
    }


def timed(function: Any, *arguments: Any) -> tuple[float, Any]:
    started = time.perf_counter()
    value = function(*arguments)
    return time.perf_counter() - started, value


def tokens_of_a_batch(model: ondevice.Model, prompt: str) -> int:
    *_, last = model.stream(prompt, samples=SAMPLES, temperature=1.0)
    tokens: int = last.stats.tokens
    return tokens


def tokens_of_single_runs(model: ondevice.Model, prompt: str) -> int:
    return sum(
        model.generate(prompt, seed=seed, temperature=1.0).stats.tokens for seed in range(SAMPLES)
    )


def search_in_a_batch(model: ondevice.Model, prompt: str, tests: str) -> bool:
    return bool(model.sample(prompt, SAMPLES, tests=tests)[0].passed)


def search_one_after_another(model: ondevice.Model, prompt: str, tests: str) -> bool:
    return any(
        model.generate(prompt, seed=seed, temperature=1.0, tests=tests).passed
        for seed in range(SAMPLES)
    )
