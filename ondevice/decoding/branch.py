"""One sample being decoded: its tokens, its buffer, the checkpoints that it can come back to."""

from __future__ import annotations

import codecs
from collections.abc import Callable
from dataclasses import dataclass, field

from ondevice.backends.base import Logits
from ondevice.decoding.lease import Lease, common
from ondevice.decoding.refusals import Refusals
from ondevice.edits import Buffer, Dialect


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """The end of an accepted edit: the number of tokens, the logits there, the buffer version.

    ``rest`` is text of the next edit that came with the last token: the ``@`` of ``|>@``, where a
    model spells the separator out. ``drawn`` are the tokens of the edit, with its headers as they
    were before they were mended; ``refusals`` are of what followed here.
    """

    position: int
    logits: Logits
    version: int
    rest: str
    drawn: list[int]
    refusals: Refusals = field(default_factory=Refusals)


class Branch:
    """One sequence of a lease with the buffer that its text makes.

    ``logits`` (of shape (vocabulary,)) are those after its last token; nobody writes to them.
    """

    def __init__(
        self,
        lease: Lease,
        place: int,
        prompt: list[int],
        history: list[int],
        logits: Logits,
        dialect: Dialect,
        buffer: Buffer,
        token_bytes: Callable[[int], bytes],
        *,
        strict: bool = True,
    ) -> None:
        self._lease = lease
        self.place = place
        self._prompt = prompt
        self.tokens = [*prompt, *history]
        self.logits = logits
        self.logprobs: list[float | None] = [None] * len(history)
        """Of the tokens after the prompt; None for those that were not sampled."""
        self.buffer = buffer
        self.reader = dialect.reader(buffer, strict=strict)
        self._bytes = token_bytes
        self._decoder = codecs.getincrementaldecoder("utf-8")("replace")
        self.drawn: list[int] = []
        """The tokens since the last checkpoint, as they came: not mended."""
        self.checkpoints = [self._here()]

    @property
    def checkpoint(self) -> Checkpoint:
        """The last checkpoint."""
        return self.checkpoints[-1]

    @property
    def is_at_checkpoint(self) -> bool:
        """Whether nothing has been written since the last checkpoint."""
        return len(self.tokens) == self.checkpoint.position

    @property
    def written(self) -> list[int]:
        """The tokens since the last checkpoint."""
        return self.tokens[self.checkpoint.position :]

    @property
    def written_text(self) -> str:
        """The text since the last checkpoint."""
        pieces = map(self._bytes, self.written)
        return self.checkpoint.rest + b"".join(pieces).decode("utf-8", "replace")

    @property
    def mean_logprob(self) -> float:
        """The mean log-probability of the sampled tokens, 0 where there are none."""
        sampled = [logprob for logprob in self.logprobs if logprob is not None]
        return sum(sampled) / len(sampled) if sampled else 0.0

    def evaluate(self, tokens: list[int]) -> Logits:
        """Evaluate tokens by themselves, and return the logits after the last one."""
        row: Logits = self._lease.evaluate([(self.place, tokens)])[0]
        return row

    def extend(
        self, tokens: list[int], logits: Logits, logprob: float | None
    ) -> list[tuple[int, str]]:
        """Take tokens that were evaluated; return each with the text that it completes."""
        self.tokens += tokens
        self.drawn += tokens
        self.logits = logits
        self.logprobs += [logprob] * len(tokens)
        return [(token, self._decoder.decode(self._bytes(token))) for token in tokens]

    def replace(self, written: list[int]) -> int:
        """Let other tokens stand since the last checkpoint; the reader is not told.

        Returns how many of them had to be evaluated.
        """
        start = self.checkpoint.position
        old = self.tokens[start:]
        kept = min(common(old, written), len(written) - 1)
        self._lease.truncate(self.place, start + kept)
        self.logits = self.evaluate(written[kept:])
        del self.tokens[start + kept :]
        self.tokens += written[kept:]
        del self.logprobs[start + kept - len(self._prompt) :]
        self.logprobs += [None] * (len(written) - kept)
        return len(written) - kept

    def accept(self) -> None:
        """Make the present state a checkpoint."""
        self.checkpoints.append(self._here())
        self.drawn = []

    def roll_back(self) -> None:
        """Return to the last checkpoint: cache, logits, tokens, buffer and reader."""
        point = self.checkpoint
        self.drawn = []
        self._lease.truncate(self.place, point.position)
        del self.tokens[point.position :]
        del self.logprobs[point.position - len(self._prompt) :]
        self.logits = point.logits
        self._decoder.reset()
        self.buffer.take_back(point.version)
        self.reader.reset()
        self.reader.feed(point.rest)

    def step_back(self) -> list[int]:
        """Return to the checkpoint before the last one; return the tokens of the edit between."""
        last = self.checkpoints.pop()
        self.roll_back()
        return last.drawn

    def rewrite(self, history: list[int]) -> None:
        """Let other tokens after the prompt stand for how the present buffer came to be.

        This is a checkpoint, and what was before it cannot be gone back to.
        """
        self.logits = self._lease.prefill(self.place, [*self._prompt, *history])
        self.tokens = [*self._prompt, *history]
        self.logprobs = [None] * len(history)
        self._decoder.reset()
        self.reader.reset()
        self.drawn = []
        self.checkpoints = [self._here()]

    def _here(self) -> Checkpoint:
        position, version = len(self.tokens), self.buffer.version
        return Checkpoint(position, self.logits, version, self.reader.partial, self.drawn)
