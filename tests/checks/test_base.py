"""How checks are named, told apart and run."""

from __future__ import annotations

import functools

import pytest

from ondevice.checks import run_checks, split_checks, tests
from ondevice.errors import CheckError, DependencyError
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
