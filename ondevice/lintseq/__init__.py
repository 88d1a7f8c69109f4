"""Refactor programs into edit sequences with a linter."""

from ondevice.lintseq.corpus import Summary, refactor_file
from ondevice.lintseq.refactor import Refactoring, refactor, shrink

__all__ = ["Refactoring", "Summary", "refactor", "refactor_file", "shrink"]
