"""How an instruction is put before the edits that answer it."""

from ondevice.edits import SEPARATOR

TEMPLATE = "{instruction}\n" + SEPARATOR
"""The prompt of the published LintSeq models (arXiv 2410.02749)."""
