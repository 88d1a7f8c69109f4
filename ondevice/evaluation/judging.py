"""Judges programs against problems, and tells how far a program came that does not pass."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Iterator

from ondevice.evaluation.suites import Problem
from ondevice.sandbox import Job, Sandbox, Verdict


def judge_all(
    jobs: Iterable[tuple[Problem, Job]], sandbox: Sandbox
) -> Iterator[tuple[Job, Verdict]]:
    """Judge jobs of problems and yield them as they end, in any order; see ``Sandbox.judge``."""
    problems: dict[int, Problem] = {}

    def noted() -> Iterator[Job]:
        for problem, job in jobs:
            problems[id(job)] = problem
            yield job

    for job, verdict in sandbox.judge(noted()):
        yield job, staged(problems.pop(id(job)), job, verdict, sandbox)


def staged(problem: Problem, job: Job, verdict: Verdict, sandbox: Sandbox) -> Verdict:
    """Return a verdict that tells by ``tests_passed`` which of the problem's first tests hold.

    Where that is a figure of its own, a program that does not pass them all is judged by the first
    alone: which test failed is otherwise only what the program's own process says.
    """
    if verdict.passed or problem.first is None:
        return verdict
    alone = sandbox.judge_one(dataclasses.replace(job, expect=problem.first))
    return dataclasses.replace(verdict, tests_passed=int(alone.passed))
