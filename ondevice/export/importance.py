"""Which inputs of each matrix matter: what quantizers weigh their errors by.

An importance matrix holds, for each column of a matrix, the mean square of what is multiplied with
it over a text, as llama.cpp's own tool measures it; here, the checkpoint in transformers is run.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ondevice.datafiles import rows_of
from ondevice.edits import TEMPLATE
from ondevice.errors import DataError
from ondevice.export.checkpoint import Checkpoint
from ondevice.export.reference import load_model

Importance = Mapping[str, NDArray[np.float32]]
"""By the tensor's name in the checkpoint, a number for each of its columns."""

TOKENS = 2**15
"""Of longer texts, no more is read."""
_TEXTS = (".txt", ".md", ".py")
_AT_ONCE = 512
_LEAST = 1e-6


def read_texts(path: Path) -> list[str]:
    """Return the texts of a file: a ``.txt`` as it is, or of each row the ``instruction`` and the
    ``sequence``, as ``ondevice lintseq`` writes them.

    Raises ``DataError`` for what is neither.
    """
    if path.suffix in _TEXTS:
        try:
            texts = [path.read_text(encoding="utf-8")]
        except UnicodeDecodeError as error:
            raise DataError(f"{path} is no text in UTF-8: {error.reason}") from error
    else:
        texts = [_sequence_of(path, row) for row in rows_of(path)]
    if not any(text.strip() for text in texts):
        raise DataError(f"{path} holds no text")
    return texts


def _sequence_of(path: Path, row: Any) -> str:
    if not isinstance(row, dict) or not {"instruction", "sequence"} <= row.keys():
        raise DataError(
            f"{path}: a row lacks instruction or sequence, which `ondevice lintseq` writes; a text "
            f"is named {' or '.join(_TEXTS)}"
        )
    return TEMPLATE.format(instruction=row["instruction"]) + str(row["sequence"])


def measure_importance(checkpoint: Checkpoint, texts: Sequence[str]) -> Importance:
    """Return the importance of the inputs of the checkpoint's matrices over ``texts``, of which at
    most ``TOKENS`` tokens are read."""
    import torch

    with checkpoint.for_transformers() as folder:
        model = load_model(folder)
        batches = list(_batches(folder / "tokenizer.json", texts))
    sums = _watch(model)
    with torch.no_grad():
        for tokens in batches:
            model(input_ids=torch.tensor([tokens]), use_cache=False)
    count = sum(map(len, batches))
    means = {name: (total / count).numpy() for name, total in sums.items()}
    if checkpoint.is_copy("lm_head.weight") and "lm_head.weight" in means:
        # The shared matrix is stored once, by the name of the embedding.
        embedding = model.get_input_embeddings().weight
        name = next(name for name, parameter in model.named_parameters() if parameter is embedding)
        means[name] = means.pop("lm_head.weight")
    # A column that was never used still has to be stored somehow.
    return {name: np.maximum(mean, _LEAST * mean.mean()) for name, mean in means.items()}


def _watch(model: Any) -> dict[str, Any]:
    """Return the sums of squares of each matrix's inputs, which grow whenever the model runs."""
    import torch

    sums: dict[str, Any] = {}

    def add(name: str, inputs: Any) -> None:
        sums[name] = sums.get(name, 0) + inputs.reshape(-1, inputs.shape[-1]).square().sum(0)

    def watch(name: str) -> Any:
        return lambda _, inputs: add(name, inputs[0])

    for name, module in model.named_modules():
        if isinstance(module, torch.nn.Linear):
            module.register_forward_pre_hook(watch(f"{name}.weight"))
    return sums


def _batches(tokenizer_file: Path, texts: Sequence[str]) -> Iterator[list[int]]:
    from tokenizers import Tokenizer

    tokenizer, left = Tokenizer.from_file(str(tokenizer_file)), TOKENS
    for text in texts:
        ids: list[int] = tokenizer.encode(text).ids[:left]
        yield from (ids[at : at + _AT_ONCE] for at in range(0, len(ids), _AT_ONCE))
        left -= len(ids)
        if not left:
            return
