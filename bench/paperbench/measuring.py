"""Draw samples of every model, judge them, and store what came out."""

from __future__ import annotations

import argparse
import ast
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import ondevice
from ondevice.checks import names
from ondevice.evaluation.estimate import pass_at_k
from ondevice.evaluation.machine import describe_machine
from ondevice.evaluation.suites import Problem
from ondevice.evaluation.suites.everyday import read_everyday
from ondevice.files import write_atomically
from ondevice.sandbox import Assertions, Sandbox
from paperbench.sides import SIDES, folder_name, tasks

SETTINGS: dict[str, dict[str, float]] = {
    "T=0.2": {"temperature": 0.2},
    "T=0.6": {"temperature": 0.6},
    "T=1": {"temperature": 1.0},
    "T=1, min-p 0.1": {"temperature": 1.0, "top_p": 1.0, "min_p": 0.1},
    "T=1.2, top-p 0.8": {"temperature": 1.2, "top_p": 0.8},
}
TUNING_SAMPLES = 10
CHECKS = ("none", "names")


def carry_out(options: argparse.Namespace) -> None:
    """Measure the models that the file does not hold yet."""
    content = json.loads(options.output.read_text()) if options.output.exists() else {"models": []}
    content["machine"] = describe_machine()
    tuned_on, problems = chosen(options)
    done = {(row["side"], row["seed"], row["check"]) for row in content["models"]}
    for seed in options.seeds:
        for side in SIDES:
            folder = options.folder / folder_name(side, seed)
            wanted = [check for check in CHECKS if (side, seed, check) not in done]
            if not wanted or not (folder / "model").exists():
                continue
            for row in measured(folder, wanted, tuned_on, problems, options):
                content["models"].append({"side": side, "seed": seed, **row})
                write_atomically(options.output, json.dumps(content, indent=1) + "\n")


def measured(
    folder: Path,
    wanted: list[str],
    tuned_on: list[Problem],
    problems: list[Problem],
    options: argparse.Namespace,
) -> Iterator[dict[str, Any]]:
    """Yield the figures of one model, for each check."""
    *_, last = (folder / "log.jsonl").read_text(encoding="utf-8").splitlines()
    steps = json.loads(last)["step"]
    with ondevice.load(folder / "model", backend=options.backend, threads=options.threads) as model:
        setting = best_setting(model, tuned_on)
        for check in wanted:
            print(f"{folder.name}, check {check}, {setting}", flush=True)
            found = figures(model, problems, options.samples, SETTINGS[setting], check)
            yield {"steps": steps, "check": check, "setting": setting, **found}


def chosen(options: argparse.Namespace) -> tuple[list[Problem], list[Problem]]:
    """Return the problems that settings are chosen on, and others that are measured."""
    wordings = read_everyday(tasks(options.folder), "wordings").problems
    problems = [one for one in wordings if isinstance(one.expect, Assertions)]
    count = options.tune_problems + options.problems
    problems = problems[:: max(1, len(problems) // count)][:count]
    spread = max(1, len(problems) // options.tune_problems)
    tuned_on = problems[::spread][: options.tune_problems]
    return tuned_on, [one for one in problems if one not in tuned_on]


def best_setting(model: ondevice.Model, problems: list[Problem]) -> str:
    """Return the setting with the highest pass@10."""
    rates = {
        name: figures(model, problems, TUNING_SAMPLES, setting, "none")["pass@10"]
        for name, setting in SETTINGS.items()
    }
    print(rates, flush=True)
    return max(rates, key=lambda name: rates[name])


def figures(
    model: ondevice.Model,
    problems: list[Problem],
    count: int,
    setting: dict[str, float],
    check: str,
) -> dict[str, Any]:
    """Return pass@k and the rest of what the paper reports."""
    passed, tokens, wrong, distinct, finished = [], 0, 0, 0, 0
    sandbox = Sandbox()
    for problem in problems:
        results = model.sample(
            problem.instruction, count, check=check, seed=0, max_tokens=400, **setting
        )
        verdicts: dict[str, bool] = {}
        for result in results:
            if result.text not in verdicts:
                verdict = sandbox.judge_one(problem.job(result.text))
                verdicts[result.text] = verdict.passed
        passed.append(sum(verdicts[result.text] for result in results))
        tokens += sum(result.stats.tokens for result in results)
        done = [result.text for result in results if result.finish_reason == "complete"]
        finished += len(done)
        wrong += sum(bool(names(text)) for text in done)
        distinct += len({shape(text) for text in done})
    sandbox.close()
    return {
        "problems": len(problems),
        "samples": count,
        "passed": passed,
        **{
            f"pass@{k}": sum(pass_at_k(count, right, k) for right in passed) / len(problems)
            for k in (1, 5, 10, 50)
            if k <= count
        },
        "static errors": wrong / max(1, finished),
        "finished": finished / (count * len(problems)),
        "distinct": distinct / len(problems),
        "tokens": tokens / (count * len(problems)),
    }


def shape(program: str) -> str:
    """Return a program without comments and layout; itself where it does not parse."""
    try:
        return ast.dump(ast.parse(program))
    except (SyntaxError, ValueError):
        return program
