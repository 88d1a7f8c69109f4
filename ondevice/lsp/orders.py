"""What the command ``ondevice.edit`` is given."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from lsprotocol import types
from pygls.exceptions import JsonRpcInvalidParams

from ondevice.errors import RequestError
from ondevice.lsp.documents import Document, Documents
from ondevice.lsp.scope import RequestComment, Scope, request_comments, scope


@dataclass(frozen=True, slots=True)
class Order:
    """An edit that is asked for.

    ``version`` is that of the document which the rest refers to, ``selection`` the offsets of what
    is selected, if anything is, ``comment`` where the request stands, if it does.
    """

    document: Document
    request: str
    version: int | None = None
    selection: tuple[int, int] | None = None
    comment: RequestComment | None = None

    @property
    def scope(self) -> Scope:
        """What is edited."""
        return scope(self.document.content.text, self.selection, self.comment)

    @property
    def is_stale(self) -> bool:
        """Whether the document has changed since."""
        return self.version not in (None, self.document.version)

    def to_json(self) -> dict[str, Any]:
        """Return the argument that ``read`` reads."""
        document = self.document
        argument = {"uri": document.uri, "request": self.request, "version": document.version}
        if self.comment:
            argument["line"] = document.content.position(self.comment.start).line
        if self.selection:
            ends = zip(("start", "end"), self.selection, strict=True)
            argument["range"] = {name: _position(document, offset) for name, offset in ends}
        return argument

    @classmethod
    def read(cls, arguments: Sequence[Any] | None, documents: Documents) -> Order:
        """Read the arguments of a command; raises ``JsonRpcInvalidParams``, which says why."""
        if not arguments or len(arguments) != 1 or not isinstance(arguments[0], dict):
            raise JsonRpcInvalidParams("the command takes one object, with uri and request")
        argument = arguments[0]
        request, uri = argument.get("request"), argument.get("uri")
        if not isinstance(request, str) or not request.strip():
            raise JsonRpcInvalidParams("request: a text is expected, what is to be done")
        try:
            document = documents.get(str(uri))
        except RequestError as error:
            raise JsonRpcInvalidParams(f"uri: {error}") from None
        version = argument.get("version")
        if version not in (None, document.version):
            return cls(document, request, version)
        selection = _selection(argument.get("range"), document)
        comment = _comment(argument.get("line"), document)
        return cls(document, request, version, selection, comment)


def _position(document: Document, offset: int) -> dict[str, int]:
    position = document.content.position(offset)
    return {"line": position.line, "character": position.character}


def _selection(range: Any, document: Document) -> tuple[int, int] | None:
    if range is None:
        return None
    try:
        ends = [types.Position(**range[name]) for name in ("start", "end")]
    except (LookupError, TypeError, ValueError):  # the last is a number that is out of range
        raise JsonRpcInvalidParams(f"range: {range!r} is none") from None
    start, end = document.content.offsets(types.Range(*ends))
    return (start, end) if start < end else None


def _comment(line: Any, document: Document) -> RequestComment | None:
    if line is None:
        return None
    if isinstance(line, int) and line >= 0:
        start = document.content.offset(types.Position(line, 0))
        for comment in request_comments(document.content.text, start, start):
            return comment
    raise JsonRpcInvalidParams(f"line: there is no request on line {line!r}")
