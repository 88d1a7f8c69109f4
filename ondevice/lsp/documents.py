"""The documents that a client has open, as it last told of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from urllib.parse import unquote, urlsplit

from lsprotocol.types import (
    PositionEncodingKind,
    TextDocumentContentChangeEvent,
    TextDocumentContentChangePartial,
    TextDocumentItem,
    VersionedTextDocumentIdentifier,
)

from ondevice.errors import RequestError
from ondevice.lsp.text import Text


@dataclass(frozen=True, slots=True)
class Document:
    """An open document at one version."""

    uri: str
    language: str
    version: int
    content: Text

    @property
    def name(self) -> str:
        """The last part of the document's path; of an unnamed one, ``program.py``."""
        return unquote(urlsplit(self.uri).path).rpartition("/")[2] or "program.py"

    @property
    def newline(self) -> str:
        """What the document's first line ends with."""
        first, _, _ = self.content.text.partition("\n")
        return "\r\n" if first.endswith("\r") else "\n"


class Documents:
    """The open documents, by their URI. ``encoding`` is what their positions count."""

    def __init__(self) -> None:
        self.encoding: str = PositionEncodingKind.Utf16.value
        self._open: dict[str, Document] = {}

    def get(self, uri: str) -> Document:
        """Return a document as it is now; raises ``RequestError`` for one that is not open."""
        try:
            return self._open[uri]
        except KeyError:
            raise RequestError(f"{uri} is not open in the editor; open it first") from None

    def is_at(self, document: Document) -> bool:
        """Tell whether a document is still open, and as it was."""
        return self._open.get(document.uri) is document

    def open(self, item: TextDocumentItem) -> None:
        """Take up a document."""
        content = Text(item.text, self.encoding)
        self._open[item.uri] = Document(item.uri, item.language_id, item.version, content)

    def change(
        self,
        identifier: VersionedTextDocumentIdentifier,
        changes: Sequence[TextDocumentContentChangeEvent],
    ) -> None:
        """Apply changes, one after the other; raises ``RequestError`` for a document not open."""
        document = self.get(identifier.uri)
        content = document.content
        for change in changes:
            if isinstance(change, TextDocumentContentChangePartial):
                content = content.replaced(change.range, change.text)
            else:
                content = Text(change.text, self.encoding)
        self._open[document.uri] = replace(document, version=identifier.version, content=content)

    def close(self, uri: str) -> None:
        """Forget a document."""
        self._open.pop(uri, None)
