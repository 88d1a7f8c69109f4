"""Our LintSeq, as the corpus maker calls it: several paths a program, as text, too."""

from __future__ import annotations

import random
import time
from dataclasses import dataclass, field

from ondevice.edits import LINTSEQ, Edit
from ondevice.errors import CheckError, DataError
from ondevice.lintseq import linters
from ondevice.lintseq.refactor import Refactoring
from peers.programs import Program


@dataclass
class Run:
    """What became of one program: the edits of each path, their text, or why there are none."""

    paths: list[list[Edit]] = field(default_factory=list)
    texts: list[list[str]] = field(default_factory=list)
    failure: str | None = None
    cpu: float = 0.0
    wall: float = 0.0


def run(program: Program, linter: str, paths: int, seed: int) -> Run:
    """Refactor a program; the random numbers follow from the seed, its name and the path."""
    found = Run()
    cpu, wall = time.process_time(), time.perf_counter()
    try:
        refactoring = Refactoring(program.text, linters.get(linter), flawed=True)
        for path in range(paths):
            edits = refactoring.edits(random.Random(f"{seed}/{program.name}/{path}"))
            found.paths.append(edits)
            found.texts.append([LINTSEQ.write(edit) for edit in edits])
    except (DataError, CheckError) as error:
        found.failure = f"{type(error).__name__}: {str(error).partition(',')[0]}"
    found.cpu, found.wall = time.process_time() - cpu, time.perf_counter() - wall
    return found
