"""What an edit is: lines, hunks made of lines, and an edit made of hunks. All are plain values."""

from dataclasses import dataclass
from typing import Literal

Op = Literal[" ", "-", "+"]


@dataclass(frozen=True, slots=True)
class Line:
    r"""One line of a hunk: context (``" "``), removed (``"-"``) or added (``"+"``).

    ``text`` is without its line end. ``newline=False`` says that the file ends right after the
    line, as ``\ No newline at end of file`` does in a diff.
    """

    op: Op
    text: str
    newline: bool = True

    def __post_init__(self) -> None:
        if "\n" in self.text:
            raise ValueError(f"a line cannot hold a line break: {self.text!r}")


@dataclass(frozen=True, slots=True)
class Hunk:
    """One contiguous change.

    ``start`` is the 0-based index, in the buffer before the edit, of the first old line; for a
    hunk without old lines, the index of the line which the first added line will precede.
    """

    start: int
    lines: tuple[Line, ...]

    @property
    def old(self) -> tuple[Line, ...]:
        """The lines that the hunk expects in the buffer: context and removed."""
        return tuple(line for line in self.lines if line.op != "+")

    @property
    def new(self) -> tuple[Line, ...]:
        """The lines that the hunk leaves in the buffer: context and added."""
        return tuple(line for line in self.lines if line.op != "-")

    @property
    def removed(self) -> tuple[str, ...]:
        """The texts of the removed lines."""
        return tuple(line.text for line in self.lines if line.op == "-")

    @property
    def added(self) -> tuple[str, ...]:
        """The texts of the added lines."""
        return tuple(line.text for line in self.lines if line.op == "+")


@dataclass(frozen=True, slots=True)
class Edit:
    """One diff: hunks in the order of the buffer, none overlapping another."""

    hunks: tuple[Hunk, ...]

    @property
    def removed_count(self) -> int:
        """The number of removed lines."""
        return sum(len(hunk.removed) for hunk in self.hunks)

    @property
    def added_count(self) -> int:
        """The number of added lines."""
        return sum(len(hunk.added) for hunk in self.hunks)

    @property
    def insert_only(self) -> bool:
        """Whether the edit removes nothing."""
        return self.removed_count == 0
