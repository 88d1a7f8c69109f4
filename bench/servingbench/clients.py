"""A server in a process of its own, and clients that cost little beside it."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import random
import re
import subprocess
import sys
import urllib.request
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

EVERYDAY = Path(__file__).parents[1] / "everyday"


@dataclass(frozen=True)
class Server:
    """Where a server is, and its process."""

    host: str
    port: int
    process: int

    def metrics(self) -> dict[str, float]:
        """Return what it counts, by the name and labels of each."""
        with urllib.request.urlopen(f"http://{self.host}:{self.port}/metrics") as response:
            lines = response.read().decode().splitlines()
        pairs = (line.rpartition(" ") for line in lines if not line.startswith("#"))
        return {name: float(value) for name, _, value in pairs}

    def files(self) -> int:
        """Return how many files and sockets it has open."""
        return len(os.listdir(f"/proc/{self.process}/fd"))


@contextlib.contextmanager
def serving(*arguments: str) -> Iterator[Server]:
    """Run ``ondevice serve`` at a free port; it must end in an orderly way."""
    command = [sys.executable, "-m", "ondevice.cli", "serve", "--port", "0", *arguments]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as process:
        assert process.stderr
        line = process.stderr.readline()
        found = re.search(r"http://([\d.]+):(\d+)", line)
        if not found:
            raise SystemExit(line + process.stderr.read())
        try:
            yield Server(found[1], int(found[2]), process.pid)
        finally:
            process.terminate()
            if process.wait(60):
                raise SystemExit(f"the server ended with {process.returncode}")


class Client:
    """One connection, which is kept."""

    def __init__(self, server: Server) -> None:
        self._server = server
        self._streams: tuple[asyncio.StreamReader, asyncio.StreamWriter] | None = None

    async def post(self, path: str, body: dict[str, Any]) -> tuple[int, dict[str, str]]:
        """Send a request; return the status and headers of the answer; its body is to come."""
        if self._streams is None:
            self._streams = await asyncio.open_connection(self._server.host, self._server.port)
        reader, writer = self._streams
        text = json.dumps(body).encode()
        head = (
            f"POST {path} HTTP/1.1\r\nHost: {self._server.host}\r\n"
            f"Content-Type: application/json\r\nContent-Length: {len(text)}\r\n\r\n"
        )
        writer.write(head.encode() + text)
        status = int((await reader.readline()).split()[1])
        headers: dict[str, str] = {}
        while line := (await reader.readline()).strip():
            name, _, value = line.decode().partition(":")
            headers[name.lower()] = value.strip()
        return status, headers

    async def answer(self, path: str, body: dict[str, Any]) -> tuple[int, Any]:
        """Return the status and the JSON of an answer that comes at once."""
        status, headers = await self.post(path, body)
        assert self._streams
        found = json.loads(await self._streams[0].readexactly(int(headers["content-length"])))
        if status == 429:
            await asyncio.sleep(float(headers["retry-after"]))
        return status, found

    async def events(self, body: dict[str, Any]) -> AsyncIterator[dict[str, Any]]:
        """Give the events of ``/v1/edits`` as they come."""
        status, _ = await self.post("/v1/edits", body)
        assert status == 200, status
        assert self._streams
        reader = self._streams[0]
        while size := int(await reader.readline(), 16):
            chunk = await reader.readexactly(size + 2)
            for line in chunk.decode().splitlines():
                if line.startswith("data: "):
                    yield json.loads(line[6:])
        await reader.readline()

    def leave(self) -> None:
        """Close the connection, whatever is under way."""
        if self._streams:
            self._streams[1].close()
            self._streams = None


def prompts() -> list[str]:
    """Return requests of everyday tasks, in an order that is always the same."""
    found = []
    for name in ("numbers", "strings", "collections"):
        for line in (EVERYDAY / f"{name}.jsonl").read_text(encoding="utf-8").splitlines():
            found.append(json.loads(line)["instructions"][0])
    random.Random(0).shuffle(found)
    return found
