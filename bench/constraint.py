"""How many hunks apply, with the constraint and without it, at a temperature that invites errors.

usage: python bench/constraint.py [--model MODEL] [--backend BACKEND] [--generations 500]
                                  [--output bench/results/constraint.json]

Both sides get the same prompts (instructions of the everyday tasks), the same seeds and no checks;
an edit with a hunk that is malformed or does not fit the buffer is refused and sampled again.
Prints the counts and writes them to a file.
"""

from __future__ import annotations

import argparse
import collections
import json
import random
from pathlib import Path
from typing import Any

import ondevice
from ondevice.evaluation.machine import describe_machine
from ondevice.evaluation.suites.everyday import read_tasks
from ondevice.events import Done, EditRejected, HunkApplied
from ondevice.files import write_atomically

HERE = Path(__file__).parent
TEMPERATURE = 1.5


def instructions(count: int) -> list[str]:
    """Return random instructions, the same ones every time."""
    texts = [text for task in read_tasks(HERE / "everyday") for text in task["instructions"]]
    return random.Random(0).sample(texts, count)


def measure(model: ondevice.Model, prompts: list[str], constrain: bool) -> dict[str, Any]:
    """Count what became of every hunk in one generation a prompt."""
    counts: dict[str, Any] = {
        "generations": len(prompts),
        "hunks applied": 0,
        "edits refused because a hunk did not apply": 0,
        "generations with such an edit": 0,
        "tokens": 0,
        "seconds": 0.0,
    }
    endings: collections.Counter[str] = collections.Counter()
    for seed, prompt in enumerate(prompts):
        refused = 0
        for event in model.stream(
            prompt,
            seed=seed,
            temperature=TEMPERATURE,
            top_p=1.0,
            check="none",
            constrain=constrain,
            max_tokens=300,
        ):
            if isinstance(event, HunkApplied):
                counts["hunks applied"] += 1
            elif isinstance(event, EditRejected):
                refused += 1
            elif isinstance(event, Done):
                counts["tokens"] += event.stats.tokens
                counts["seconds"] += event.stats.seconds
                endings[event.finish_reason] += 1
        counts["edits refused because a hunk did not apply"] += refused
        counts["generations with such an edit"] += refused > 0
    counts["seconds"] = round(counts["seconds"], 1)
    return counts | {"ended by": dict(endings.most_common())}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--model")
    parser.add_argument("--backend")
    parser.add_argument("--generations", type=int, default=500)
    parser.add_argument("--output", type=Path, default=HERE / "results" / "constraint.json")
    arguments = parser.parse_args()
    prompts = instructions(arguments.generations)
    with ondevice.load(arguments.model, backend=arguments.backend) as model:
        result = {
            "machine": describe_machine(),
            "model": f"{model.name} on {model.backend_name}",
            "temperature": TEMPERATURE,
            "constrained": measure(model, prompts, constrain=True),
            "free": measure(model, prompts, constrain=False),
        }
    text = json.dumps(result, indent=1, ensure_ascii=False)
    print(text)
    arguments.output.parent.mkdir(exist_ok=True)
    write_atomically(arguments.output, text + "\n")


if __name__ == "__main__":
    main()
