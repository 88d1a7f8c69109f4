"""What it costs to judge a program anew after one edit, in whole and incrementally.

usage: python bench/checks.py [--programs 40] [--lines 200] [--output bench/results/checks.json]

Programs of about so many lines are made of everyday programs, and written edit by edit by LintSeq.
Each state from nine tenths of the lines on is judged by the plain check and by the incremental
one, which has judged the states before it, the two sides taking turns at being first. So are
states as a check refuses them: with a name that is not bound, or an open bracket, in a line more
where the edit added some. The findings of both sides must be the same. Times are
milliseconds of the processor; the ratio is the median over the states of plain by incremental.
"""

from __future__ import annotations

import argparse
import json
import random
import statistics
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from ondevice.checks import names, syntax
from ondevice.checks.incremental import IncrementalNames, IncrementalSyntax
from ondevice.edits import Buffer, Edit
from ondevice.evaluation.machine import describe_machine
from ondevice.evaluation.suites.everyday import read_tasks
from ondevice.events import Finding
from ondevice.files import write_atomically
from ondevice.lintseq import refactor

HERE = Path(__file__).parent
SHARE = 0.9
Side = Callable[[str], list[Finding]]


def programs(count: int, lines: int) -> Iterator[str]:
    """Yield programs of about so many lines, the same ones every time."""
    pieces = [program for task in read_tasks(HERE / "everyday") for program in task["programs"]]
    rng = random.Random(0)
    made = 0
    while made < count:
        rng.shuffle(pieces)
        chosen: list[str] = []
        for piece in pieces:
            if sum(one.count("\n") + 2 for one in chosen) >= lines:
                break
            chosen.append(piece.rstrip("\n") + "\n")
        program = "\n\n".join(chosen)
        if not names(program):  # some programs bind what others use in another way
            made += 1
            yield program


def refused(state: str, row: int) -> dict[str, str]:
    """Return the state as it would be refused for its line ``row``, by kind of error."""
    lines = state.split("\n")
    indent = lines[row][: len(lines[row]) - len(lines[row].lstrip())]
    unbound, open_ = (
        "\n".join([*lines[:row], indent + new, *lines[row:]])
        for new in ("not_bound_anywhere", "print((")
    )
    # Not so in the middle of a statement or a string.
    found = {"a name is not bound": unbound} if names(unbound) and not syntax(unbound) else {}
    return found | ({"it does not parse": open_} if syntax(open_) else {})


def last_row(edit: Edit, state: str) -> int:
    """Return the row of the last line that an edit added, but a blank one."""
    rows = state.split("\n")
    hunk = edit.hunks[-1]
    shift = sum(len(one.added) - len(one.removed) for one in edit.hunks[:-1])
    added = range(hunk.start + shift, hunk.start + shift + len(hunk.added))
    return next((row for row in reversed(added) if rows[row].strip()), added[-1])


class Tally:
    """Times of both sides of a check, by kind of state."""

    def __init__(self, plain: Side, make: Callable[[], Side]) -> None:
        self.plain = plain
        self.make = make
        self.times: dict[str, list[tuple[float, float]]] = {}

    def measure(self, kind: str, incremental: Side, text: str) -> None:
        sides = [self.plain, incremental]
        turn = len(self.times.setdefault(kind, [])) % 2
        elapsed, found = [0.0, 0.0], [[], []]
        for side in (turn, 1 - turn):
            start = time.thread_time()
            found[side] = sides[side](text)
            elapsed[side] = 1000 * (time.thread_time() - start)
        assert found[0] == found[1], text
        assert bool(found[0]) == (kind != "accepted") or self.plain is syntax, text
        self.times[kind].append((elapsed[0], elapsed[1]))

    def summary(self) -> dict[str, Any]:
        return {kind: summarized(times) for kind, times in self.times.items()}


def summarized(times: list[tuple[float, float]]) -> dict[str, Any]:
    sides = {
        side: {
            "median": round(statistics.median(values), 3),
            "95%": round(sorted(values)[int(0.95 * len(values))], 3),
        }
        for side, values in zip(("plain", "incremental"), zip(*times, strict=True), strict=True)
    }
    ratio = statistics.median(plain / incremental for plain, incremental in times)
    return {"states": len(times), **sides, "ratio": round(ratio, 1)}


def measure(count: int, lines: int) -> dict[str, Any]:
    tallies = {
        "syntax": Tally(syntax, IncrementalSyntax),
        "names": Tally(names, IncrementalNames),
    }
    lengths = []
    for seed, program in enumerate(programs(count, lines)):
        buffer = Buffer()
        checks = {name: tally.make() for name, tally in tallies.items()}
        enough = SHARE * program.count("\n")
        lengths.append(program.count("\n"))
        for edit in refactor(program, random.Random(seed)):
            buffer.apply(edit)
            state = buffer.text
            for name, check in checks.items():
                if state.count("\n") < enough:
                    check(state)
                    continue
                # What is refused is judged first, as when the edit is written anew.
                for kind, text in refused(state, last_row(edit, state)).items():
                    tallies[name].measure(f"refused: {kind}", check, text)
                tallies[name].measure("accepted", check, state)
    return {
        "lines of a program": statistics.median(lengths),
        **{name: tally.summary() for name, tally in tallies.items()},
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--programs", type=int, default=40)
    parser.add_argument("--lines", type=int, default=200)
    parser.add_argument("--output", type=Path, default=HERE / "results" / "checks.json")
    arguments = parser.parse_args()
    result = {
        "machine": describe_machine(),
        **measure(arguments.programs, arguments.lines),
    }
    text = json.dumps(result, indent=1)
    print(text)
    arguments.output.parent.mkdir(exist_ok=True)
    write_atomically(arguments.output, text + "\n")


if __name__ == "__main__":
    main()
