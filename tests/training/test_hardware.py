from __future__ import annotations

import pytest

torch = pytest.importorskip("torch")

from ondevice.training import hardware  # noqa: E402

CPU = torch.device("cpu")


def test_a_processor_s_peak_is_measured() -> None:
    """Anything from a microcontroller to a rack, but neither nothing nor a unit off by 1,000."""
    assert 1e8 < hardware.peak(CPU) < 1e15


@pytest.mark.parametrize(
    ("name", "teraflops"),
    [
        ("NVIDIA H200", 989),
        ("NVIDIA H100 80GB HBM3", 989),
        ("NVIDIA H100 PCIe", 756),
        ("NVIDIA H200 NVL", 835),
        ("NVIDIA A100-SXM4-40GB", 312),
        ("NVIDIA A10", 125),
        ("NVIDIA L40S", 362),
        ("NVIDIA L4", 121),
    ],
)
def test_an_accelerator_s_peak_is_its_data_sheet_s(
    name: str, teraflops: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(torch.cuda, "get_device_name", lambda device: name)
    monkeypatch.setattr(torch.cuda, "is_bf16_supported", lambda including_emulation: True)
    assert hardware.peak(torch.device("cuda")) == teraflops * 1e12
