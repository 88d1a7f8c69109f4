"""Verdicts on a buffer."""

from ondevice.checks.base import Check, resolve_checks, run_checks
from ondevice.checks.python import names, parsed, quietly, syntax, tree_of

__all__ = [
    "Check",
    "names",
    "parsed",
    "quietly",
    "resolve_checks",
    "run_checks",
    "syntax",
    "tree_of",
]
