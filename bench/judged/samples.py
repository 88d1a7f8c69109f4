"""Programs to be judged: of everyday tasks, right ones, mutated, crashing, looping and hostile."""

from __future__ import annotations

import ast
import json
import random
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from judged import hostile

EVERYDAY = Path(__file__).parents[1] / "everyday"
_SWAPPED = {
    ast.Add: ast.Sub,
    ast.Sub: ast.Add,
    ast.Mult: ast.Add,
    ast.FloorDiv: ast.Mult,
    ast.Mod: ast.Mult,
    ast.Lt: ast.LtE,
    ast.LtE: ast.Lt,
    ast.Gt: ast.GtE,
    ast.GtE: ast.Gt,
    ast.Eq: ast.NotEq,
    ast.NotEq: ast.Eq,
    ast.In: ast.NotIn,
    ast.And: ast.Or,
    ast.Or: ast.And,
}
_CRASHES = ("1 / 0", "import no_such_module", "raise ValueError('no')", "[][1]", "def broken(:")


@dataclass(frozen=True)
class Task:
    """A task whose program is judged by assertions; ``cases`` are (arguments, result) where all of
    its tests have that form, with no float in the result."""

    id: str
    entry_point: str
    programs: tuple[str, ...]
    tests: tuple[str, ...]
    cases: tuple[tuple[list[object], object], ...] | None


@dataclass(frozen=True)
class Sample:
    """A program for a task; ``kind`` right, mutated, crashing, looping or hostile."""

    task: Task
    kind: str
    name: str
    program: str


def tasks() -> list[Task]:
    found = []
    for file in sorted(EVERYDAY.glob("*.jsonl")):
        for line in file.read_text(encoding="utf-8").split("\n"):
            row = json.loads(line) if line else {"kind": None}
            if row["kind"] == "function":
                tests = tuple(row["tests"])
                cases = tuple(_case(test, row["entry_point"]) for test in tests)
                found.append(
                    Task(
                        row["id"],
                        row["entry_point"],
                        tuple(row["programs"]),
                        tests,
                        None if None in cases else cases,  # type: ignore[arg-type]
                    )
                )
    return found


def _case(test: str, entry_point: str) -> tuple[list[object], object] | None:
    match ast.parse(test).body[0]:
        case ast.Assert(ast.Compare(ast.Call(ast.Name(name), given, []), [ast.Eq()], [result])) if (
            name == entry_point
        ):
            try:
                values = [ast.literal_eval(one) for one in given]
                wanted = ast.literal_eval(result)
            except ValueError:
                return None
            floats = any(isinstance(getattr(n, "value", 0), float) for n in ast.walk(result))
            return None if floats else (values, wanted)
    return None


def samples(count: int, seed: int) -> Iterator[Sample]:
    """Yield about ``count`` programs, the same ones every time: 40% right, 50% mutated, 5%
    crashing, 1% looping, and each hostile one for a few tasks."""
    rng = random.Random(seed)
    everything = tasks()
    for _ in range(round(0.4 * count)):
        task = rng.choice(everything)
        yield Sample(task, "right", "", rng.choice(task.programs))
    for _ in range(round(0.5 * count)):
        task = rng.choice(everything)
        yield Sample(task, "mutated", "", mutated(rng.choice(task.programs), rng))
    for number in range(round(0.05 * count)):
        task = rng.choice(everything)
        crash = _CRASHES[number % len(_CRASHES)]
        yield Sample(task, "crashing", crash, f"{rng.choice(task.programs)}\n{crash}\n")
    for number in range(round(0.01 * count)):
        task = rng.choice(everything)
        loop = f"def {task.entry_point}(*_, **__):\n    while True:\n        pass\n"
        yield Sample(task, "looping", "", loop if number % 2 else "while True:\n    pass\n")
    with_cases = [task for task in everything if task.cases]
    for number in range(4):
        task = rng.choice(with_cases)
        for name, program in hostile.programs(task.entry_point, task.programs[0]):
            if number == 0 or name not in hostile.FOREVER:
                yield Sample(task, "hostile", name, program)


def mutated(program: str, rng: random.Random) -> str:
    """Change one operator, number, string or result of a program."""
    tree = ast.parse(program)
    sites = []
    for node in ast.walk(tree):
        match node:
            case ast.BinOp() | ast.BoolOp() if type(node.op) in _SWAPPED:
                sites.append(node)
            case ast.Compare() if type(node.ops[0]) in _SWAPPED:
                sites.append(node)
            case ast.Constant() if type(node.value) in (int, str, bool):
                sites.append(node)
            case ast.Return() if node.value is not None:
                sites.append(node)
    if not sites:
        return program
    match rng.choice(sites):
        case ast.Compare() as node:
            node.ops[0] = _SWAPPED[type(node.ops[0])]()
        case ast.Constant(value=bool()) as node:
            node.value = not node.value
        case ast.Constant(value=int()) as node:
            node.value += rng.choice((-1, 1))
        case ast.Constant() as node:
            node.value += "x"
        case ast.Return() as node:
            node.value = ast.Constant(None)
        case node:
            node.op = _SWAPPED[type(node.op)]()
    return ast.unparse(ast.fix_missing_locations(tree)) + "\n"
