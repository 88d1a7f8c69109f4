"""Edits: what they are, how models write them, and the buffer that they apply to.

Pure values and text; of this package it imports the errors alone, and beyond the standard
library nothing (``ondevice.edits.interchange`` imports unidiff when it is called).
"""

from ondevice.edits.buffer import Buffer
from ondevice.edits.dialect import Dialect
from ondevice.edits.difference import diff
from ondevice.edits.draft import Draft
from ondevice.edits.edit import Edit, Hunk, Line, Op
from ondevice.edits.header import Header, format_range, headers
from ondevice.edits.lintseq import LINTSEQ, SEPARATOR, TEMPLATE, LintSeq
from ondevice.edits.reader import (
    NO_NEWLINE,
    EditRead,
    HunkRead,
    HunkStarted,
    LineRead,
    Reader,
    ReaderEvent,
    SequenceEnded,
)
from ondevice.edits.unified import UNIFIED, Unified

__all__ = [
    "LINTSEQ",
    "NO_NEWLINE",
    "SEPARATOR",
    "TEMPLATE",
    "UNIFIED",
    "Buffer",
    "Dialect",
    "Draft",
    "Edit",
    "EditRead",
    "Header",
    "Hunk",
    "HunkRead",
    "HunkStarted",
    "Line",
    "LineRead",
    "LintSeq",
    "Op",
    "Reader",
    "ReaderEvent",
    "SequenceEnded",
    "Unified",
    "diff",
    "format_range",
    "headers",
]
