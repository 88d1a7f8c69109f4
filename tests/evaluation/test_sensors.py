"""What systems say of themselves, in texts as they print them."""

from __future__ import annotations

import struct
import subprocess
import sys
import time

import pytest

from ondevice.evaluation import machine, sensors

INTEL_MAC = """\
Note: No thermal warning level has been recorded
Note: No performance warning level has been recorded
2020-11-24 13:10:40 +0100 CPU Power notify
    CPU_Scheduler_Limit \t= 100
    CPU_Available_CPUs \t= 8
    CPU_Speed_Limit \t= 35
"""
APPLE_MAC = """\
Note: No thermal warning level has been recorded
Note: No performance warning level has been recorded
Note: No CPU power status has been recorded
"""
WARNING_MAC = """\
2024-07-02 15:20:11 +0200 Thermal Warning Level = 1
Note: No performance warning level has been recorded
"""
TOP = """\
Processes: 585 total, 2 running, 583 sleeping, 2498 threads
Load Avg: 1.39, 1.52, 1.57
CPU usage: 40.0% user, 20.0% sys, 40.0% idle
Processes: 585 total, 3 running, 582 sleeping, 2498 threads
Load Avg: 1.39, 1.52, 1.57
CPU usage: 8.97% user, 4.77% sys, 86.26% idle
"""
CPUINFO = """\
processor\t: 0
model name\t: Intel(R) Xeon(R) Processor @ 2.10GHz
cpu MHz\t\t: 2100.000
processor\t: 1
model name\t: Intel(R) Xeon(R) Processor @ 2.10GHz
cpu MHz\t\t: 2300.000
"""
STAT = """\
cpu  1000 20 300 8000 100 5 15 60 0 0
cpu0 500 10 150 4000 50 2 8 30 0 0
intr 12345
"""


@pytest.mark.parametrize(
    ("text", "limit", "warning"),
    [(INTEL_MAC, 35, None), (APPLE_MAC, None, None), (WARNING_MAC, None, 1), ("", None, None)],
)
def test_heat_of_a_mac(text: str, limit: int | None, warning: int | None) -> None:
    assert sensors.pmset_speed_limit(text) == limit
    assert sensors.pmset_thermal_warning(text) == warning


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("Now drawing from 'AC Power'\n -InternalBattery-0 (id=123)\t85%; charged;\n", False),
        ("Now drawing from 'Battery Power'\n -InternalBattery-0 (id=123)\t19%;\n", True),
        ("Now drawing from 'AC Power'\n", False),
        ("", None),
    ],
)
def test_power_of_a_mac(text: str, found: bool | None) -> None:
    assert sensors.pmset_on_battery(text) is found


def test_work_and_clock_of_a_mac() -> None:
    assert sensors.top_idle(TOP) == pytest.approx(0.8626)
    assert sensors.top_idle("") is None
    assert sensors.hertz_as_mhz("2600000000\n") == 2600
    assert sensors.hertz_as_mhz("") is None


def test_clock_of_windows() -> None:
    # number, highest clock, present one, limit, idle states
    rows = [(0, 3000, 1000, 3000, 1, 1), (1, 3000, 2000, 3000, 1, 1)]
    content = b"".join(struct.pack("<6I", *row) for row in rows)
    assert sensors.windows_clock(content) == (1500, 3000)
    assert sensors.windows_clock(bytes(24)) == (None, None)
    assert sensors.windows_clock(b"") == (None, None)


def test_linux() -> None:
    assert sensors.cpuinfo_value(CPUINFO, "model name") == "Intel(R) Xeon(R) Processor @ 2.10GHz"
    assert sensors.cpuinfo_value("processor : 0\n", "model name") is None
    assert sensors.cpuinfo_mhz(CPUINFO) == 2200
    assert sensors.cpuinfo_mhz("") is None
    assert sensors.proc_stat(STAT) == (8100, 9500)


@pytest.mark.skipif(sys.platform != "linux", reason="reads Linux's /proc/stat")
def test_what_this_process_did_before_does_not_count_as_others_work(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    texts = iter(["cpu 100 0 0 100 0 0 0 0", "cpu 130 0 0 170 0 0 0 0"])
    monkeypatch.setattr(sensors.Path, "read_text", lambda *_args, **_options: next(texts))
    monkeypatch.setattr(sensors.os, "cpu_count", lambda: 4)
    monkeypatch.setattr(time, "sleep", lambda _seconds: None)
    # Of 100 ticks in between, 30 were work; the 100 before are nobody's concern.
    assert sensors.busy_processors() == pytest.approx(4 * 0.3)


def test_a_processor_without_a_name_is_what_python_calls_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def fails() -> str:
        raise subprocess.CalledProcessError(1, "sysctl")

    monkeypatch.setattr(machine, "processor", fails)
    monkeypatch.setattr(machine.platform, "processor", lambda: "arm")
    assert machine.describe_machine()["processor"] == "arm"


def test_machines_differ_whatever_the_day() -> None:
    one = {"date": "2026-11-25", "processor": "a", "cores": 2}
    assert machine.machine_differs(one, one | {"date": "2026-11-26"}) == []
    assert machine.machine_differs(one, one | {"cores": 4}) == ["cores 2, not 4"]
