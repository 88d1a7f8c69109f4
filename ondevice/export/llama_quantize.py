"""The quantizations of llama.cpp, by ``llama_model_quantize``."""

from __future__ import annotations

import ctypes
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ondevice.backends.llama_library import last_messages, load_library
from ondevice.errors import ModelError

NEED_IMPORTANCE = (*("iq1_s", "iq1_m", "iq2_xxs", "iq2_xs", "iq2_s", "iq2_m", "iq3_xxs", "q2_k_s"),)
"""So few bits that llama.cpp refuses them without an importance matrix."""
QUANTIZATIONS = (
    *NEED_IMPORTANCE,
    *("q2_k", "iq3_xs", "iq3_s", "iq3_m", "q3_k_s", "q3_k_m", "q3_k_l"),
    *("q4_0", "q4_1", "q4_k_s", "q4_k_m", "q5_0", "q5_1", "q5_k_s", "q5_k_m", "q6_k"),
    *("iq4_nl", "iq4_xs"),
)
"""Those below q8_0, which the exporter writes itself, like all that are wider."""


def quantize_gguf(
    source: Path,
    path: Path,
    quantization: str,
    *,
    importance: Mapping[str, NDArray[np.float32]] | None = None,
    threads: int = 0,
) -> None:
    """Write the GGUF file ``source``, which is not quantized, in one of ``QUANTIZATIONS``.

    ``importance`` holds, by the tensors' GGUF names, a weight for each of their columns; errors are
    weighed by it. K-quants want rows that are multiples of 256; llama.cpp takes another type for a
    matrix whose rows are not. ``threads`` 0: as many as there are processors. Raises ``ModelError``
    when llama.cpp refuses.
    """
    library = load_library()
    parameters = library.llama_model_quantize_default_params()
    parameters.ftype = getattr(library, f"LLAMA_FTYPE_MOSTLY_{quantization.upper()}")
    parameters.nthread = threads or os.cpu_count() or 1
    entries = _entries(library, importance or {})
    if importance:
        parameters.imatrix = ctypes.cast(entries, type(parameters.imatrix))
    last_messages()
    code = library.llama_model_quantize(
        os.fsencode(source), os.fsencode(path), ctypes.byref(parameters)
    )
    if code:
        path.unlink(missing_ok=True)
        raise ModelError(f"llama.cpp cannot quantize to {quantization}: {last_messages()}")


def _entries(library: Any, importance: Mapping[str, NDArray[np.float32]]) -> Any:
    """Return llama.cpp's array of entries, which one without a name ends; it holds the numbers."""
    numbers = ctypes.POINTER(ctypes.c_float)
    # The last entry stays zero.
    entries = (library.llama_model_imatrix_data * (len(importance) + 1))()
    for entry, (name, weights) in zip(entries, importance.items(), strict=False):
        entry.name = name.encode()
        entry.data = ctypes.cast((ctypes.c_float * weights.size)(*weights.tolist()), numbers)
        entry.size = weights.size
    return entries
