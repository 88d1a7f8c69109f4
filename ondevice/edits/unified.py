"""The unified dialect: diffs with file names and context, as git and general models write them."""

from collections.abc import Iterable
from dataclasses import dataclass

from ondevice.edits.buffer import LineEnd
from ondevice.edits.dialect import Dialect, diff_lines
from ondevice.edits.edit import Edit
from ondevice.edits.reader import Reader, ReaderEvent, SequenceEnded
from ondevice.errors import DiffSyntaxError

FENCE = "```"
"""What closes a block of code in Markdown, and with it the diff that a chat model writes in one."""


class UnifiedReader(Reader):
    """Reads unified diffs of one file.

    File names are not looked at, since there is one buffer, and may be left out of the first
    diff; later ones begin with them. A context line that is empty may lack its space, as in GNU
    diff's ``--suppress-blank-empty``. A Markdown fence at the start of a line ends the sequence;
    no line of a diff begins so, and what a model adds after it is not looked at.
    """

    ops = (" ", "-", "+")
    heading = True
    separator = FENCE
    epilogue = True

    def _start_edit(self) -> None:
        super()._start_edit()
        self._names = 0

    def _read_separator(self, events: list[ReaderEvent]) -> None:
        self._end_text(events)
        events.append(SequenceEnded())
        self._ended = True

    def _read_between_hunks(self, line: str, events: list[ReaderEvent]) -> None:
        if self._names == 1:
            if not line.startswith("+++ "):
                raise DiffSyntaxError(f"'--- ' should be followed by '+++ ', not {line!r}")
            self._names = 2
        elif line.startswith("--- ") and (self._draft.hunks or not self._names):
            if self._draft.hunks:
                self._finish_edit(events)
                self._line_number = 1
            self._names = 1
        else:
            super()._read_between_hunks(line, events)

    def _read_hunk_line(self, line: str, events: list[ReaderEvent]) -> None:
        super()._read_hunk_line(line or " ", events)

    def _end_text(self, events: list[ReaderEvent]) -> None:
        if self._names and self._draft.header is None and not self._draft.hunks:
            raise DiffSyntaxError("the file names are not followed by a hunk", hunk=1)
        super()._end_text(events)


@dataclass(frozen=True)
class Unified(Dialect):
    r"""``--- a/path``, ``+++ b/path``, and hunks with context and removed lines.

    ``git apply`` takes what this writes (with ``--unidiff-zero`` where the edit has no context).
    ``path`` is the file's name in what is written. For a buffer whose lines end with ``\r\n``,
    give its ``newline``, so that the lines of the diff end as those of the file do. A byte-order
    mark is part of no line here, whereas git has it in the first (see ``Buffer.verbatim``).
    Where the text is ``fenced``, a model writes it in a Markdown block, which it may close.

    Raises:
        ValueError: ``path`` holds a line break or a tab.
    """

    path: str = "file"
    newline: LineEnd = "\n"
    fenced: bool = False

    name = "unified"
    reader_class = UnifiedReader

    def __post_init__(self) -> None:
        if any(character in self.path for character in "\n\r\t"):
            raise ValueError(f"a diff cannot name a file {self.path!r}")

    @property
    def names(self) -> str:
        """The two lines that name the file, with which a diff begins."""
        # A name with a space ends with a tab, by which git and patch tell it from a time stamp.
        tab = "\t" if " " in self.path else ""
        return f"--- a/{self.path}{tab}\n+++ b/{self.path}{tab}\n"

    def write(self, edit: Edit) -> str:
        """Return one file's diff, ending with a line break, or nothing where there are no hunks."""
        if not edit.hunks:
            return ""
        return self.names + "\n".join([*diff_lines(edit, self.newline), ""])

    def write_sequence(self, edits: Iterable[Edit]) -> str:
        """Return the diffs one after another; a model ends them with its end-of-text token."""
        return "".join(map(self.write, edits))


UNIFIED = Unified()
