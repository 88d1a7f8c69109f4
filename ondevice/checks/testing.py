"""A check that runs the program with tests."""

from __future__ import annotations

import weakref

from ondevice.checks.python import syntax
from ondevice.errors import RequestError
from ondevice.events import Finding
from ondevice.sandbox import Assertions, Job, Limits, Sandbox, Verdict

TIMEOUT = 10.0
"""Seconds that a program and its tests may take."""


class Tests:
    """A check that a program passes when ``code``, run after it, comes to its end.

    ``code`` is Python: assertions, or a whole program. It shares the names of the checked program,
    which runs first, as a script that gets ``stdin``. A failed assertion, any other error, an
    early exit (whatever its code), or more than ``timeout`` seconds are a finding; its ``line`` is
    where in the checked program the error came from, 1 where it came from the tests alone, and
    the message holds the line of the tests.

    Programs run in the sandbox; the first one waits until its worker has started, which lives as
    long as the check. The check says by ``finished_only`` that it wants finished programs.
    """

    __name__ = "tests"
    __test__ = False  # pytest takes a class of this name for its own
    finished_only = True

    def __init__(self, code: str, *, stdin: str = "", timeout: float = TIMEOUT) -> None:
        """Raise ``RequestError`` for tests that are empty or do not parse, or a wrong timeout."""
        if not code.strip():
            raise RequestError("the tests are empty; give assertions about the program")
        if findings := syntax(code):
            error = findings[0]
            raise RequestError(f"the tests do not parse: {error.message}, line {error.line}")
        if not timeout > 0:
            raise RequestError(f"the timeout of tests must be above 0 seconds, not {timeout}")
        self.code = code
        self.stdin = stdin
        self.timeout = timeout
        self._sandbox = Sandbox(limits=Limits(seconds=timeout))
        weakref.finalize(self, self._sandbox.close)

    def __call__(self, text: str) -> list[Finding]:
        """Run the program, then the tests; return what came in between, at most one finding."""
        # What is unfinished could swallow the tests: an open string, say.
        if findings := syntax(text):
            return findings
        expect = Assertions((self.code,), stdin=self.stdin)
        verdict = self._sandbox.judge_one(Job(text, expect))
        return [] if verdict.passed else [self._finding(verdict)]

    def _finding(self, verdict: Verdict) -> Finding:
        """Blame the last line of the program on the way to the error, and name the test."""
        message = verdict.reason.replace("the last test", "the last line of the tests")
        if number := verdict.test_line:
            source = [*self.code.split("\n"), ""][number - 1].strip()
            message += f", in line {number} of the tests: {source}"
        return Finding("tests", verdict.line or 1, message)


# By the name that a user calls: ``checks.tests("assert fizzbuzz(3) == 'Fizz'")``.
tests = Tests
