"""What is asked of the engine for one sample."""

from __future__ import annotations

from dataclasses import dataclass, field

from ondevice.checks import Check
from ondevice.decoding.sampling import Sampling
from ondevice.errors import RequestError


@dataclass(frozen=True, slots=True)
class Request:
    """One sample: the prompt's tokens and how to go on from them.

    ``max_tokens`` bounds all tokens evaluated after the prompt, those rolled back among them;
    ``retries`` how often one edit may be refused before the sample ends. With ``constrained``
    off, tokens are free, and text that is no applicable diff counts as refused.
    """

    prompt: list[int]
    seed: int = 0
    sampling: Sampling = field(default_factory=Sampling)
    checks: tuple[Check, ...] = ()
    max_tokens: int = 768
    retries: int = 8
    constrained: bool = True

    def __post_init__(self) -> None:
        """Raise ``RequestError`` for a value out of range."""
        if self.max_tokens < 1:
            raise RequestError(f"max_tokens must be at least 1, not {self.max_tokens}")
        if self.retries < 0:
            raise RequestError(f"retries must be 0 or more, not {self.retries}")
        if self.seed < 0:
            raise RequestError(f"the seed must be 0 or more, not {self.seed}")
