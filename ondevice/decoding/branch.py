"""One sample being decoded: its tokens, its buffer, and the checkpoint that it can come back to."""

from __future__ import annotations

import codecs
from dataclasses import dataclass

import numpy as np

from ondevice.backends.base import Backend, Logits
from ondevice.edits import Buffer, Dialect
from ondevice.errors import ModelFormatError


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """The end of an accepted edit: the number of tokens, the logits there, the buffer version.

    ``rest`` is text of the next edit that came with the last token: the ``@`` of ``|>@``, where a
    model spells the separator out.
    """

    position: int
    logits: Logits
    version: int
    rest: str


class Branch:
    """One sequence of a backend with the buffer that its text makes.

    ``logits`` (of shape (vocabulary,)) are those after its last token; nobody writes to them.
    """

    def __init__(
        self, backend: Backend, sequence: int, prompt: list[int], dialect: Dialect, buffer: Buffer
    ) -> None:
        self._backend = backend
        self._sequence = sequence
        self.tokens: list[int] = []
        self.buffer = buffer
        self.reader = dialect.reader(buffer)
        self._decoder = codecs.getincrementaldecoder("utf-8")("replace")
        backend.truncate(sequence, 0)
        self._evaluate(prompt)
        self.checkpoint = self._here()

    @property
    def written(self) -> list[int]:
        """The tokens since the last checkpoint."""
        return self.tokens[self.checkpoint.position :]

    @property
    def written_text(self) -> str:
        """The text since the last checkpoint."""
        pieces = (self._backend.token_bytes(token) for token in self.written)
        return self.checkpoint.rest + b"".join(pieces).decode("utf-8", "replace")

    def append(self, tokens: list[int]) -> list[tuple[int, str]]:
        """Evaluate tokens in one batch; return each with the text that it completes."""
        self._evaluate(tokens)
        return [(token, self._decoder.decode(self._backend.token_bytes(token))) for token in tokens]

    def accept(self) -> None:
        """Make the present state the checkpoint."""
        self.checkpoint = self._here()

    def roll_back(self) -> None:
        """Return to the checkpoint: cache, logits, tokens, buffer and reader."""
        self._backend.truncate(self._sequence, self.checkpoint.position)
        del self.tokens[self.checkpoint.position :]
        self.logits = self.checkpoint.logits
        self._decoder.reset()
        self.buffer.take_back(self.checkpoint.version)
        self.reader.reset()
        self.reader.feed(self.checkpoint.rest)

    def _evaluate(self, tokens: list[int]) -> None:
        logits: Logits = self._backend.evaluate([(self._sequence, tokens)])[0]
        if not np.isfinite(logits.max()):
            raise ModelFormatError(
                "the model computed logits that are no numbers: its weights are damaged"
            )
        self.logits = logits
        self.tokens += tokens

    def _here(self) -> Checkpoint:
        return Checkpoint(len(self.tokens), self.logits, self.buffer.version, self.reader.partial)
