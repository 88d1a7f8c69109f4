"""Does a program do what its task asks? Judged by running it, as ``checks.execution`` describes:
with limits, but in no sandbox."""

from __future__ import annotations

from dataclasses import dataclass

from ondevice.checks import execution

TIMEOUT = execution.TIMEOUT
"""Seconds that a program may take."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """Whether a program passed, and if not, why in one line."""

    passed: bool
    reason: str = ""


def judge_function(program: str, tests: list[str]) -> Verdict:
    """Run assertions after the program; it passes when all hold."""
    outcome = execution.run_to_the_end("\n".join([program, *tests]), timeout=TIMEOUT)
    if outcome is None:
        return Verdict(True)
    return Verdict(False, outcome.failure or "exited before the last assertion")


def judge_script(program: str, stdin: str, stdout: str) -> Verdict:
    """Run the program on ``stdin``; it passes when it prints just ``stdout`` and exits with 0."""
    outcome = execution.run_program(program, stdin=stdin, timeout=TIMEOUT)
    if outcome.code == 0 and outcome.stdout == stdout:
        return Verdict(True)
    return Verdict(False, outcome.failure or f"printed {outcome.stdout[:60]!r}")
