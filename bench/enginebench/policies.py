"""What checks, lengths and stepping back bring: the bundled model on held-out wordings.

Every side writes the same problems with the same seeds and the same budget of tokens. Counted are
programs that pass, finished programs with static errors (the check ``names``), and tokens.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import ondevice
from ondevice import checks
from ondevice.evaluation.drawing import Plan
from ondevice.evaluation.estimate import estimate
from ondevice.evaluation.passk import answer
from ondevice.evaluation.samples import Sample
from ondevice.evaluation.suites import Problem
from ondevice.evaluation.suites.everyday import read_everyday
from ondevice.sandbox import Sandbox

TASKS = Path(__file__).parents[1] / "everyday"
SIDES: dict[str, dict[str, Any]] = {
    "lines decide": {},
    "header decides": {"lengths": "announced"},
    "header decides, no check": {"lengths": "announced", "check": "none"},
    "header decides, no step back": {"lengths": "announced", "depth": 0},
    "no constraint": {"constrain": False},
}
"""The first is the default."""


def measure(options: argparse.Namespace) -> dict[str, Any]:
    problems = read_everyday(TASKS, options.problems_of).problems
    problems = problems[:: max(1, len(problems) // options.problems)][: options.problems]
    result: dict[str, Any] = {"problems": len(problems), "of": options.problems_of}
    with ondevice.load(backend=options.backend, threads=options.threads) as model:
        for temperature in options.temperatures:
            result[f"temperature {temperature}"] = {
                name: summary(model, problems, temperature=temperature, **side)
                for name, side in SIDES.items()
            }
    return result


def summary(model: ondevice.Model, problems: Sequence[Problem], **side: Any) -> dict[str, Any]:
    plan = Plan(parameters={"max_tokens": 512, **side})
    with Sandbox() as sandbox:
        samples = list(answer(model, problems, plan, sandbox))
    finished = [sample for sample in samples if sample.finish_reason == "complete"]
    wrong = sum(bool(checks.names(sample.program)) for sample in finished)
    passed = sum(sample.passed for sample in samples)
    rate = estimate([float(sample.passed) for sample in samples])
    return {
        "pass@1": rate.value,
        "95% interval": [rate.low, rate.high],
        "finished": len(finished) / len(samples),
        "static errors, share of finished": wrong / max(1, len(finished)),
        "tokens a passing program": tokens(samples) / max(1, passed),
    }


def tokens(samples: list[Sample]) -> int:
    return sum(sample.tokens for sample in samples)
