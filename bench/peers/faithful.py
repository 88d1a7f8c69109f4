"""Are the states of our sequences clean in the eyes of pylint, the reference's linter?"""

from __future__ import annotations

import random
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from ondevice.edits import Edit
from ondevice.lintseq.history import History
from peers import ours
from peers.programs import Program
from peers.published import Published
from peers.verdicts import Message, PylintJudge, judge_afresh

EXAMPLES = 3
LONGEST_EXAMPLE = 40
"""Lines of a state that is kept as an example; of a longer one, those around the message."""

Progress = Callable[[str], None]


@dataclass
class Tally:
    """What pylint said of the states of some programs."""

    programs: int = 0
    refused: Counter[str] = field(default_factory=Counter)
    states: int = 0
    unjudged: int = 0
    with_new: int = 0
    programs_with_new: int = 0
    new: Counter[str] = field(default_factory=Counter)
    examples: dict[str, list[dict[str, Any]]] = field(default_factory=dict)
    seconds: float = 0.0

    def as_json(self) -> dict[str, Any]:
        judged = self.states - self.unjudged
        return {
            "programs": self.programs,
            "refused": dict(self.refused.most_common()),
            "states": self.states,
            "states that pylint could not judge": self.unjudged,
            "states with a new message": self.with_new,
            "share of states without a new message": (
                round(1 - self.with_new / judged, 5) if judged else None
            ),
            "programs with a new message": self.programs_with_new,
            "new messages by symbol": dict(self.new.most_common()),
            "examples": self.examples,
            "seconds": round(self.seconds, 1),
        }


Maker = Callable[[Program], tuple[list[list[Edit]], str | None]]
"""Returns the edits of each path of a program, and why there are none."""


def by_us(linter: str, paths: int, seed: int) -> Maker:
    """Return a maker of our sequences."""

    def make(program: Program) -> tuple[list[list[Edit]], str | None]:
        run = ours.run(program, linter, paths, seed)
        return run.paths, run.failure

    return make


def by_the_published(published: Published, paths: int, seed: int) -> Maker:
    """Return a maker of the published sequences."""

    def make(program: Program) -> tuple[list[list[Edit]], str | None]:
        run = published.run(program.text, paths, seed)
        read, refused = run.read()
        return read, run.failure or ("not all of its paths replay" if refused else None)

    return make


def measure(
    programs: list[Program],
    make: Maker,
    *,
    judge: PylintJudge,
    most_states: int | None = None,
    on_progress: Progress | None = None,
) -> dict[str, Any]:
    """Refactor programs and have their states judged.

    Of a path longer than ``most_states``, so many states are judged, spread evenly over it.
    """
    tally = Tally()
    started = time.perf_counter()
    for program in programs:
        if on_progress:
            on_progress(f"faithful: {program.name}")
        paths, failure = make(program)
        if failure:
            tally.refused[failure] += 1
        else:
            _judge_program(program, paths, judge, most_states, tally)
    tally.seconds = time.perf_counter() - started
    return tally.as_json()


def _judge_program(
    program: Program,
    paths: list[list[Edit]],
    judge: PylintJudge,
    most_states: int | None,
    tally: Tally,
) -> None:
    judge.load(program.text)
    before = tally.with_new
    for number, edits in enumerate(paths):
        history = History(edits)
        own = judge.judge(history.text)
        if own is None:
            tally.refused["pylint could not judge the program"] += 1
            return
        states = list(history.states())[:-1]  # the last one is the program
        for text, places in spread(states, most_states):
            tally.states += 1
            messages = judge.judge(text)
            if messages is None:
                tally.unjudged += 1
                continue
            fresh = new_messages(messages, places, own)
            tally.with_new += bool(fresh)
            for message in fresh:
                tally.new[message.symbol] += 1
                kept = tally.examples.setdefault(message.symbol, [])
                if len(kept) < EXAMPLES and all(program.name != each["program"] for each in kept):
                    kept.append(_example(program, text, message, number, places))
    tally.programs += 1
    tally.programs_with_new += tally.with_new > before


def spread(states: list[Any], most: int | None) -> list[Any]:
    """Return at most so many of the states, evenly."""
    if most is None or len(states) <= most:
        return states
    return [states[number * len(states) // most] for number in range(most)]


def new_messages(
    messages: list[Message], places: list[int | None], own: list[Message]
) -> list[Message]:
    """Return the messages that the finished program does not have.

    The same are those with the same identifier at the same line of the program, or with the same
    identifier and text.
    """
    at_lines = {(message.identifier, message.line - 1) for message in own}
    texts = {(message.identifier, message.text) for message in own}
    return [
        message
        for message in messages
        if (message.identifier, _place(message.line, places)) not in at_lines
        and (message.identifier, message.text) not in texts
    ]


def _place(line: int, places: list[int | None]) -> int | None:
    return places[min(max(line, 1), len(places)) - 1]


def _example(
    program: Program, state: str, message: Message, path: int, places: list[int | None]
) -> dict[str, Any]:
    lines = state.split("\n")[:-1]
    first = max(0, min(message.line - LONGEST_EXAMPLE // 2, len(lines) - LONGEST_EXAMPLE))
    place = _place(message.line, places)
    return {
        "program": program.name,
        "path": path,
        "message": f"{message.identifier} line {message.line}: {message.text}",
        "line": lines[min(max(message.line, 1), len(lines)) - 1],
        "line in the program": None if place is None else place + 1,
        "first line shown": first + 1,
        "state": lines[first : first + LONGEST_EXAMPLE],
    }


def agreement(programs: list[Program], count: int, seed: int, judge: PylintJudge) -> dict[str, int]:
    """Compare the judge with processes of their own on random states, some of them broken."""
    rng = random.Random(f"{seed}/agreement")
    compared = same = with_messages = 0
    for program in rng.choices(programs, k=count):
        lines = program.text.split("\n")
        doomed = rng.randrange(len(lines))
        text = "\n".join(lines[:doomed] + lines[doomed + 1 :])
        judged, afresh = judge.judge(text), judge_afresh(text)
        compared += 1
        with_messages += bool(afresh)
        same += sorted(judged or []) == sorted(afresh or [])
    return {"states": compared, "with messages": with_messages, "same verdict": same}
