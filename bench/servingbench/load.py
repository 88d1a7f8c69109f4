"""One client, and many at once: tokens a second, fairness, memory."""

from __future__ import annotations

import argparse
import asyncio
import itertools
import statistics
import time
from collections import Counter
from typing import Any

from servingbench.clients import Client, Server, prompts, serving

_WATCH = 2.0
"""Seconds between two looks at the server's memory."""


def measure(options: argparse.Namespace) -> dict[str, Any]:
    with serving(*options.serve) as server:
        return asyncio.run(_measure(server, options))


async def _measure(server: Server, options: argparse.Namespace) -> dict[str, Any]:
    await _run(server, 4, 2.0)  # warms up
    before = await _run(server, 1, options.single)
    many = await _run(server, options.clients, options.seconds)
    after = await _run(server, 1, options.single)
    one = statistics.mean([before["tokens a second"], after["tokens a second"]])
    return {
        "one client, before": before,
        "one client, after": after,
        f"{options.clients} clients": many,
        "tokens a second, times one client's": many["tokens a second"] / one,
    }


async def _run(server: Server, count: int, seconds: float) -> dict[str, Any]:
    """Have so many clients ask again and again; return what they got."""
    end = time.monotonic() + seconds
    statuses: Counter[int] = Counter()
    tokens = [0] * count
    waits: list[float] = []
    memory: list[float] = []

    async def ask(number: int) -> None:
        client = Client(server)
        for turn, prompt in enumerate(itertools.islice(itertools.cycle(prompts()), number, None)):
            if time.monotonic() > end:
                break
            body = {"prompt": prompt, "temperature": 1, "seed": turn, "max_tokens": 200}
            started = time.monotonic()
            status, found = await client.answer("/v1/completions", body)
            statuses[status] += 1
            if status == 200:
                waits.append(time.monotonic() - started)
                tokens[number] += found["usage"]["completion_tokens"]
        client.leave()

    async def watch() -> None:
        while True:
            found = await asyncio.to_thread(server.metrics)
            memory.append(found["process_resident_memory_bytes"] / 2**20)
            await asyncio.sleep(_WATCH)

    started, cost = time.monotonic(), await asyncio.to_thread(_processor_seconds, server)
    watching = asyncio.create_task(watch())
    await asyncio.gather(*map(ask, range(count)))
    taken = time.monotonic() - started
    cost = await asyncio.to_thread(_processor_seconds, server) - cost
    watching.cancel()
    return {
        "seconds": taken,
        "requests by status": {str(status): many for status, many in sorted(statuses.items())},
        "tokens a second": sum(tokens) / taken,
        "tokens a second of the server's processor time": sum(tokens) / cost,
        "tokens of the fastest client, times the slowest's": max(tokens) / max(1, min(tokens)),
        "seconds a request, median": statistics.median(waits),
        "seconds a request, longest": max(waits),
        "server's memory in MB, after a tenth": memory[len(memory) // 10],
        "server's memory in MB, most in the last tenth": max(memory[-max(1, len(memory) // 10) :]),
    }


def _processor_seconds(server: Server) -> float:
    return server.metrics()["process_cpu_seconds_total"]
