"""What is asked of the engine."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import get_args

from ondevice.checks import Check
from ondevice.decoding.constraints import Lengths
from ondevice.decoding.sampling import Sampling
from ondevice.edits import LINTSEQ, Dialect, Unified
from ondevice.errors import RequestError
from ondevice.options import Cancel


@dataclass(frozen=True, slots=True)
class Request:
    """A prompt's tokens, and how one program or several are to follow.

    ``max_tokens`` bounds all tokens of a sample that are evaluated after the prompt, those rolled
    back among them; ``max_seconds`` the time of the whole request, ``max_lines`` the buffer.
    ``retries`` is how often one edit may be refused, ``depth`` how many accepted edits may be
    withdrawn then, one after another, to try again from further back. With ``constrained`` off,
    tokens are free, and text that is no applicable diff counts as refused. ``tests`` judge a
    finished program; the first of the ``samples`` that passes ends the request.
    """

    prompt: list[int]
    history: list[int] = field(default_factory=list)
    """Tokens after the prompt that stand for edits which made the buffer."""
    seed: int = 0
    sampling: Sampling = field(default_factory=Sampling)
    checks: tuple[Check, ...] = ()
    tests: tuple[Check, ...] = ()
    samples: int = 1
    width: int | None = None
    """Samples that are decoded in one batch; None: as many as the model was opened for."""
    max_tokens: int = 768
    max_seconds: float = math.inf
    max_lines: int = 10_000
    retries: int = 8
    depth: int = 1
    constrained: bool = True
    lengths: Lengths = "announced"
    """What decides how many lines a hunk has: its header, or the lines, and the header is mended.
    In the ``unified`` dialect it is always the lines."""
    dialect: Dialect = LINTSEQ
    cancel: Cancel | None = None
    """Once it is set, nothing more is computed."""

    @property
    def start(self) -> list[int]:
        """All tokens that are given."""
        return [*self.prompt, *self.history]

    @property
    def mends(self) -> bool:
        """Whether headers are mended."""
        return self.constrained and (self.lengths == "written" or isinstance(self.dialect, Unified))

    def __post_init__(self) -> None:
        """Raise ``RequestError`` for a value out of range."""
        for name in ("max_tokens", "max_lines", "samples"):
            if getattr(self, name) < 1:
                raise RequestError(f"{name} must be at least 1, not {getattr(self, name)}")
        for name in ("retries", "depth"):
            if getattr(self, name) < 0:
                raise RequestError(f"{name} must be 0 or more, not {getattr(self, name)}")
        if self.lengths not in get_args(Lengths):
            raise RequestError(f"lengths are announced or written, not {self.lengths!r}")
        if self.width is not None and self.width < 1:
            raise RequestError(f"width must be at least 1, not {self.width}")
        if not self.max_seconds > 0:
            raise RequestError(f"max_seconds must be more than 0, not {self.max_seconds}")
        if not isinstance(self.seed, int) or self.seed < 0:
            raise RequestError(f"the seed must be a whole number of 0 or more, not {self.seed!r}")
