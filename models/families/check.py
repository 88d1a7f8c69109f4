"""Check files of task families: ``python models/families/check.py [FILE ...]``.

Every family is drawn many times; all its programs must run, agree and refactor into edit
sequences. Exits with 1 when something is wrong. ``--show NAME`` prints a draw.
"""

from __future__ import annotations

import argparse
import json
import random
import sys
from pathlib import Path

from ondevice import lintseq
from ondevice.errors import DataError
from ondevice.lintseq import linters
from ondevice.training.tuning.families import Family, draw, read_file, wordings

HERE = Path(__file__).parent
EVERYDAY = HERE.parent.parent / "bench" / "everyday"


def main() -> int:
    """Check the files named, or all."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("files", nargs="*", type=Path)
    parser.add_argument("--draws", type=int, default=12)
    parser.add_argument("--show")
    options = parser.parse_args()
    files = options.files or sorted(HERE.glob("*.toml"))
    wrong, count, lengths = [], 0, []
    for file in files:
        try:
            families = read_file(file)
        except DataError as error:
            wrong.append(str(error))
            continue
        for family in families:
            count += 1
            if options.show and options.show in family.id:
                show(family)
            problems = list(faults(family, options.draws, lengths))
            wrong += [f"{family.id}: {problem}" for problem in problems]
    for line in wrong:
        print(line)
    mean = sum(lengths) / max(1, len(lengths))
    print(
        f"{count} families, {len(lengths)} programs of {mean:.0f} characters; {len(wrong)} faults"
    )
    return bool(wrong)


def faults(family: Family, draws: int, lengths: list[int]) -> list[str]:
    """Return what is wrong with a family."""
    found = []
    if len(family.asks) < 4:
        found.append("fewer than 4 asks")
    if len(family.programs) < 2:
        found.append("fewer than 2 programs")
    if family.entry and len(family.calls) + len(family.tests) < 3:
        found.append("fewer than 3 calls and tests")
    if family.id.partition("/")[2] in held_out():
        found.append("has the name of a held-out task")
    rng = random.Random(family.id)
    linter = linters.get("fast")
    for _ in range(draws):
        try:
            one = draw(family, rng)
            for program in one.programs:
                lengths.append(len(program))
                lintseq.Refactoring(program, linter).edits(rng)
            asks = list(wordings(one, rng))
        except DataError as error:
            return [*found, str(error)]
        if max(len(program) for program in one.programs) > 1400:
            found.append("a program of more than 1400 characters")
        if len(set(asks)) < len(asks):
            found.append("two asks are the same")
        if found:
            break
    return found


def held_out() -> set[str]:
    """Return the names of the tasks that nothing may be trained on."""
    split = json.loads((EVERYDAY / "split.json").read_text(encoding="utf-8"))
    return {name.partition("/")[2] for name in split["held_out_tasks"]}


def show(family: Family) -> None:
    """Print one draw as it would be trained on."""
    rng = random.Random()
    one = draw(family, rng)
    for text in wordings(one, rng):
        print("ASK", text)
    for program in one.programs:
        print("---", program, sep="\n")


if __name__ == "__main__":
    sys.exit(main())
