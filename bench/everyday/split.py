#!/usr/bin/env python3
"""Split the everyday tasks, once: what trains, and what is held out in wording or altogether.

The rule:

1. Relatives stay together. Tasks are relatives when a line of relatives.txt names both, when they
   share an entry point, or when they share an instruction (case and outer space aside).
2. A family of relatives is held out when the SHA-256 of its first id, with the salt below, falls
   into the lowest tenth. Nothing of such a family is trained on in any form.
3. Families with a task that DEMONSTRATED names are never held out: they are the programs that
   everyone tries first, and what is shown of the model must be able to write them.
4. Of every third remaining function or script task (by the same kind of hash), one instruction is
   held out. It is one that fixes what is asked for: it names the entry point or, for a script,
   has at least 50 characters; and no other task has the same text.

5. A held-out task is scored on one instruction, chosen among the fitting ones in the same way.

Only the `function` and `script` tasks are scored; `edit` tasks are split with their relatives.

usage: python split.py [--check]     writes split.json, or compares it with what the rule gives
"""

import collections
import hashlib
import json
import pathlib
import sys

HERE = pathlib.Path(__file__).parent
SALT = "ondevice everyday 1"
DEMONSTRATED = (
    "numbers/fizzbuzz-print",
    "numbers/prime-check",
    "numbers/factorial",
    "strings/reverse-text",
    "strings/palindrome-phrase",
    "numbers/fibonacci-list",
    "strings/vowel-total",
    "strings/word-total",
    "numbers/celsius-to-fahrenheit",
    "numbers/digit-sum",
    "algorithms/binary-search",
    "algorithms/bubble-sort",
    "numbers/leap-year",
    "numbers/gcd-two",
    "collections/flatten-one-level",
    "collections/dedupe-keep-order",
    "algorithms/stack-class",
    "classes/account",
    "strings/caesar-cipher",
    "numbers/multiplication-grid",
)


def read_tasks() -> list[dict]:
    """Return all tasks in the order of files and lines."""
    return [
        json.loads(line)
        for file in sorted(HERE.glob("*.jsonl"))
        for line in file.read_text(encoding="utf-8").splitlines()
    ]


def fraction(text: str) -> float:
    """Map a text to a number in [0, 1) that is the same everywhere."""
    digest = hashlib.sha256(f"{SALT}\n{text}".encode()).digest()
    return int.from_bytes(digest[:8], "big") / 2**64


def normal(instruction: str) -> str:
    """Return an instruction as it is compared with others."""
    return instruction.strip().casefold()


def families(tasks: list[dict]) -> list[list[str]]:
    """Return the ids of the tasks in groups of relatives."""
    parent = {task["id"]: task["id"] for task in tasks}

    def root(name: str) -> str:
        while parent[name] != name:
            parent[name] = parent[parent[name]]
            name = parent[name]
        return name

    bonds = collections.defaultdict(list)
    for task in tasks:
        if task["entry_point"]:
            bonds["entry", task["entry_point"]].append(task["id"])
        for instruction in task["instructions"]:
            bonds["wording", normal(instruction)].append(task["id"])
    for line in (HERE / "relatives.txt").read_text(encoding="utf-8").splitlines():
        if not line.startswith("#"):
            bonds["relatives", line] = line.split()
    for first, *others in bonds.values():
        for other in others:
            parent[root(other)] = root(first)
    groups = collections.defaultdict(list)
    for task in tasks:
        groups[root(task["id"])].append(task["id"])
    return sorted(sorted(group) for group in groups.values())


def fitting_wording(task: dict, counts: collections.Counter) -> int | None:
    """Return the index of an instruction that fixes what is asked for, if the task has one."""

    def fits(instruction: str) -> bool:
        if counts[normal(instruction)] > 1:
            return False
        entry = task["entry_point"]
        return entry in instruction if entry else len(instruction) >= 50

    fitting = [number for number, text in enumerate(task["instructions"]) if fits(text)]
    if not fitting:
        return None
    return fitting[int(fraction(f"which of {task['id']}") * len(fitting))]


def split(tasks: list[dict]) -> dict:
    """Return the whole split, as split.json holds it: ids with the index of one instruction.

    Of a held-out task, that is the one to score, or null where none is scored; of the others, the
    one that is held out.
    """
    held_out = {
        name
        for group in families(tasks)
        if fraction(group[0]) < 0.1 and not set(group) & set(DEMONSTRATED)
        for name in group
    }
    counts = collections.Counter(normal(text) for task in tasks for text in task["instructions"])
    held_out_tasks, held_out_wordings = {}, {}
    for task in tasks:
        wording = None if task["kind"] == "edit" else fitting_wording(task, counts)
        if task["id"] in held_out:
            held_out_tasks[task["id"]] = wording
        elif wording is not None and fraction(f"wording of {task['id']}") < 1 / 3:
            held_out_wordings[task["id"]] = wording
    return {"held_out_tasks": held_out_tasks, "held_out_wordings": held_out_wordings}


def main() -> int:
    text = json.dumps(split(read_tasks()), indent=1) + "\n"
    path = HERE / "split.json"
    if "--check" in sys.argv[1:]:
        if path.read_text(encoding="utf-8") != text:
            print(f"{path.name} is not what the rule gives")
            return 1
        return 0
    path.write_text(text, encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
