"""How checks are named, told apart and run."""

from __future__ import annotations

import functools

import pytest

from ondevice.checks import resolve_checks, run_checks, split_checks, tests
from ondevice.errors import CheckError, DependencyError, RequestError
from ondevice.events import Finding


def test_checks_say_when_they_apply() -> None:
    def early(text: str) -> list[Finding]:
        return []

    def late(text: str) -> list[Finding]:
        return []

    late.finished_only = True  # type: ignore[attr-defined]
    partial = functools.partial(early)
    running = tests("assert True")
    assert split_checks([late, early, running, partial]) == ([early, partial], [late, running])


def test_a_missing_package_is_told_as_such() -> None:
    def missing(text: str) -> list[Finding]:
        raise DependencyError("pip install it")

    def crashing(text: str) -> list[Finding]:
        raise KeyError("x")

    with pytest.raises(DependencyError, match="pip install it"):
        run_checks([missing], "")
    with pytest.raises(CheckError, match="the check 'crashing' crashed: KeyError"):
        run_checks([crashing], "")


def test_checks_by_name() -> None:
    def own(text: str) -> list[Finding]:
        return [Finding("own", 1, "no")]

    program = "def f():\n    return g()\n"
    for name in ("names", "pylint", "ruff"):
        (finding,) = run_checks(resolve_checks(name), program)
        assert (finding.check, finding.line) == (name, 2)
        assert "undefined" in finding.message.lower()
    assert run_checks(resolve_checks("syntax"), program) == ()
    assert resolve_checks("names") != resolve_checks("names"), "each request has its own"
    assert resolve_checks("none") == resolve_checks(["none"]) == resolve_checks([]) == []
    assert [finding.check for finding in run_checks(resolve_checks(["syntax", own]), program)] == [
        "own"
    ]


def test_a_name_that_is_not_known() -> None:
    with pytest.raises(RequestError, match=r"names, pylint, ruff, syntax and none$"):
        resolve_checks(["names", "taste"])
    with pytest.raises(RequestError, match=r"checks\.tests\(code\)"):
        resolve_checks("tests")


def test_a_byte_order_mark_is_no_part_of_a_program() -> None:
    for name in ("syntax", "names"):
        assert run_checks(resolve_checks(name), "\ufeffprint(1)\n") == ()
        (finding,) = run_checks(resolve_checks(name), "\ufeffx = 1\nprint(\n")
        assert finding.line == 2
