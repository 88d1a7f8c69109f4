"""Where a run's texts come from, whether it tunes or pretrains."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Protocol

from ondevice.training.batch import Batch, Batches

if TYPE_CHECKING:
    from tokenizers import Tokenizer

Report = Callable[[str], None]


class Source(Protocol):
    """Texts to train a tokenizer on, and batches in its tokens.

    What takes long to make is kept in the run's folder. All raise ``DataError`` for data that
    cannot be used.
    """

    def tokenizer_texts(self) -> Iterable[str]:
        """Return what the model will read and write, in the proportions in which it will."""
        ...

    def batches(self, tokenizer: Tokenizer) -> Batches:
        """Return what is trained on."""
        ...

    def held_out(self, tokenizer: Tokenizer) -> Mapping[str, Sequence[Batch]]:
        """Return what the loss is watched on, by the names that it is reported under."""
        ...

    def prompts(self) -> Sequence[str]:
        """Return beginnings whose continuations are shown while the run goes on."""
        ...
