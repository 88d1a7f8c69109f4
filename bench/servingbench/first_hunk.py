"""From Enter to the first hunk: by a warm server, by the model itself, by a new process."""

from __future__ import annotations

import argparse
import asyncio
import json
import statistics
import subprocess
import sys
import time
from typing import Any

import ondevice
from ondevice.events import HunkApplied
from servingbench.clients import Client, Server, prompts, serving


def measure(options: argparse.Namespace) -> dict[str, Any]:
    """Take turns, and keep each side's least of several tries: all else can only add to it."""
    asked = prompts()[: options.requests]
    with serving(*options.serve) as server, ondevice.load(threads=1) as model:
        _by_server(server, "write fizzbuzz")
        _by_model(model, "write fizzbuzz")
        served: list[float] = []
        direct: list[float] = []
        cold: list[float] = []
        for prompt in asked:
            tries = [
                (_by_server(server, prompt), _by_model(model, prompt)) for _ in range(options.tries)
            ]
            if None in tries[0]:  # no hunk at all
                continue
            served.append(min(by_server or 0.0 for by_server, _ in tries))
            direct.append(min(by_model or 0.0 for _, by_model in tries))
            if len(cold) < options.cold:
                cold.append(min(_by_process(prompt) for _ in range(options.tries)))
    more = [by_server - by_model for by_server, by_model in zip(served, direct, strict=True)]
    return {
        "requests": len(served),
        "tries of each, of which the least counts": options.tries,
        "warm server": _spread(served),
        "the model itself": _spread(direct),
        "server less model": _spread(more),
        "new process of ondevice generate": _spread(cold),
    }


def _by_server(server: Server, prompt: str) -> float | None:
    async def ask() -> float | None:
        client = Client(server)
        first = None
        async for event in client.events({"prompt": prompt}):
            if first is None and event["type"] == "hunk_applied":
                first = time.perf_counter() - started
        client.leave()
        return first

    started = time.perf_counter()
    return asyncio.run(ask())


def _by_model(model: ondevice.Model, prompt: str) -> float | None:
    first = None
    started = time.perf_counter()
    for event in model.stream(prompt):
        if first is None and isinstance(event, HunkApplied):
            first = time.perf_counter() - started
    return first


def _by_process(prompt: str) -> float:
    command = [sys.executable, "-m", "ondevice.cli", "generate", prompt, "--format", "json"]
    started = time.perf_counter()
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout
        for line in process.stdout:
            if json.loads(line)["type"] == "hunk_applied":
                taken = time.perf_counter() - started
                break
        process.stdout.read()
    return taken


def _spread(seconds: list[float]) -> dict[str, float]:
    low, middle, high = statistics.quantiles(seconds, n=4)
    return {"seconds, median": middle, "lower quartile": low, "upper quartile": high}
