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
    """Take turns: each request is asked of the server, of the model, and some of a new process."""
    asked = prompts()[: options.requests]
    with serving(*options.serve) as server, ondevice.load(threads=1) as model:
        served: list[float] = []
        direct: list[float] = []
        more: list[float] = []
        cold: list[float] = []
        for number, prompt in enumerate(["write fizzbuzz", *asked]):
            sides = [_by_server(server, prompt), _by_model(model, prompt)]
            if None in sides or not number:  # no hunk at all, or only warming up
                continue
            by_server, by_model = sides
            assert by_server is not None
            assert by_model is not None
            served.append(by_server)
            direct.append(by_model)
            more.append(by_server - by_model)
            if len(cold) < options.cold:
                cold.append(_by_process(prompt))
    return {
        "requests": len(served),
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
