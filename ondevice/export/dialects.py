"""In which dialect a checkpoint writes edits, and what it is asked with."""

from __future__ import annotations

from ondevice.backends.onnx_files import read_chat
from ondevice.edits import LINTSEQ, SEPARATOR, TEMPLATE, UNIFIED
from ondevice.errors import RequestError
from ondevice.export.checkpoint import Checkpoint
from ondevice.prompts import unified_template

DIALECTS = (LINTSEQ.name, UNIFIED.name)


def choose_dialect(checkpoint: Checkpoint, asked: str | None) -> str:
    """Return the dialect ``asked`` for, or else LintSeq's for a tokenizer that knows
    ``<|diff|>``, and unified diffs for any other.

    Raises ``RequestError`` for a dialect that is not known, or that the tokenizer cannot write.
    """
    state = checkpoint.tokenizer
    tokens = {*state["model"]["vocab"], *(entry["content"] for entry in state["added_tokens"])}
    if asked is None:
        return LINTSEQ.name if SEPARATOR in tokens else UNIFIED.name
    if asked not in DIALECTS:
        raise RequestError(f"there is no dialect {asked!r}, only {' and '.join(DIALECTS)}")
    if asked == LINTSEQ.name and SEPARATOR not in tokens:
        raise RequestError(
            f"{checkpoint.folder} cannot write the dialect {asked}: its tokenizer has no token "
            f"{SEPARATOR}"
        )
    return asked


def prompt_template(checkpoint: Checkpoint, dialect: str) -> str:
    """Return the text that a request is put into: LintSeq's, or the checkpoint's chat template
    with a request for a unified diff."""
    if dialect == LINTSEQ.name:
        return TEMPLATE
    return unified_template(read_chat(checkpoint.folder))
