"""The rules by which the published implementation makes a program of a path of edits.

They are wrong, each in the way that ``Fault`` says, and exist only so that figures can be compared
with published ones. Edits are read by ``ondevice.edits``. Written from a description of what the
published resolver does, not from its code.
"""

from __future__ import annotations

import enum
import re
from collections.abc import Collection, Sequence

from ondevice.edits import SEPARATOR
from ondevice.errors import DiffSyntaxError

END_TOKEN = "<|endoftext|>"
_HEADER = re.compile(r"@@ -\d+(?:,\d+)? \+(\d+)(?:,(\d+))? @@")


class Fault(enum.StrEnum):
    """One thing that the published resolver does wrong."""

    END_TOKEN = "strips the end token as a set of characters"
    AT_SIGNS = "drops a hunk with @@ in a line of code"
    REMOVED = "inserts removed lines"
    PLUS = "strips a leading + of code"
    COUNTS = "ignores counts"
    MALFORMED = "skips a malformed hunk"


ALL_FAULTS = frozenset(Fault)


def resolve(diffs: Sequence[str], faults: Collection[Fault] = ALL_FAULTS) -> list[str]:
    """Return the lines of the program that the diffs of a path make.

    The path is the text that ends with the last line of its last edit and the end token. Without
    faults, valid edits give what they should.

    Raises:
        DiffSyntaxError: A hunk is malformed, or has other lines than its header counts, and no
            fault lets that pass.
    """
    text = f"\n{SEPARATOR}".join(diffs) + END_TOKEN
    text = text.strip(END_TOKEN) if Fault.END_TOKEN in faults else text.removesuffix(END_TOKEN)
    lines: list[str] = []
    for diff in text.split(f"\n{SEPARATOR}") if diffs else ():
        for hunk in _hunks(diff):
            _apply(hunk, lines, faults)
    return lines


def faults_that_change(diffs: Sequence[str]) -> list[Fault]:
    """Return which faults, each taken alone, change what valid diffs make."""
    right = resolve(diffs, ())
    return [fault for fault in Fault if resolve(diffs, (fault,)) != right]


def _hunks(diff: str) -> list[list[str]]:
    """Return the hunks, each a header with the lines up to the next."""
    hunks: list[list[str]] = []
    for line in diff.split("\n"):
        if line.startswith("@@") or not hunks:
            hunks.append([])
        hunks[-1].append(line)
    return hunks


def _apply(hunk: list[str], lines: list[str], faults: Collection[Fault]) -> None:
    header = _HEADER.fullmatch(hunk[0])
    if header is None or any(not line.startswith(("+", "-")) for line in hunk[1:]):
        if Fault.MALFORMED in faults:
            return
        raise DiffSyntaxError(f"a malformed hunk: {hunk[0]!r}")
    if Fault.AT_SIGNS in faults and any("@@" in line for line in hunk[1:]):
        return
    start, count = int(header[1]), int(header[2] or 1)
    added = [line for line in hunk[1:] if line.startswith("+")]
    if Fault.COUNTS not in faults and len(added) != count:
        raise DiffSyntaxError(f"{hunk[0]!r} is followed by {len(added)} lines, not {count}")
    row = start - 1 if count else start
    for line in hunk[1:]:
        if line.startswith("+") or Fault.REMOVED in faults:
            text = line[1:].lstrip("+") if Fault.PLUS in faults else line[1:]
            lines.insert(row, text)
            row += 1
        else:
            del lines[row : row + 1]
