"""The quantizations of llama.cpp, by ``llama_model_quantize``."""

from __future__ import annotations

import ctypes
import os
from pathlib import Path

from ondevice.backends.llama_library import last_messages, load_library
from ondevice.errors import ModelError

QUANTIZATIONS = (
    *("q2_k", "q3_k_s", "q3_k_m", "q3_k_l", "q4_0", "q4_1", "q4_k_s", "q4_k_m"),
    *("q5_0", "q5_1", "q5_k_s", "q5_k_m", "q6_k", "iq4_nl", "iq4_xs"),
)
"""Those that need no importance matrix; below them, q8_0 and wider, the exporter writes itself."""


def quantize_gguf(source: Path, path: Path, quantization: str, *, threads: int = 0) -> None:
    """Write the GGUF file ``source``, which is not quantized, in one of ``QUANTIZATIONS``.

    K-quants want rows that are multiples of 256; llama.cpp takes another type for a matrix whose
    rows are not. ``threads`` 0: as many as there are processors. Raises ``ModelError`` when
    llama.cpp refuses.
    """
    library = load_library()
    parameters = library.llama_model_quantize_default_params()
    parameters.ftype = getattr(library, f"LLAMA_FTYPE_MOSTLY_{quantization.upper()}")
    parameters.nthread = threads or os.cpu_count() or 1
    last_messages()
    code = library.llama_model_quantize(
        os.fsencode(source), os.fsencode(path), ctypes.byref(parameters)
    )
    if code:
        path.unlink(missing_ok=True)
        raise ModelError(f"llama.cpp cannot quantize to {quantization}: {last_messages()}")
