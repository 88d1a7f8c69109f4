"""An edit that is still being read, checked line by line against the buffer it is meant for."""

from ondevice.edits.buffer import Buffer
from ondevice.edits.edit import Edit, Hunk, Line, Op
from ondevice.edits.fit import check_hunk, check_place, misfit
from ondevice.edits.header import Header
from ondevice.errors import DiffSyntaxError


class Draft:
    """The hunks of an edit so far, the hunk in progress, and the buffer as these leave it.

    Where it is not ``strict``, the lines of a hunk decide how many they are, not its header.
    It holds the buffer's present lines and does not change the buffer. Errors name the hunk; the
    line of the diff's text is for the reader to add.
    """

    def __init__(self, buffer: Buffer, *, strict: bool = True) -> None:
        self.strict = strict
        self.hunks: list[Hunk] = []
        self.header: Header | None = None
        """The header of the hunk in progress, None between hunks."""
        self.old_left = 0
        """How many old lines the hunk in progress still lacks."""
        self.new_left = 0
        """How many new lines the hunk in progress still lacks."""
        self.cursor = 0
        """The 0-based index, before the edit, of the first line that it has not passed."""
        self._lines = buffer.lines
        self._final_newline = buffer.final_newline
        self._untouched = [(text, False) for text in buffer.lines]
        self._grown: list[tuple[str, bool]] = []
        self._body: list[Line] = []

    @property
    def number(self) -> int:
        """The number, from 1, of the hunk in progress or else of the one to come."""
        return len(self.hunks) + 1

    @property
    def row(self) -> int:
        """The 0-based index in the growing buffer at which the next new line will stand."""
        return len(self._grown)

    @property
    def is_hunk_whole(self) -> bool:
        """Whether the hunk in progress has all the lines that its header counts.

        Only what follows it tells that where the header does not count.
        """
        return self.strict and self.header is not None and not self.old_left and not self.new_left

    @property
    def edit(self) -> Edit:
        """The edit that the finished hunks make."""
        return Edit(tuple(self.hunks))

    def start_hunk(self, header: Header) -> None:
        """Begin a hunk.

        Raises:
            DiffSyntaxError: The header counts no lines, or its new start is not where the hunks
                before it put it.
            HunkError: It is out of order or beyond the buffer's end.
        """
        number = self.number
        if not header.old_count and not header.new_count:
            raise DiffSyntaxError(f"hunk {number} has no lines", hunk=number)
        # A count that nobody keeps to may name more lines than there are.
        count = header.old_count if self.strict else min(header.old_count, 1)
        check_place(number, header.old_start, count, self.cursor, self._lines)
        new_start = header.old_start + self.row - self.cursor
        if header.new_start != new_start:
            due = Header(header.old_start, header.old_count, new_start, header.new_count)
            raise DiffSyntaxError(f"hunk {number} is {header}, but should be {due}", hunk=number)
        self._grown += self._untouched[self.cursor : header.old_start]
        self.cursor = header.old_start
        self.header = header
        self.old_left = header.old_count
        self.new_left = header.new_count

    def add_line(self, op: Op, text: str) -> int:
        """Add a line to the hunk in progress; return its row in the growing buffer.

        A removed line's row is the one that it leaves to what follows.

        Raises:
            DiffSyntaxError: The hunk has all its lines of that kind.
            HunkError: The text differs from the buffer's.
        """
        if self.strict and ((op != "+" and not self.old_left) or (op != "-" and not self.new_left)):
            kind = {"+": "added", "-": "removed", " ": "context"}[op]
            message = f"hunk {self.number} has more {kind} lines than its header says"
            raise DiffSyntaxError(message, hunk=self.number)
        self._body.append(Line(op, text))
        row = self.row
        if op != "+":
            self._check_old(text)
            self.cursor += 1
            self.old_left -= 1
        if op != "-":
            self._grown.append((text, op == "+"))
            self.new_left -= 1
        return row

    def end_file(self) -> None:
        """Take back the newline of the line added last: the file ends after it.

        Raises:
            DiffSyntaxError: No line precedes, or it has no newline already.
        """
        if not self._body or not self._body[-1].newline:
            raise DiffSyntaxError(
                f"the marker follows no line with a newline in hunk {self.number}",
                hunk=self.number,
            )
        last = self._body[-1]
        self._body[-1] = Line(last.op, last.text, newline=False)

    def finish_hunk(self) -> tuple[Hunk, int]:
        """End the hunk in progress; return it, and the row of its first new line.

        Raises:
            DiffSyntaxError: It lacks lines, or changes nothing.
            HunkError: A missing final newline is where none is in the buffer, or the reverse.
        """
        header, number = self.header, self.number
        assert header is not None
        if self.strict and not self.is_hunk_whole:
            raise DiffSyntaxError(
                f"hunk {number} ends early: {header} lacks {self.old_left} old lines "
                f"(context or removed) and {self.new_left} new lines (context or added)",
                hunk=number,
            )
        hunk = Hunk(header.old_start, tuple(self._body))
        if not hunk.removed and not hunk.added:
            raise DiffSyntaxError(f"hunk {number} changes nothing", hunk=number)
        check_hunk(number, hunk, self._lines, self._final_newline)
        self.hunks.append(hunk)
        self.header = None
        self._body = []
        return hunk, header.new_start

    def preview(self, partial: str | None) -> list[tuple[str, bool]]:
        """Return the growing buffer's lines, each with whether this edit added it.

        ``partial`` is the text so far of an added line that is not yet whole.
        """
        lines = self._grown.copy()
        if partial is not None and (self.new_left or not self.strict):
            lines.append((partial, True))
        lines += self._untouched[self.cursor :]
        return lines

    def _check_old(self, text: str) -> None:
        if self.cursor >= len(self._lines):
            number = self.number
            raise DiffSyntaxError(f"hunk {number} goes beyond the buffer's end", hunk=number)
        if text != self._lines[self.cursor]:
            old = [line for line in self._body if line.op != "+"]
            found = Line(" ", self._lines[self.cursor])
            start = self.cursor - len(old) + 1
            raise misfit(self.number, start, old, self.cursor, found, self._lines)
