#!/usr/bin/env python3
"""EvalPlus's comparison of outputs beside ours, on random expected outputs and answers near them.

usage: python bench/peers/oracle.py [--cases 3000] [--seed 1] [--output FILE]

Needs the package evalplus 0.3.1, and none of its problems: entry points and values are made up
here, and the names of its special rules are taken from it. Each case is one program, judged by
both. Cases of the rule "root" are counted apart, since EvalPlus 0.3.1 passes none of them.
"""

from __future__ import annotations

import argparse
import json
import random
from pathlib import Path
from typing import Any

from evalplus.eval import untrusted_check

from ondevice.evaluation.suites import evalplus, oracle

SECONDS = 5.0
TOLERANCES = (0, 0, 0, 1e-6, 1e-3)
NUDGES = (0, 1e-8, 5e-7, 2e-6, 1e-4, 1e-2)


def value(rng: random.Random, depth: int = 0) -> Any:
    """Return a random output, with lists and tuples within each other."""
    kind = rng.randrange(12 if depth < 2 else 7)
    if kind >= 10:
        return rng.choice([{1: 2.0}, {1, 2}, set(), {}])
    if kind >= 7:
        items = [value(rng, depth + 1) for _ in range(rng.randrange(4))]
        return tuple(items) if kind == 7 else items
    pools = [
        [0, 1, 2, -1, True, False],
        [0.0, 1.0, 1.5, -1.0, float("inf"), float("nan"), 1e-9],
        ["a", "b", "", None],
        [1j, 2 + 1j],
    ]
    return rng.choice(pools[(0, 0, 1, 1, 1, 2, 3)[kind]])


def near(rng: random.Random, given: Any) -> Any:
    """Return something that is close to an output, or looks like it."""
    if rng.random() < 0.15:
        return value(rng)
    if isinstance(given, float):
        return given + rng.choice(NUDGES)
    if isinstance(given, int) and not isinstance(given, bool):
        return rng.choice([given, float(given), given + 1, given + 1e-7])
    if isinstance(given, list | tuple):
        items = [near(rng, item) if rng.random() < 0.5 else item for item in given]
        if rng.random() < 0.2:
            rng.shuffle(items)
        return type(given)(items) if rng.random() < 0.8 else tuple(items)
    return given


def case(rng: random.Random) -> tuple[str, str, str, list[Any], list[Any], list[Any], float]:
    """Return data set, entry point, rule, arguments, expected outputs, answers, tolerance."""
    dataset = rng.choice(["humaneval", "mbpp", "mbpp"])
    rules = evalplus.MBPP_RULES if dataset == "mbpp" else evalplus.HUMANEVAL_RULES
    entry_point = rng.choice(["plain", *rules])
    rule = rules.get(entry_point, "")
    expected = [value(rng) for _ in range(rng.randrange(1, 4))]
    answers = [near(rng, one) if rng.random() < 0.6 else one for one in expected]
    arguments: list[Any] = [[number] for number in range(len(expected))]
    if rule == "not none":
        expected = [one is not None for one in expected]
    elif rule == "root":
        arguments = [[[-4.0, 0.0, 1.0]]]
        expected, answers = [2.0], [rng.choice([2.0, -2.0, 1.0, 2.0001, 2])]
    return dataset, entry_point, rule, arguments, expected, answers, rng.choice(TOLERANCES)


def verdicts(rng: random.Random) -> tuple[str, bool, bool]:
    """Return the rule of a random case, and whether it passes with EvalPlus and with us."""
    dataset, entry_point, rule, arguments, expected, answers, tolerance = case(rng)
    names = "inf, nan = float('inf'), float('nan')"
    program = (
        f"{names}\nanswers = iter({answers!r})\ndef {entry_point}(x):\n    return next(answers)"
    )
    theirs, _ = untrusted_check(
        *(dataset, program, arguments, entry_point, expected, tolerance),
        ref_time=[SECONDS] * len(expected),
        fast_check=True,
    )
    bound: dict[str, Any] = {}
    exec(program, bound)
    stage = [(one, out, SECONDS) for one, out in zip(arguments, expected, strict=True)]
    try:
        oracle.compare(bound[entry_point], stage, tolerance, rule)
        ours = True
    except Exception:
        ours = False
    return rule, theirs == "pass", ours


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--cases", type=int, default=3000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--output", type=Path)
    options = parser.parse_args()
    rng = random.Random(options.seed)
    found = [verdicts(rng) for _ in range(options.cases)]
    rest = [(theirs, ours) for rule, theirs, ours in found if rule != "root"]
    roots = [(theirs, ours) for rule, theirs, ours in found if rule == "root"]
    result = {
        "cases": len(rest),
        "passed with EvalPlus": sum(theirs for theirs, _ in rest),
        "disagreements": sum(theirs != ours for theirs, ours in rest),
        "roots": len(roots),
        "roots passed with EvalPlus": sum(theirs for theirs, _ in roots),
        "roots passed with us": sum(ours for _, ours in roots),
    }
    print(json.dumps(result, indent=1))
    if options.output:
        options.output.write_text(json.dumps(result, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
