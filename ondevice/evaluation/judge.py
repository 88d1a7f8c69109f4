"""Does a program do what its task asks? Judged by running it in the sandbox."""

from __future__ import annotations

from functools import cache

from ondevice.sandbox import Assertions, Job, Limits, Output, Sandbox, Verdict

__all__ = ["TIMEOUT", "Verdict", "judge_function", "judge_script"]

TIMEOUT = 10.0
"""Seconds that a program may take."""


def judge_function(program: str, tests: list[str]) -> Verdict:
    """Run assertions after the program; it passes when all hold."""
    limits = Limits(seconds=TIMEOUT)
    return _sandbox().judge_one(Job(program, Assertions(tuple(tests)), limits=limits))


def judge_script(program: str, stdin: str, stdout: str) -> Verdict:
    """Run the program on ``stdin``; it passes when it prints just ``stdout`` and exits with 0."""
    limits = Limits(seconds=TIMEOUT)
    return _sandbox().judge_one(Job(program, Output(((stdin, stdout),)), limits=limits))


@cache
def _sandbox() -> Sandbox:
    return Sandbox()
