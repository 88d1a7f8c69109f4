"""What ``ondevice bench all`` leaves behind: one JSON document, one page, and how two differ."""

from ondevice.evaluation.report.compare import Difference, compare
from ondevice.evaluation.report.document import WHOLE, bench_document, read_document, read_runs
from ondevice.evaluation.report.page import page

__all__ = [
    "WHOLE",
    "Difference",
    "bench_document",
    "compare",
    "page",
    "read_document",
    "read_runs",
]
