"""Judges a suite's own answers first: where those do not pass, no score would mean anything."""

from __future__ import annotations

from ondevice.errors import CheckError
from ondevice.evaluation.suites import Suite
from ondevice.sandbox import Sandbox

_NAMED = 5


def check_references(suite: Suite, sandbox: Sandbox) -> int:
    """Judge the reference of every problem that has one, and return how many passed.

    Raises ``CheckError`` when one does not pass, or when no problem has one.
    """
    jobs = [
        problem.job(problem.reference, problem.id)
        for problem in suite.problems
        if problem.reference is not None
    ]
    if not jobs:
        raise CheckError(
            f"no problem of {suite.name} comes with an answer that is known to be right, so "
            "nothing shows that right answers pass on this machine; --no-self-test goes on"
        )
    failed = {job.id: verdict for job, verdict in sandbox.judge(jobs) if not verdict.passed}
    if failed:
        named = "; ".join(
            f"{id}: {verdict.reason or verdict.status}"
            for id, verdict in sorted(failed.items())[:_NAMED]
        )
        more = f"; and {len(failed) - _NAMED} more" if len(failed) > _NAMED else ""
        raise CheckError(
            f"{len(failed)} of {len(jobs)} answers that the suite {suite.name} itself gives do not "
            f"pass on this machine, so nothing is scored ({named}{more}); --leave-out ID goes on "
            "without a problem, and says so beside the figures"
        )
    return len(jobs)
