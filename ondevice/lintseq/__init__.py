"""Refactor programs into edit sequences with a linter."""

from ondevice.lintseq.corpus import Summary, refactor_file
from ondevice.lintseq.refactor import refactor, shrink

__all__ = ["Summary", "refactor", "refactor_file", "shrink"]
