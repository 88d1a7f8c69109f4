"""Which number format the machine at hand multiplies fastest in."""

from __future__ import annotations

import torch


def multiplies_bfloat16(device: torch.device) -> bool:
    """Return whether the device has instructions for bfloat16, rather than emulating them.

    On an x86 processor those are AVX512-BF16 or AMX. Emulated, a matrix product takes many times
    as long as in float32.
    """
    if device.type == "cuda":
        return bool(torch.cuda.is_bf16_supported(including_emulation=False))
    if device.type == "cpu" and hasattr(torch.cpu, "get_capabilities"):
        found = torch.cpu.get_capabilities()
        return bool(found.get("avx512_bf16") or found.get("amx_bf16"))
    return False
