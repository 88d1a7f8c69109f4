"""Verdicts on a buffer."""

from ondevice.checks.base import Check, beyond, resolve_checks, run_checks, split_checks
from ondevice.checks.incremental import IncrementalNames, IncrementalSyntax
from ondevice.checks.python import names, parsed, quietly, syntax, tree_of
from ondevice.checks.testing import tests

__all__ = [
    "Check",
    "IncrementalNames",
    "IncrementalSyntax",
    "beyond",
    "names",
    "parsed",
    "quietly",
    "resolve_checks",
    "run_checks",
    "split_checks",
    "syntax",
    "tests",
    "tree_of",
]
