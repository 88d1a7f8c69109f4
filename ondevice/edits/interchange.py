"""Edits to and from the ``unidiff`` package's objects, for diffs that other tools made."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ondevice.edits.buffer import Buffer, LineEnd
from ondevice.edits.edit import Edit, Hunk, Line, Op
from ondevice.edits.unified import Unified
from ondevice.errors import EditError

if TYPE_CHECKING:
    from unidiff.patch import Hunk as PatchHunk
    from unidiff.patch import PatchedFile, PatchSet

_OPS: dict[str, Op] = {" ": " ", "-": "-", "+": "+"}


def to_unidiff(edit: Edit, buffer: Buffer, path: str) -> PatchSet:
    """Return ``edit``, made for ``buffer``, as a patch of the file ``path``."""
    from unidiff.patch import PatchSet

    return PatchSet(Unified(path, buffer.newline).write(edit))


def from_unidiff(patch: PatchSet | PatchedFile, *, newline: LineEnd = "\n") -> Edit:
    r"""Return the edit that a patch of one file makes.

    ``newline`` is that of the buffer it is for; with ``"\r\n"``, a ``\r`` that ends a line of
    the patch is part of the line break.

    Raises:
        EditError: The patch set has more than one file.
    """
    from unidiff.patch import PatchSet

    if isinstance(patch, PatchSet):
        if len(patch) > 1:
            raise EditError(f"the patch set has {len(patch)} files; an edit is for one buffer")
        return from_unidiff(patch[0], newline=newline) if patch else Edit(())
    return Edit(tuple(_hunk(hunk, newline) for hunk in patch))


def _hunk(hunk: PatchHunk, newline: LineEnd) -> Hunk:
    lines: list[Line] = []
    for line in hunk:
        if line.line_type == "\\":
            lines[-1] = Line(lines[-1].op, lines[-1].text, newline=False)
        elif line.line_type in _OPS:  # not so for an empty line that follows the last hunk
            text = line.value.removesuffix("\n").removesuffix(newline.removesuffix("\n"))
            lines.append(Line(_OPS[line.line_type], text))
    start = hunk.source_start - 1 if hunk.source_length else hunk.source_start
    return Hunk(start, tuple(lines))
