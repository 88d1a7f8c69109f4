"""From two texts to the edit that makes one of the other, as difflib sees it."""

from collections.abc import Sequence
from difflib import SequenceMatcher

from ondevice.edits.buffer import Buffer
from ondevice.edits.edit import Edit, Hunk, Line, Op
from ondevice.errors import EditError


def diff(before: Buffer | Sequence[str], after: Buffer | Sequence[str], context: int = 0) -> Edit:
    """Return the edit that makes ``after`` of ``before``.

    Its hunks are those of ``difflib.unified_diff(before, after, n=context)``. A sequence of
    lines (without line ends) counts as a text whose last line ends with a newline. Equal texts
    give an edit without hunks.

    Raises:
        EditError: Two buffers differ in ``newline`` or ``bom``, which no edit can change.
        ValueError: A line of a sequence holds a line break.
    """
    if isinstance(before, Buffer) and isinstance(after, Buffer):
        _check_envelopes(before, after)
    old, new = _comparable(before), _comparable(after)
    matcher = SequenceMatcher(None, old, new)
    hunks = []
    for group in matcher.get_grouped_opcodes(context):
        lines: list[Line] = []
        for tag, i1, i2, j1, j2 in group:
            if tag == "equal":
                lines += _lines(" ", old[i1:i2])
            else:
                lines += _lines("-", old[i1:i2])
                lines += _lines("+", new[j1:j2])
        hunks.append(Hunk(group[0][1], tuple(lines)))
    return Edit(tuple(hunks))


def _check_envelopes(before: Buffer, after: Buffer) -> None:
    if before.newline != after.newline:
        raise EditError(
            f"an edit cannot turn line ends {before.newline!r} into {after.newline!r}; "
            r'make both buffers with newline="\n" to have them compared as part of the lines'
        )
    if before.bom != after.bom:
        raise EditError("an edit cannot add or remove a byte-order mark")


def _comparable(side: Buffer | Sequence[str]) -> list[str]:
    """Return the lines, the last one marked with a break (which no line holds) if it lacks one."""
    buffer = side if isinstance(side, Buffer) else Buffer(side)
    lines = list(buffer.lines)
    if not buffer.final_newline:
        lines[-1] += "\n"
    return lines


def _lines(op: Op, texts: Sequence[str]) -> list[Line]:
    return [Line(op, text.removesuffix("\n"), newline=not text.endswith("\n")) for text in texts]
