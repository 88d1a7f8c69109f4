"""The programs that are measured on: everyday tasks and files of the standard library."""

from __future__ import annotations

import contextlib
import itertools
import random
import sysconfig
import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from ondevice.evaluation.suites.everyday import read_tasks

EVERYDAY = Path(__file__).parents[1] / "everyday"
_LEFT_OUT = {"site-packages", "test", "tests", "idlelib", "lib2to3", "__pycache__", "pydoc_data"}
SHORTEST = 30
"""Lines of the first of the growing files."""


@dataclass(frozen=True, slots=True)
class Program:
    """A program, by its task and number or by its path in the library."""

    name: str
    text: str

    @property
    def lines(self) -> int:
        return self.text.count("\n")


def tasks(count: int, seed: int) -> list[Program]:
    """Return everyday programs, the same ones for a seed."""
    found = [
        Program(f"{task['id']}/{number}", text)
        for task in read_tasks(EVERYDAY)
        for number, text in enumerate(task["programs"])
    ]
    return random.Random(seed).sample(found, min(count, len(found)))


def library(count: int, seed: int, shortest: int = 50, longest: int = 400) -> list[Program]:
    """Return files of this Python's standard library, the same ones for a seed.

    Files that no insertion-only sequence can write as they are (line ends other than newlines) and
    those that do not compile are left out, as are tests.
    """
    found = [program for program in _library() if shortest <= program.lines <= longest]
    random.Random(seed).shuffle(found)
    return list(itertools.islice(filter(_compiles, found), count))


def growing(count: int, seed: int, longest: int) -> list[Program]:
    """Return library files of about geometrically growing length, up to ``longest`` lines."""
    rng = random.Random(seed)
    pool = [program for program in _library() if SHORTEST <= program.lines <= longest]
    found: dict[str, Program] = {}
    for step in range(count):
        wanted = SHORTEST * (longest / SHORTEST) ** (step / max(count - 1, 1))
        near = sorted(pool, key=lambda program: abs(program.lines - wanted))[:5]
        chosen = rng.choice(near)
        if _compiles(chosen):
            found.setdefault(chosen.name, chosen)
    return list(found.values())


def _library() -> Iterator[Program]:
    root = Path(sysconfig.get_path("stdlib"))
    for path in sorted(root.rglob("*.py")):
        relative = path.relative_to(root)
        if _LEFT_OUT.isdisjoint(relative.parts):
            with contextlib.suppress(UnicodeDecodeError):
                text = path.read_bytes().decode("utf-8")
                if "\r" not in text and text.endswith("\n"):
                    yield Program(relative.as_posix(), text)


def _compiles(program: Program) -> bool:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            compile(program.text, "<program>", "exec", dont_inherit=True)
    except (SyntaxError, ValueError):
        return False
    return True
