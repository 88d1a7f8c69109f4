"""What a check is: a function from the text of a buffer to what is wrong with it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from typing import Any

from ondevice.edits.buffer import BYTE_ORDER_MARK
from ondevice.errors import CheckError, OndeviceError, RequestError
from ondevice.events import Finding
from ondevice.plugins import CHECKS, find_plugin, plugin_names

Check = Callable[[str], Sequence[Finding]]
"""Returns findings, most relevant first; an empty list means that the text passes. A check that
cannot be carried out raises: that is never the verdict "clean".

Every edit leaves a whole program, so a check judges the buffer after each one. A check that only
makes sense of a finished program (tests, say) has an attribute ``finished_only`` that is true; it
is asked once, when the sample is finished. A plain function has no such attribute, and judges
every edit."""


def split_checks(checks: Sequence[Check]) -> tuple[list[Check], list[Check]]:
    """Part checks into those for every edit and those for finished programs, in their order."""
    late = [check for check in checks if getattr(check, "finished_only", False)]
    return [check for check in checks if check not in late], late


def run_checks(checks: Sequence[Check], text: str) -> tuple[Finding, ...]:
    """Return the findings of the first check that has any.

    A byte-order mark is kept from them: it is part of a file's encoding, not of its program.
    Raises ``CheckError`` when a check crashes, or returns anything but findings; what a check
    raises of this package's own errors passes through.
    """
    text = text.removeprefix(BYTE_ORDER_MARK)
    for check in checks:
        try:
            findings = tuple(check(text))
        except OndeviceError:
            raise
        except Exception as error:
            raise CheckError(
                f"the check {_name(check)!r} crashed: {type(error).__name__}: {error}"
            ) from error
        for finding in findings:
            if not isinstance(finding, Finding):
                raise CheckError(f"the check {_name(check)!r} returned {finding!r}, not a Finding")
        if findings:
            return findings
    return ()


def beyond(findings: Sequence[Finding], known: Sequence[Finding]) -> tuple[Finding, ...]:
    """Return the findings that are not among those known, wherever their lines are now."""
    left = Counter((finding.check, finding.message) for finding in known)
    new = []
    for finding in findings:
        what = finding.check, finding.message
        if left[what]:
            left[what] -= 1
        else:
            new.append(finding)
    return tuple(new)


def resolve_checks(checks: str | Check | Sequence[str | Check]) -> list[Check]:
    """Turn names (``"names"``, ``"pylint"``, ``"ruff"``, ``"syntax"``, ``"none"``) and callables
    into checks. Those by name are made anew, so that what they remember goes with the request;
    other packages may bring some (see ``plugins``).

    Raises ``RequestError`` for a name that is not known, and ``DependencyError`` for a check whose
    package is not installed, or cannot be loaded.
    """
    try:
        wanted = [checks] if isinstance(checks, str) or callable(checks) else list(checks)
    except TypeError:
        raise RequestError(f"checks are names and functions, not {checks!r}") from None
    named = _named_checks()
    resolved: list[Check] = []
    for check in wanted:
        if callable(check):
            resolved.append(check)
        elif check in named:
            resolved.append(named[check]())
        elif check in plugin_names(CHECKS):
            resolved.append(_brought(check))
        elif check != "none":
            there = ", ".join([*sorted(named), *plugin_names(CHECKS)])
            hint = "; tests come with their code: checks.tests(code)" if check == "tests" else ""
            raise RequestError(f"no check is called {check!r}; there are {there} and none{hint}")
    return resolved


def _named_checks() -> dict[str, Callable[[], Check]]:
    from ondevice.checks.incremental import IncrementalNames, IncrementalSyntax
    from ondevice.checks.linters import Pylint, Ruff

    return {"syntax": IncrementalSyntax, "names": IncrementalNames, "ruff": Ruff, "pylint": Pylint}


def _brought(name: str) -> Check:
    found: Any = find_plugin(CHECKS, name)
    check: Check = found() if isinstance(found, type) else found
    return check


def _name(check: Check) -> str:
    return getattr(check, "__name__", repr(check))
