"""A check that runs the program with tests."""

from __future__ import annotations

import re

from ondevice.checks.execution import FILE, TIMEOUT, Outcome, run_to_the_end
from ondevice.checks.python import syntax
from ondevice.errors import RequestError
from ondevice.events import Finding

_TRACEBACK = "Traceback (most recent call last):\n"
_FRAME = re.compile(rf'^ *File ".*\b{re.escape(FILE)}", line (\d+)', re.MULTILINE)


class Tests:
    """A check that a program passes when ``code``, run after it, comes to its end.

    ``code`` is Python: assertions, or a whole program. It shares the names of the checked program,
    which runs first, as a script that gets ``stdin``. A failed assertion, any other error, an
    early exit (whatever its code), or more than ``timeout`` seconds are a finding; its ``line`` is
    where in the checked program the error came from, 1 where it came from the tests alone, and
    the message holds the line of the tests.

    Programs run in a process of their own with limits on time, memory and output, but in no
    sandbox. The check says by ``finished_only`` that it wants finished programs.
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

    def __call__(self, text: str) -> list[Finding]:
        """Run the program, then the tests; return what came in between, at most one finding."""
        # What is unfinished could swallow the tests: an open string, say.
        if findings := syntax(text):
            return findings
        outcome = run_to_the_end(f"{text}\n{self.code}", stdin=self.stdin, timeout=self.timeout)
        return [] if outcome is None else [self._finding(text, outcome)]

    def _finding(self, text: str, outcome: Outcome) -> Finding:
        """Blame the last line of the program on the way to the error, and name the test."""
        if outcome.code is None:
            return Finding("tests", 1, outcome.failure)
        if outcome.code == 0:
            return Finding("tests", 1, "exited before the last line of the tests")
        traceback = outcome.stderr.rpartition(_TRACEBACK)[2]
        first_test = text.count("\n") + 2  # after the newline between them
        places = [int(number) for number in _FRAME.findall(traceback)]
        line = next((place for place in reversed(places) if place < first_test), 1)
        message = outcome.failure
        if test := next((place for place in reversed(places) if place >= first_test), None):
            number = test - first_test + 1
            source = [*self.code.split("\n"), ""][number - 1].strip()
            message += f", in line {number} of the tests: {source}"
        return Finding("tests", line, message)


# By the name that a user calls: ``checks.tests("assert fizzbuzz(3) == 'Fizz'")``.
tests = Tests
