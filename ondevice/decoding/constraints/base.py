"""The protocol of a constraint: what may come next, given the buffer."""

from __future__ import annotations

from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from ondevice.edits import Buffer


class Constraint(Protocol):
    """Follows one branch token by token; what it allows is always an edit that applies."""

    def start_edit(self, buffer: Buffer) -> None:
        """Begin an edit of the buffer as it now is."""
        ...

    def start_hunk(self, start: int, growth: int) -> None:
        """Begin a further hunk of the edit, at row ``start`` (from 0) or after it.

        The hunks before it have added ``growth`` lines.
        """
        ...

    def forced(self) -> list[int]:
        """Return the tokens that must come next, in canonical form; often none."""
        ...

    def allows(self, token: int) -> bool:
        """Tell whether the token may come next."""
        ...

    def mask(self) -> NDArray[np.bool_]:
        """Return which tokens may come next, of shape (vocabulary,)."""
        ...

    def consume(self, token: int) -> None:
        """Go on by an allowed token."""
        ...

    @property
    def hunk_is_over(self) -> bool:
        """Whether the hunk and its line break are written, so that another may begin."""
        ...
