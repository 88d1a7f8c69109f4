"""The text being written, as lines, with every version that an edit made of it."""

from collections.abc import Iterable
from typing import Literal, NamedTuple, Self

from ondevice.edits.edit import Edit
from ondevice.edits.fit import check_hunk, check_place

LineEnd = Literal["\n", "\r\n"]

BYTE_ORDER_MARK = "\ufeff"


class _Version(NamedTuple):
    lines: tuple[str, ...]
    final_newline: bool


class Buffer:
    r"""Lines of text, with versions: each applied edit makes one, and any can be gone back to.

    Line breaks are ``\n`` and ``\r\n`` only. ``newline`` is the one that ends the lines:
    ``"\r\n"`` where no other break and no lone ``\r`` occurs in the text, so that lines hold no
    ``\r``; otherwise ``"\n"``, and any ``\r`` stays in its line. A byte-order mark (``bom``) is
    kept aside, in no line. ``text`` gives all of it back, to the character.

    A version costs one tuple; the strings are shared.

    Raises:
        ValueError: One of ``lines`` holds a line break.
    """

    def __init__(
        self,
        lines: Iterable[str] = (),
        *,
        newline: LineEnd = "\n",
        bom: str = "",
        final_newline: bool = True,
    ) -> None:
        self.newline: LineEnd = newline
        self.bom = bom
        lines = tuple(lines)
        if any("\n" in line for line in lines):
            raise ValueError("lines are given without their line breaks")
        self._versions = [_Version(lines, final_newline or not lines)]

    @classmethod
    def from_text(cls, text: str, *, newline: LineEnd | None = None) -> Self:
        r"""Make a buffer of ``text``, at version 0.

        ``newline`` overrules what the text shows: ``"\n"`` keeps every ``\r`` in its line;
        ``"\r\n"``, for a text that has no line breaks yet, is what its lines will end with.

        Raises:
            ValueError: ``newline`` is ``"\r\n"``, and the text has other breaks.
        """
        bom = BYTE_ORDER_MARK if text.startswith(BYTE_ORDER_MARK) else ""
        text = text.removeprefix(bom)
        breaks = text.count("\r\n")
        uniform = breaks == text.count("\n") == text.count("\r")
        if newline is None:
            newline = "\r\n" if uniform and breaks else "\n"
        elif newline == "\r\n" and not uniform:
            raise ValueError(r"the text has line breaks other than \r\n")
        if not text:
            return cls(newline=newline, bom=bom)
        lines = text.split(newline)
        final_newline = not lines[-1]
        if final_newline:
            lines.pop()
        return cls(lines, newline=newline, bom=bom, final_newline=final_newline)

    @classmethod
    def verbatim(cls, text: str) -> Self:
        """Make a buffer whose lines hold all of ``text`` but its line feeds.

        A byte-order mark and carriage returns are part of their lines then, as for git and patch.
        """
        *lines, last = text.split("\n")
        return cls([*lines, *filter(None, [last])], final_newline=not last)

    def __repr__(self) -> str:
        return f"<Buffer version {self.version}, {len(self.lines)} lines>"

    @property
    def version(self) -> int:
        """The present version: 0 at the start, one more for every edit applied."""
        return len(self._versions) - 1

    @property
    def lines(self) -> tuple[str, ...]:
        """The lines of the present version, without their line ends."""
        return self._versions[-1].lines

    @property
    def final_newline(self) -> bool:
        """Whether the last line ends with a newline; True for an empty buffer."""
        return self._versions[-1].final_newline

    @property
    def text(self) -> str:
        """The present version, exactly as a file would hold it."""
        lines, final_newline = self._versions[-1]
        end = self.newline if lines and final_newline else ""
        return self.bom + self.newline.join(lines) + end

    def copy(self) -> "Buffer":
        """Return a buffer with the same versions, whose further edits are its own."""
        twin = Buffer(newline=self.newline, bom=self.bom)
        twin._versions = self._versions.copy()
        return twin

    def apply(self, edit: Edit) -> int:
        """Apply ``edit`` whole, and return the version that it made.

        Positions and old lines must match exactly; nothing is ever moved to where it might fit.
        One thing is inferred: a line without a final newline gets one when a hunk inserts lines
        after it, since nothing can follow it otherwise.

        Raises:
            HunkError: A hunk does not fit; the buffer is as it was.
        """
        lines, final_newline = self._versions[-1]
        result: list[str] = []
        cursor = 0
        for number, hunk in enumerate(edit.hunks, 1):
            old_count = len(hunk.old)
            check_place(number, hunk.start, old_count, cursor, lines)
            check_hunk(number, hunk, lines, final_newline)
            result += lines[cursor : hunk.start]
            result += (line.text for line in hunk.new)
            cursor = hunk.start + old_count
        if edit.hunks and cursor == len(lines):
            # Whatever stood before a hunk that only removes the end was followed by a newline.
            new = edit.hunks[-1].new
            final_newline = new[-1].newline if new else True
        result += lines[cursor:]
        self._versions.append(_Version(tuple(result), final_newline))
        return self.version

    def take_back(self, to: int | None = None) -> None:
        """Go back to version ``to``, or to the one before; later versions are forgotten.

        Raises:
            ValueError: There is no such version.
        """
        target = self.version - 1 if to is None else to
        if not 0 <= target <= self.version:
            raise ValueError(f"no version {target}: the buffer has versions 0 to {self.version}")
        del self._versions[target + 1 :]
