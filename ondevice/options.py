"""What a request may ask for besides its prompt, as types."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Protocol, TypedDict

if TYPE_CHECKING:
    from ondevice.checks import Check
    from ondevice.decoding.constraints import Lengths
    from ondevice.edits import Dialect


class Cancel(Protocol):
    """What tells a request to stop: a ``threading.Event``, or what else can be asked."""

    def is_set(self) -> bool:
        """Tell whether to stop; asked before every step, by the thread that decodes."""


class Options(TypedDict, total=False):
    """What ``generate`` and ``sample`` take besides the prompt; see ``Model.stream``."""

    source: str | None
    path: str
    tests: str | Check | None
    seed: int
    temperature: float
    top_p: float
    top_k: int
    min_p: float
    max_tokens: int
    max_seconds: float
    max_lines: int
    check: str | Check | Sequence[str | Check]
    retries: int
    depth: int
    constrain: bool
    lengths: Lengths
    width: int | None
    dialect: str | Dialect | None
    prompt_template: str | None
    cancel: Cancel | None


class StreamOptions(Options, total=False):
    """What ``astream`` takes besides the prompt; see ``Model.stream``."""

    samples: int
