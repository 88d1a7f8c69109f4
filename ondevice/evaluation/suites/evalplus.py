"""HumanEval+ and MBPP+ (EvalPlus, arXiv 2305.01210): outputs compared with the reference's.

A row has ``task_id``, ``prompt``, ``entry_point``, ``canonical_solution`` (what follows on the
prompt), ``base_input`` and ``plus_input`` (lists of argument lists), ``atol`` (absolute tolerance),
``contract`` and, in MBPP+, ``assertion``. Contracts guard the making of inputs and judge nothing.
Expected outputs, and the time that a call may take (four times the reference's, at least one
second), come from running the reference in the sandbox. The first test of a problem is all base
inputs, the second all others, so that a verdict tells pass@k on the base tests, too.

Comparing follows EvalPlus 0.3.1 (see ``oracle``), its own rules for some tasks included, but for
two (Mbpp/558 and Mbpp/581), where it accepts another reading beside the reference's, and one
(HumanEval/32), whose inputs it compares but does not count, so that no program passes there
(``bench/peers/oracle.py`` lays both side by side).

The instruction is the signature with its docstring for HumanEval+, the text of the docstring
(a sentence and an assertion) for MBPP+.
"""

from __future__ import annotations

import dataclasses
import hashlib
import importlib.resources
import json
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ondevice.errors import CheckError
from ondevice.evaluation.suites.base import Problem
from ondevice.evaluation.suites.fields import Row
from ondevice.evaluation.suites.mbpp_inputs import restored
from ondevice.files import write_atomically
from ondevice.sandbox import Assertions, Limits, Sandbox

STAGES = ("base",)
_SLOWER, _LEAST = 4.0, 1.0
"""How many times the reference's time a call may take, and seconds that it may in any case."""
_LONGEST = 60.0
_REFERENCE_SECONDS = 600.0
HUMANEVAL_RULES = {"find_zero": "root"}
MBPP_RULES = {
    "are_equivalent": "any",
    "sum_div": "or zero",
    **dict.fromkeys(("check_str", "text_match_three", "text_starta_endb"), "not none"),
    **dict.fromkeys(
        (
            *("similar_elements", "find_char_long", "common_in_nested_lists", "extract_singly"),
            *("larg_nnum", "intersection_array", "find_dissimilar", "Diff"),
        ),
        "set",
    ),
}
"""By entry point: tasks with more than one right output."""


def read_humaneval(rows: Iterable[Row]) -> list[Problem]:
    """Return the problems of a HumanEval+ file; raises ``DataError`` for a row that is none."""
    return [_problem(row, row.text("prompt").rstrip("\n"), False) for row in rows]


def read_mbpp(rows: Iterable[Row]) -> list[Problem]:
    """Return the problems of an MBPP+ file; raises ``DataError`` for a row that is none."""
    return [_problem(row, row.text("prompt").strip().strip("\"'").strip(), True) for row in rows]


def _problem(row: Row, instruction: str, mbpp: bool) -> Problem:
    prompt, entry_point = row.text("prompt"), row.text("entry_point")
    inputs = tuple(_inputs(row, name, mbpp) for name in ("base_input", "plus_input"))
    tolerance = row.value("atol")
    if isinstance(tolerance, bool) or not isinstance(tolerance, int | float):
        raise row.wrong("atol", "a number")
    rules = MBPP_RULES if mbpp else HUMANEVAL_RULES
    return Problem(
        id=row.text("task_id"),
        instruction=instruction,
        expect=Assertions(()),
        entry_point=entry_point,
        stub=prompt,
        reference=prompt + row.text("canonical_solution"),
        pending=Differential(inputs, float(tolerance), rules.get(entry_point, "")),
    )


def _inputs(row: Row, name: str, mbpp: bool) -> tuple[list[Any], ...]:
    found = row.value(name)
    if found in ({}, None):  # so the files write an empty list at times
        found = []
    if not isinstance(found, list) or not all(isinstance(item, list) for item in found):
        raise row.wrong(name, "a list of argument lists")
    if not mbpp:
        return tuple(found)
    try:
        number = int(row.text("task_id").rpartition("/")[2])
        return tuple(restored(number, item) for item in found)
    except (LookupError, TypeError, ValueError, AttributeError) as error:
        raise row.wrong(name, f"arguments of this task's form ({error})") from error


@dataclass(frozen=True, slots=True)
class Differential:
    """Inputs by stage, of which the reference's outputs are expected; see ``base.Pending``."""

    inputs: tuple[tuple[list[Any], ...], ...]
    tolerance: float
    rule: str

    def settle(self, problem: Problem, sandbox: Sandbox, cache: Path | None) -> Problem:
        """Run the reference and return the problem with its tests.

        Raises ``CheckError`` when the reference does not come to its end.
        """
        program = self._program(problem)
        kept = cache / f"{hashlib.sha256(program.encode()).hexdigest()}.json" if cache else None
        answer = _kept(kept) or self._computed(problem, program, sandbox)
        if kept:
            kept.parent.mkdir(parents=True, exist_ok=True)
            write_atomically(kept, json.dumps(answer))
        tests = tuple(
            f"compare({problem.entry_point}, load_stages({stage!r}), {self.tolerance}, "
            f"{self.rule!r})"
            for stage in answer["stages"]
        )
        return dataclasses.replace(
            problem,
            expect=Assertions(tests, _text("oracle.py")),
            first=Assertions(tests[:1], _text("oracle.py")),
            seconds=max(Limits().seconds, min(_LONGEST, answer["seconds"]) + 1),
            pending=None,
        )

    def _program(self, problem: Problem) -> str:
        settings = (self.inputs, problem.entry_point, self.rule == "not none", _SLOWER, _LEAST)
        return f"{_text('reference.py')}\n\nmain({problem.reference!r}, *{settings!r})\n"

    def _computed(self, problem: Problem, program: str, sandbox: Sandbox) -> dict[str, Any]:
        outcome = sandbox.run(program, limits=Limits(seconds=_REFERENCE_SECONDS))
        try:
            answer: dict[str, Any] = json.loads(outcome.stdout.strip().rpartition("\n")[2])
        except ValueError:
            reason = outcome.stderr.strip().rpartition("\n")[2] or outcome.status
            raise CheckError(
                f"the reference of {problem.id} does not run on its own inputs, so nothing can be "
                f"judged by it: {reason}"
            ) from None
        return answer


def _kept(path: Path | None) -> dict[str, Any] | None:
    try:
        found = json.loads(path.read_text(encoding="utf-8")) if path else None
    except (OSError, ValueError):
        return None
    return found if isinstance(found, dict) else None


def _text(name: str) -> str:
    return importlib.resources.files(__package__).joinpath(name).read_text(encoding="utf-8")
