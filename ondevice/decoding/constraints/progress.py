"""How far a hunk has been written, counted from its text."""

from __future__ import annotations

from ondevice.edits import Header, Op


class Progress:
    """The hunk in progress, and what stands before it since the hunk before.

    ``offset`` is how many characters of the edit's text, earlier headers mended, come before.
    """

    def __init__(self, offset: int) -> None:
        self.tokens: list[int] = []
        self.announced: str | None = None
        """The header's line as it was written; None until it is whole."""
        self.old_count = 0
        self.new_count = 0
        self.leading = 0
        """How many context lines come before the first change."""
        self.trailing = 0
        """How many context lines come after the last change."""
        self.changed = False
        self._offset = offset
        self._header_at = offset
        self._header: Header | None = None
        self.partial = b""
        """The line that is not yet whole."""

    @property
    def is_between_lines(self) -> bool:
        """Whether the hunk has lines, and the last of them is whole."""
        return bool(self.old_count or self.new_count) and not self.partial

    def add(self, token: int, data: bytes) -> None:
        """Go on by a token, which is these bytes."""
        self.tokens.append(token)
        if b"\n" not in data:
            self.partial += data
            return
        *lines, self.partial = (self.partial + data).split(b"\n")
        for line in lines:
            text = line.decode("utf-8")
            if self._header is None:
                self._find_header(text)
            else:
                self._count(text[:1])
            self._offset += len(text) + 1

    def header(self, growth: int) -> Header:
        """Return the header that the lines written call for.

        ``growth`` is by how many lines the hunks before it have made the buffer longer.
        """
        assert self._header is not None
        start = self._header.old_start
        return Header(start, self.old_count, start + growth, self.new_count)

    def place(self) -> tuple[int, str]:
        """Return where in the edit's text the announced header stands, and that header."""
        assert self.announced is not None
        return self._header_at, self.announced

    def offset(self, header: Header) -> int:
        """Return how long the edit's text is with this header in place of the announced one."""
        assert self.announced is not None
        return self._offset + len(str(header)) - len(self.announced)

    def _find_header(self, line: str) -> None:
        self._header = Header.parse(line)
        if self._header is not None:
            self.announced = line
            self._header_at = self._offset

    def _count(self, op: Op | str) -> None:
        if op == " ":
            self.leading += not self.changed
            self.trailing += 1
        elif op in ("-", "+"):
            self.changed = True
            self.trailing = 0
        self.old_count += op in (" ", "-")
        self.new_count += op in (" ", "+")
