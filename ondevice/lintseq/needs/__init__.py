"""What each line of a program needs of the others: how states are judged without a linter."""

from ondevice.lintseq.needs.graph import Graph
from ondevice.lintseq.needs.layout import Layout

__all__ = ["Graph", "Layout"]
