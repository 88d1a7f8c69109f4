"""Reading edits from text as it arrives, cut anywhere, and applying each to a buffer."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import ClassVar

from ondevice.edits.buffer import Buffer
from ondevice.edits.draft import Draft
from ondevice.edits.edit import Edit, Hunk, Op
from ondevice.edits.header import OPENING, Header
from ondevice.errors import DiffSyntaxError, EditError, HunkError

NO_NEWLINE = r"\ No newline at end of file"


@dataclass(frozen=True, slots=True)
class HunkStarted:
    """A header was read: the hunk's 0-based start before the edit, and how many lines follow.

    ``removed`` counts old lines and ``added`` new lines; where the dialect has context lines,
    they count in both.
    """

    start: int
    removed: int
    added: int


@dataclass(frozen=True, slots=True)
class LineRead:
    """A line of a hunk was read; ``row`` is its 0-based index in the growing buffer.

    A removed line's row is the one that it leaves to what follows.
    """

    op: Op
    text: str
    row: int


@dataclass(frozen=True, slots=True)
class HunkRead:
    """A hunk is whole and fits; ``row`` is the index of its first new line in the new buffer."""

    hunk: Hunk
    row: int


@dataclass(frozen=True, slots=True)
class EditRead:
    """An edit is whole and has been applied; it made ``version`` of the buffer."""

    edit: Edit
    version: int


@dataclass(frozen=True, slots=True)
class SequenceEnded:
    """The text says that no edit follows."""


ReaderEvent = HunkStarted | LineRead | HunkRead | EditRead | SequenceEnded


class Reader:
    r"""Reads one dialect's text, and applies every whole edit to its buffer.

    The same text gives the same events however it is cut. A line counts once its line break has
    come; a hunk, once the text after it shows that no ``\ No newline at end of file`` follows;
    an edit, once the text shows that it has no further hunk, or with ``close``. For a buffer
    whose lines end with ``\r\n``, a ``\r`` before a line break of the diff is part of the break.
    A reader that is not ``strict`` takes a hunk to be as long as its lines are, whatever its header
    counts.

    An error names the hunk and, in ``line``, either a line of the buffer (HunkError) or a line
    of the edit's text, its first header being line 1 (DiffSyntaxError). After one, edits already
    read remain applied, the events of the failing call are lost, and only ``reset`` leads on.
    """

    ops: ClassVar[tuple[Op, ...]]
    """What a line of a hunk may begin with."""
    separator: ClassVar[str] = ""
    """What stands between edits, recognized at the start of a line; empty where nothing does."""
    heading: ClassVar[bool] = False
    """Whether a section heading may follow a hunk's header."""
    epilogue: ClassVar[bool] = False
    """Whether text may follow the end of the sequence; it is passed over."""

    def __init__(self, buffer: Buffer, *, strict: bool = True) -> None:
        self.buffer = buffer
        self.strict = strict
        self.reset()

    @property
    def draft(self) -> Draft:
        """The edit in progress, as far as its whole lines go."""
        return self._draft

    def reset(self) -> None:
        """Forget all unfinished text, and read on at the start of an edit of the buffer."""
        self._partial = ""
        self._ended = False
        self._closed = False
        self._error: EditError | None = None
        self._start_edit()

    @property
    def partial(self) -> str:
        """The present line so far, as it was fed: all text after the last line break."""
        return self._partial

    @property
    def preview(self) -> list[tuple[str, bool]]:
        """The buffer's lines as the edit in progress leaves them, the unfinished one included.

        Each comes with whether this edit added it. Costs one copied list a call.
        """
        partial = None
        if self._partial.startswith("+"):
            partial = self._without_line_end(self._partial[1:])
        return self._draft.preview(partial)

    def feed(self, text: str) -> list[ReaderEvent]:
        """Read on; return what became known.

        Raises:
            DiffSyntaxError: The text is no valid diff, or goes on after the end of the sequence
                or after an error.
            HunkError: A hunk does not fit the buffer.
        """
        if self._partial[:1] == "+" and "\n" not in text and not (self._error or self._ended):
            self._partial += text  # most pieces are in the middle of an added line
            return []
        events: list[ReaderEvent] = []
        with self._stopping_at_errors():
            text = self._partial + text
            self._partial = text[self._read(text, events) :]
        return events

    def close(self) -> list[ReaderEvent]:
        """End the text: a whole hunk is completed, and its edit applied.

        Raises:
            DiffSyntaxError: As for ``feed``; or the text ends within a hunk, and nothing of its
                edit is applied.
            HunkError: As for ``feed``.
        """
        events: list[ReaderEvent] = []
        with self._stopping_at_errors():
            if self._partial:
                self._read(self._partial + "\n", events)
                self._partial = ""
            self._end_text(events)
        self._ended = self._closed = True
        return events

    @contextmanager
    def _stopping_at_errors(self) -> Iterator[None]:
        if self._error is not None:
            raise DiffSyntaxError(f"the reader stopped, and was not reset: {self._error}")
        try:
            yield
        except DiffSyntaxError as error:
            self._error = DiffSyntaxError(
                f"line {self._line_number} of the edit: {error}",
                hunk=error.hunk,
                line=self._line_number,
            )
            raise self._error from None
        except HunkError as error:
            self._error = error
            raise

    def _start_edit(self) -> None:
        self._draft = Draft(self.buffer, strict=self.strict)
        self._line_number = 0

    def _read(self, text: str, events: list[ReaderEvent]) -> int:
        """Read the whole lines and separators of ``text``; return where the rest begins."""
        position = 0
        while position < len(text):
            if self._ended and self.epilogue and not self._closed:
                return len(text)
            if self._ended:
                self._line_number += 1
                raise DiffSyntaxError("text after the end of the sequence")
            if self._draft.is_hunk_whole and text[position] != NO_NEWLINE[0]:
                events.append(HunkRead(*self._draft.finish_hunk()))
            if self.separator and text.startswith(self.separator, position):
                self._read_separator(events)
                position += len(self.separator)
                continue
            end = text.find("\n", position)
            if end < 0:
                break
            self._line_number += 1
            self._read_line(self._without_line_end(text[position:end]), events)
            position = end + 1
        return position

    def _read_separator(self, events: list[ReaderEvent]) -> None:
        if self._draft.header is not None or self._draft.hunks:
            self._finish_edit(events)
        else:
            events.append(SequenceEnded())
            self._ended = True

    def _read_line(self, line: str, events: list[ReaderEvent]) -> None:
        if line == NO_NEWLINE:
            self._draft.end_file()
        elif self._draft.header is None:
            self._read_between_hunks(line, events)
        elif not self.strict and line.startswith(OPENING):
            events.append(HunkRead(*self._draft.finish_hunk()))
            self._read_between_hunks(line, events)
        else:
            self._read_hunk_line(line, events)

    def _read_between_hunks(self, line: str, events: list[ReaderEvent]) -> None:
        header = Header.parse(line, heading=self.heading)
        if header is None:
            number = self._draft.number
            raise DiffSyntaxError(
                f"hunk {number} should begin with a header such as '@@ -3,0 +4,2 @@', "
                f"not with {line!r}",
                hunk=number,
            )
        self._draft.start_hunk(header)
        events.append(HunkStarted(header.old_start, header.old_count, header.new_count))

    def _read_hunk_line(self, line: str, events: list[ReaderEvent]) -> None:
        op = next((op for op in self.ops if line.startswith(op)), None)
        if op is None:
            number = self._draft.number
            allowed = " or ".join(repr(op) for op in self.ops)
            raise DiffSyntaxError(
                f"a line of hunk {number} should begin with {allowed}: {line!r}", hunk=number
            )
        text = line[1:]
        events.append(LineRead(op, text, self._draft.add_line(op, text)))

    def _finish_edit(self, events: list[ReaderEvent]) -> None:
        if self._draft.header is not None:
            events.append(HunkRead(*self._draft.finish_hunk()))
        edit = self._draft.edit
        events.append(EditRead(edit, self.buffer.apply(edit)))
        self._start_edit()

    def _end_text(self, events: list[ReaderEvent]) -> None:
        if self._draft.header is not None or self._draft.hunks:
            self._finish_edit(events)

    def _without_line_end(self, line: str) -> str:
        return line.removesuffix("\r") if self.buffer.newline == "\r\n" else line
