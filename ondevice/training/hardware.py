"""What the machine at hand computes with, and how fast it can."""

from __future__ import annotations

import time

import torch

# Dense bfloat16 with float32 sums, in 10^12 operations a second, from NVIDIA's data sheets.
_DATA_SHEETS = {
    "H100 PCIe": 756,
    "H100 NVL": 835,
    "H200 NVL": 835,
    "H200": 989,
    "H100": 989,
    "A100": 312,
    "A10": 125,
    "L40S": 362,
    "L4": 121,
    "RTX 4090": 165,
}
_SIDE = 1024
_TRIALS = 8


def best_device(local_rank: int = 0) -> torch.device:
    """Return the accelerator of a process on this machine, or its processor."""
    if torch.cuda.is_available():
        return torch.device("cuda", local_rank)
    return torch.device("cpu")


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


def peak(device: torch.device) -> float:
    """Return floating-point operations a second that matrix products reach at best, in the format
    that is trained in: of a known accelerator by its data sheet, else as measured here and now, by
    the best of some products of large matrices with the threads that are set."""
    if device.type == "cuda" and multiplies_bfloat16(device):
        name = torch.cuda.get_device_name(device)
        for known, teraflops in _DATA_SHEETS.items():
            if known in name:
                return teraflops * 1e12
    dtype = torch.bfloat16 if multiplies_bfloat16(device) else torch.float32
    matrix = torch.ones(_SIDE, _SIDE, dtype=dtype, device=device)
    shortest = min(_seconds(matrix) for _ in range(_TRIALS))
    return 2 * _SIDE**3 / shortest


def _seconds(matrix: torch.Tensor) -> float:
    started = time.perf_counter()
    # A sum is on the host only once the product is done.
    (matrix @ matrix)[0, 0].item()
    return time.perf_counter() - started
