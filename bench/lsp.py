"""What inline completion offers, and what the language server takes beside the model itself.

usage: python bench/lsp.py [--places 200] [--output bench/results/lsp.json]

A place is in a program of an everyday task that was trained on: the request in words that were not
is a comment above, the lines before the place follow, and the cursor is on the empty line after
them. Each place is asked for by a real client over stdio, and of the model in this process, the two
taking turns at being first. Times are milliseconds of the wall clock, less the first place's, which
loads the model. A line is right when it is that of the program; some of the others would do, too.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import random
import statistics
import sys
import time
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from lsprotocol import types
from pygls.lsp.client import LanguageClient

import ondevice
from ondevice.checks import names
from ondevice.evaluation.machine import describe_machine
from ondevice.evaluation.suites.everyday import read_tasks
from ondevice.files import write_atomically
from ondevice.lsp.completing import Attempt
from ondevice.lsp.continuing import Place
from ondevice.lsp.documents import Documents
from ondevice.lsp.settings import CompletionSettings, Settings

HERE = Path(__file__).parent
SERVER = (sys.executable, "-m", "ondevice.cli", "lsp")
SECONDS = 30.0  # a busy machine is not to decide what is offered


@dataclass(frozen=True, slots=True)
class Cut:
    """A program with what comes after the cursor taken off."""

    number: int
    text: str
    program: str
    rest: tuple[str, ...]

    @property
    def item(self) -> types.TextDocumentItem:
        return types.TextDocumentItem(f"file:///{self.number}.py", "python", 1, self.text)

    @property
    def position(self) -> types.Position:
        return types.Position(self.text.count("\n"), 0)


def cuts(count: int) -> Iterator[Cut]:
    """Yield the places, the same ones every time."""
    split = json.loads((HERE / "everyday" / "split.json").read_text(encoding="utf-8"))
    wordings = split["held_out_wordings"]
    tasks = [task for task in read_tasks(HERE / "everyday") if task["id"] in wordings]
    rng = random.Random(0)
    rng.shuffle(tasks)
    number = 0
    for task in tasks:
        request = task["instructions"][wordings[task["id"]]]
        if number < count and "\n" not in request:
            lines = task["programs"][0].rstrip("\n").split("\n")
            row = rng.choice([row for row, line in enumerate(lines) if line.strip()])
            text = "".join(f"{line}\n" for line in [f"# {request}", *lines[:row]])
            yield Cut(number, text, "\n".join(lines[:row]), tuple(lines[row:]))
            number += 1


async def of_server(client: LanguageClient, cut: Cut) -> str:
    client.text_document_did_open(types.DidOpenTextDocumentParams(cut.item))
    params = types.InlineCompletionParams(
        types.InlineCompletionContext(types.InlineCompletionTriggerKind.Automatic),
        types.TextDocumentIdentifier(cut.item.uri),
        cut.position,
    )
    found = await client.text_document_inline_completion_async(params)
    assert isinstance(found, types.InlineCompletionList)
    return str(found.items[0].insert_text) if found.items else ""


async def of_model(model: ondevice.Model, cut: Cut) -> str:
    documents = Documents()
    documents.open(cut.item)
    settings = Settings(completion=CompletionSettings(max_seconds=SECONDS))
    attempt = Attempt(settings, documents.get(cut.item.uri), model, Place(cut.text, ""))
    for _ in attempt.stream():
        pass
    return attempt.found


class Tally:
    """What was offered, and how long it took, at all places."""

    def __init__(self) -> None:
        self.times: list[tuple[float, float]] = []
        self.offers: list[tuple[Cut, str]] = []

    async def ask(self, cut: Cut, sides: list[Callable[[Cut], Awaitable[str]]]) -> None:
        turn, elapsed, found = cut.number % 2, [0.0, 0.0], ["", ""]
        for side in (turn, 1 - turn):
            start = time.perf_counter()
            found[side] = await sides[side](cut)
            elapsed[side] = 1000 * (time.perf_counter() - start)
        assert found[0] == found[1], "the server offers what the model does"
        self.offers.append((cut, found[0]))
        if cut.number:
            self.times.append((elapsed[0], elapsed[1]))

    def summary(self) -> dict[str, Any]:
        offered = [(cut, offer.split("\n")) for cut, offer in self.offers if offer]
        first = [lines[0].rstrip() == cut.rest[0].rstrip() for cut, lines in offered]
        whole = [tuple(lines) == cut.rest[: len(lines)] for cut, lines in offered]
        clean = [not names("\n".join([cut.program, *lines, ""])) for cut, lines in offered]
        server, own = zip(*self.times, strict=True)
        return {
            "places": len(self.offers),
            "offered": len(offered),
            "first line right": sum(first),
            "all lines right": sum(whole),
            "no static error": sum(clean),
            "lines offered": round(statistics.mean(len(lines) for _, lines in offered), 1),
            "server, ms": quartiles(server),
            "model itself, ms": quartiles(own),
            "difference, ms": quartiles([one - other for one, other in self.times]),
        }


def quartiles(values: Any) -> dict[str, float]:
    cut = statistics.quantiles(values, n=20)
    return {"25%": round(cut[4], 1), "median": round(cut[9], 1), "75%": round(cut[14], 1)}


async def measure(count: int) -> dict[str, Any]:
    client, tally = LanguageClient("bench", "1"), Tally()
    await client.start_io(*SERVER)
    capabilities = types.ClientCapabilities(
        text_document=types.TextDocumentClientCapabilities(
            inline_completion=types.InlineCompletionClientCapabilities()
        )
    )
    options = {"completion": {"maxSeconds": SECONDS}}
    await client.initialize_async(
        types.InitializeParams(capabilities, initialization_options=options)
    )
    with ondevice.load() as model:
        sides = [lambda cut: of_server(client, cut), lambda cut: of_model(model, cut)]
        for cut in cuts(count):
            await tally.ask(cut, sides)
    await client.shutdown_async(None)
    client.exit(None)
    await client.stop()
    return tally.summary()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--places", type=int, default=200)
    parser.add_argument("--output", type=Path, default=HERE / "results" / "lsp.json")
    arguments = parser.parse_args()
    result = {"machine": describe_machine(), **asyncio.run(measure(arguments.places))}
    text = json.dumps(result, indent=1)
    print(text)
    arguments.output.parent.mkdir(exist_ok=True)
    write_atomically(arguments.output, text + "\n")


if __name__ == "__main__":
    main()
