"""Mending a header in the tokens of an edit."""

from __future__ import annotations

from ondevice.decoding.constraints import Mending
from ondevice.edits import Header

PIECES = [b"+\xc3", b"\xa9", b" @@\n+\xc3", b"1,9", b"<|end|>"]


class TestMendedTokens:
    def mended(self, *tokens: int | bytes) -> list[int]:
        """Mend with a vocabulary of bytes and ``PIECES``; its tokenizer takes ``<|end|>`` whole."""

        def data(token: int) -> bytes:
            return bytes([token]) if token < 256 else PIECES[token - 256]

        def tokenize(text: str) -> list[int]:
            assert "<|end|>" not in text
            return list(text.encode())

        flat = [t for part in tokens for t in (part if isinstance(part, bytes) else [part])]
        text = b"".join(map(data, flat)).decode()
        mending = Mending(text.index("@@ -1,9"), "@@ -1,9 @@", Header(0, 2, 0, 3))
        found = mending.mend_tokens(flat, data, tokenize)
        assert b"".join(map(data, found)).decode() == mending.mend(text)
        return found

    def test_only_the_header_s_are_exchanged(self) -> None:
        # The second line spells the special token out, which the tokenizer would join.
        found = self.mended(b"+", 256, 257, b"\n@@ -", 259, b" @@\n+<|end|>\n")
        assert found[:4] == [ord("+"), 256, 257, 10]
        assert found[4:] == list(b"@@ -1,2 +1,3 @@\n+<|end|>\n")

    def test_a_token_that_ends_within_a_character_after_the_header(self) -> None:
        found = self.mended(b"@@ -1,9", 258, 257, b"\n")
        assert found == list("@@ -1,2 +1,3 @@\n+é\n".encode())
