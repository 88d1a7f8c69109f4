"""Clients that go away at any moment: before, while and after they are answered."""

from __future__ import annotations

import argparse
import asyncio
import random
import time
from typing import Any

from servingbench.clients import Client, Server, prompts, serving

_AT_ONCE = 16
_LONGEST = 0.25
"""Seconds after which the last one goes."""


def measure(options: argparse.Namespace) -> dict[str, Any]:
    with serving("--queue", "1000", *options.serve) as server:
        asyncio.run(_leave(server, 100))  # warms up
        before, files = server.metrics(), server.files()
        asyncio.run(_leave(server, options.hangups))
        started = time.monotonic()
        while any(server.metrics()[f"ondevice_{name}_requests"] for name in ("running", "waiting")):
            if time.monotonic() - started > 60:
                raise SystemExit("requests of clients that have left are still there")
            time.sleep(0.001)
        settled = time.monotonic() - started
        time.sleep(1)
        after = server.metrics()
        return {
            "clients": options.hangups,
            "left before the end": after["ondevice_clients_left_total"]
            - before["ondevice_clients_left_total"],
            "seconds until nothing was running or waiting": settled,
            "files open, before": files,
            "files open, after": server.files(),
            "server's memory in MB, before": before["process_resident_memory_bytes"] / 2**20,
            "server's memory in MB, after": after["process_resident_memory_bytes"] / 2**20,
        }


async def _leave(server: Server, count: int) -> None:
    rng = random.Random(count)
    given = prompts()
    gate = asyncio.Semaphore(_AT_ONCE)

    async def one(number: int) -> None:
        async with gate:
            client = Client(server)
            body = {"prompt": given[number % len(given)], "temperature": 1, "max_tokens": 400}
            streamed = number % 2 == 0
            asked = _read(client, body) if streamed else client.answer("/v1/completions", body)
            try:
                await asyncio.wait_for(asked, rng.random() * _LONGEST)
            except TimeoutError:
                pass
            finally:
                client.leave()

    await asyncio.gather(*map(one, range(count)))


async def _read(client: Client, body: dict[str, Any]) -> None:
    async for _ in client.events(body):
        pass
