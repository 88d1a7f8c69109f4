"""Verdicts on a buffer."""

from ondevice.checks.base import Check, resolve_checks, run_checks
from ondevice.checks.python import names, syntax

__all__ = ["Check", "names", "resolve_checks", "run_checks", "syntax"]
