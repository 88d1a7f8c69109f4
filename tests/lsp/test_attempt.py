"""Continuing a place by models of both dialects, without a server."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from lsprotocol.types import TextDocumentItem
from numpy.typing import NDArray

from ondevice import Model
from ondevice.backends.scripted import ScriptedBackend
from ondevice.lsp.completing import Attempt
from ondevice.lsp.continuing import Place
from ondevice.lsp.documents import Document, Documents
from ondevice.lsp.settings import Settings
from tests.lsp.scripted import follow
from tests.test_general_models import Plain

ABOVE = "def f(a):\n"
DIFF = "--- a/f.py\n+++ b/f.py\n@@ -1 +1,2 @@\n def f(a):\n+    return a\n```\n"


def document(text: str) -> Document:
    documents = Documents()
    documents.open(TextDocumentItem("file:///f.py", "python", 1, text))
    return documents.get("file:///f.py")


def found(model: Model, place: Place) -> str:
    attempt = Attempt(Settings(), document(place.above + place.typed), model, place)
    for _ in attempt.stream():
        pass
    return attempt.found


def test_a_general_model_is_asked_for_the_lines_at_the_end() -> None:
    backend = Plain(DIFF)
    with Model(backend, name="general") as model:
        assert found(model, Place(ABOVE, "    re")) == "turn a"
    assert "Add the lines that come next at the end of the file" in backend.prompt
    assert ABOVE in backend.prompt
    with Model(Plain(DIFF.replace(" def f(a):\n", "-def f(a):\n+def g(a):\n")), name="m") as model:
        assert found(model, Place(ABOVE, "")) == "", "what is above stays"


class AtTheEnd(ScriptedBackend):
    """Adds a line at the end of whatever it is given."""

    def __init__(self) -> None:
        super().__init__(self._wish, context_length=300)

    def _wish(self, tokens: Sequence[int]) -> NDArray[np.float32]:
        parts = bytes(min(token, 255) for token in tokens).split(b"\xff")  # at the separators
        rows = parts[1].count(b"\n") - 1 if len(parts) > 1 else 0
        return follow([f"@@ -{rows},0 +{rows + 1} @@\n+y = 1\n<|diff|>"])(tokens)


def test_of_a_long_text_the_end_is_given() -> None:
    above = "".join(f"x{number} = {number}\n" for number in range(1000))
    backend = AtTheEnd()
    with Model(backend, name="short") as model:
        assert found(model, Place(above, "y")) == " = 1"
    given = bytes(min(token, 255) for ((_, tokens),) in backend.calls for token in tokens)
    assert b"+x999 = 999\n" in given
    assert b"+x900 = 900\n" not in given
