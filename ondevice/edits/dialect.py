"""A dialect: how a model writes edits as text. Each lives in a module of its own."""

from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator
from typing import ClassVar

from ondevice.edits.buffer import Buffer, LineEnd
from ondevice.edits.edit import Edit, Line
from ondevice.edits.header import headers
from ondevice.edits.reader import NO_NEWLINE, EditRead, Reader
from ondevice.errors import EditError


class Dialect(ABC):
    """Writes edits as text, and reads them back."""

    name: str
    reader_class: ClassVar[type[Reader]]
    """The reader, whose ``ops`` and ``separator`` say what the dialect's text is made of."""

    @abstractmethod
    def write(self, edit: Edit) -> str:
        """Return the text of one edit.

        Raises:
            EditError: The dialect has no form for it.
        """

    @abstractmethod
    def write_sequence(self, edits: Iterable[Edit]) -> str:
        """Return all that a model writes after its prompt to make these edits and end there.

        Raises:
            EditError: The dialect has no form for one of them.
        """

    def reader(self, buffer: Buffer, *, strict: bool = True) -> Reader:
        """Return a reader that applies what it reads to ``buffer``.

        One that is not ``strict`` lets the lines of a hunk decide how many they are.
        """
        return self.reader_class(buffer, strict=strict)

    def read(self, text: str, buffer: Buffer) -> tuple[Edit, ...]:
        """Apply the edits that ``text`` holds to ``buffer``, and return them.

        Raises:
            DiffSyntaxError: The text is no valid diff; the buffer is as it was.
            HunkError: A hunk does not fit; the buffer is as it was.
        """
        reader = self.reader(buffer)
        version = buffer.version
        try:
            events = reader.feed(text) + reader.close()
        except EditError:
            buffer.take_back(version)
            raise
        return tuple(event.edit for event in events if isinstance(event, EditRead))


def diff_lines(edit: Edit, newline: LineEnd = "\n") -> Iterator[str]:
    r"""Yield the headers and lines of ``edit``, as a diff has them, without line breaks.

    Where ``newline`` is ``"\r\n"``, content lines end with ``\r``.
    """
    for header, hunk in headers(edit):
        yield str(header)
        for line in hunk.lines:
            yield from line_text(line, newline).removesuffix("\n").split("\n")


def line_text(line: Line, newline: LineEnd = "\n") -> str:
    """Return one line of a hunk as a diff has it, to the last line break.

    A line after which the file ends brings the marker that says so, which is a line of its own.
    """
    if line.newline:
        return f"{line.op}{line.text}{newline}"
    return f"{line.op}{line.text}\n{NO_NEWLINE}\n"
