r"""The LintSeq dialect (arXiv 2410.02749): hunks without context, ``<|diff|>`` between edits.

One extension: a line after which the file ends without a newline is followed by
``\ No newline at end of file``, as in a unified diff; plain LintSeq text cannot say so.
"""

from collections.abc import Iterable

from ondevice.edits.buffer import Buffer
from ondevice.edits.dialect import Dialect, diff_lines
from ondevice.edits.edit import Edit, Hunk, Line
from ondevice.edits.reader import Reader, ReaderEvent
from ondevice.errors import DiffSyntaxError, EditError

SEPARATOR = "<|diff|>"
TEMPLATE = "{instruction}\n" + SEPARATOR
"""The prompt of the published LintSeq models (arXiv 2410.02749)."""


class LintSeqReader(Reader):
    """Reads what follows a prompt's ``<|diff|>``.

    A separator counts only at the start of a line, or right after another one. An edit without
    hunks ends the sequence, with or without the line break that should stand in its place.
    """

    ops = ("+", "-")
    separator = SEPARATOR

    def _start_edit(self) -> None:
        super()._start_edit()
        self._ending = False

    def _read_between_hunks(self, line: str, events: list[ReaderEvent]) -> None:
        if self._ending:
            raise DiffSyntaxError(
                f"an empty edit should be followed by {self.separator}, not {line!r}"
            )
        if line or self._draft.hunks:
            super()._read_between_hunks(line, events)
        else:
            self._ending = True


class LintSeq(Dialect):
    r"""``@@ -a,0 +b,n @@`` and added lines; edits end with ``\n<|diff|>``, a doubled one ends all.

    An edit's text is that of ``difflib.unified_diff(before, after, n=0, lineterm="")`` without
    its two file lines, joined by ``\n``.
    """

    name = "lintseq"
    reader_class = LintSeqReader

    def write(self, edit: Edit) -> str:
        """Return the text of one edit, without a line break at its end.

        Raises:
            EditError: The edit has context lines.
        """
        if any(line.op == " " for hunk in edit.hunks for line in hunk.lines):
            raise EditError("the lintseq dialect has no context lines; diff with context=0")
        return "\n".join(diff_lines(edit))

    def write_sequence(self, edits: Iterable[Edit]) -> str:
        r"""Return what a model writes after ``{instruction}\n<|diff|>``, up to the final separator.

        Raises:
            EditError: An edit has context lines, or no hunks, which would end the sequence.
        """
        texts = []
        for number, edit in enumerate(edits, 1):
            if not edit.hunks:
                raise EditError(f"edit {number} has no hunks, which would end the sequence")
            texts.append(self.write(edit))
        return f"\n{self.reader_class.separator}".join([*texts, "", ""])

    def write_history(self, buffer: Buffer) -> str:
        """Return what a model would have written so far, had it made the buffer in one edit."""
        if not buffer.lines:
            return ""
        lines = tuple(Line("+", text) for text in buffer.lines)
        return self.write(Edit((Hunk(0, lines),))) + f"\n{self.reader_class.separator}"


LINTSEQ = LintSeq()
