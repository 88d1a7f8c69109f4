"""From a document's old and new text to the edit that a client applies."""

from __future__ import annotations

import re

from lsprotocol.types import (
    OptionalVersionedTextDocumentIdentifier,
    TextDocumentEdit,
    TextEdit,
    WorkspaceEdit,
)

from ondevice.edits import Buffer, diff
from ondevice.lsp.documents import Document
from ondevice.lsp.text import Text


def text_edits(content: Text, new: str) -> list[TextEdit]:
    """Return the replacements of whole lines that make ``new`` of a text."""
    edits = []
    edit = diff(Buffer.verbatim(content.text), Buffer.verbatim(new))
    starts = [0, *(match.end() for match in re.finditer("\n", content.text)), len(content.text)]
    for hunk in edit.hunks:
        start, end = hunk.start, hunk.start + len(hunk.old)
        added = "".join(line.text + "\n" * line.newline for line in hunk.new)
        edits.append(TextEdit(content.range(starts[start], starts[end]), added))
    return edits


def workspace_edit(document: Document, new: str, *, versioned: bool) -> WorkspaceEdit:
    """Return the edit that makes ``new`` of a document.

    With its version, a client refuses it once the document has another; without, for clients that
    know no versions, it is on the server to look.
    """
    edits = text_edits(document.content, new)
    if not versioned:
        return WorkspaceEdit(changes={document.uri: edits})
    identifier = OptionalVersionedTextDocumentIdentifier(document.uri, document.version)
    return WorkspaceEdit(document_changes=[TextDocumentEdit(identifier, edits)])
