"""Sample programs for the training tasks, and keep those that pass the tasks' tests.

usage: python models/improve.py MODEL OUT.jsonl [--samples 8] [--wordings 2] [--temperature 0.8]
                                [--backend onnx] [--seed 0]

Rejection sampling: what a model writes in its own way, and rightly, it is tuned on once more, by
the setting ``sampled`` of a recipe. Only training wordings of training tasks are asked; a program
is kept when it passes, is clean, and differs from those that the task has. Started again, it goes
on after the last task that the file holds.
"""

from __future__ import annotations

import argparse
import ast
import json
import random
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import ondevice
from ondevice.checks import names
from ondevice.evaluation.suites.everyday import read_tasks
from ondevice.sandbox import Assertions, Job, Output, Sandbox

TASKS = Path(__file__).parent.parent / "bench" / "everyday"


def main() -> None:
    """Sample for the tasks that the file lacks."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("model")
    parser.add_argument("output", type=Path)
    parser.add_argument("--samples", type=int, default=8)
    parser.add_argument("--wordings", type=int, default=2, help="requests a task")
    parser.add_argument("--temperature", type=float, default=0.8)
    parser.add_argument("--backend")
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    done = finished(options.output)
    tasks = [task for task in training_tasks() if task["id"] not in done]
    kept = written = 0
    with (
        ondevice.load(options.model, backend=options.backend) as model,
        Sandbox() as sandbox,
        options.output.open("a", encoding="utf-8") as output,
    ):
        for number, task in enumerate(tasks, 1):
            rng = random.Random(f"{options.seed}/{task['id']}")
            count = min(options.wordings, len(task["instructions"]))
            programs = [
                result.text
                for wording in rng.sample(task["instructions"], count)
                for result in model.sample(
                    wording,
                    options.samples,
                    temperature=options.temperature,
                    seed=rng.randrange(2**31),
                    max_tokens=400,
                )
                if result.finish_reason == "complete"
            ]
            jobs = [job(text, task) for text in novel(programs, task["programs"])]
            right = [one.program for one, verdict in sandbox.judge(jobs) if verdict.passed]
            written += len(programs)
            kept += len(right)
            output.write(json.dumps({"id": task["id"], "programs": right}) + "\n")
            output.flush()
            if number % 20 == 0:
                print(f"{number}/{len(tasks)} tasks, {kept} kept of {written}", flush=True)
    print(f"{kept} programs kept of {written}")


def finished(path: Path) -> set[str]:
    """Return the tasks of whole lines in a file, and cut off a line that is none."""
    if not path.exists():
        return set()
    text = path.read_text(encoding="utf-8")
    whole = text[: text.rfind("\n") + 1]
    path.write_text(whole, encoding="utf-8")
    return {json.loads(line)["id"] for line in whole.splitlines()}


def training_tasks() -> Iterable[dict[str, Any]]:
    """Yield the tasks that are trained on, without the wordings that are not."""
    split = json.loads((TASKS / "split.json").read_text(encoding="utf-8"))
    for task in read_tasks(TASKS):
        if task["kind"] == "edit" or task["id"] in split["held_out_tasks"]:
            continue
        hidden = split["held_out_wordings"].get(task["id"])
        wordings = enumerate(task["instructions"])
        task["instructions"] = [text for number, text in wordings if number != hidden]
        yield task


def novel(programs: list[str], known: list[str]) -> list[str]:
    """Return the clean programs that differ from each other and the known in more than form."""
    seen = {shape(text) for text in known}
    found = []
    for text in programs:
        if names(text) or shape(text) in seen:
            continue
        seen.add(shape(text))
        found.append(text)
    return found


def shape(program: str) -> str:
    """Return what does not depend on comments and layout."""
    return ast.dump(ast.parse(program))


def job(program: str, task: dict[str, Any]) -> Job:
    """Return what judges a program by the tests of the task."""
    if task["kind"] == "script":
        return Job(program, Output(((task["stdin"], task["stdout"]),)))
    return Job(program, Assertions(tuple(task["tests"])))


if __name__ == "__main__":
    main()
