"""What ``ondevice bench all`` leaves behind: one JSON document, one page, and how two differ."""

from ondevice.evaluation.report.compare import Difference, compare
from ondevice.evaluation.report.document import BENCH_SCHEMA, bench_document, read_document
from ondevice.evaluation.report.page import page

__all__ = ["BENCH_SCHEMA", "Difference", "bench_document", "compare", "page", "read_document"]
