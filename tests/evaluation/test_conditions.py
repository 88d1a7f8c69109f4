from __future__ import annotations

import json
import os
from typing import Any

import pytest

from ondevice.evaluation.conditions import read_busy, read_conditions, warnings

CORES = os.cpu_count() or 1


def test_what_is_read_can_be_stored() -> None:
    found = read_busy() | read_conditions()
    json.dumps(found)
    assert 0 <= found.get("busy", 0) <= CORES


@pytest.mark.parametrize(
    ("readings", "words"),
    [
        ([], []),
        ([{}], []),
        # Others at work through all rounds, and in a single one.
        ([{"busy": CORES * 0.5}] * 8, ["kept"]),
        ([{"busy": 0.0}] * 7 + [{"busy": CORES * 1.0}], []),
        ([{"on_battery": False}, {"on_battery": True}], ["battery"]),
        ([{"celsius": 91.0}, {"celsius": 60.0}], ["91 °C"]),
        ([{"governor": "powersave", "max_mhz": 3000, "mhz": 1000}], ["1000 of 3000 MHz"]),
        ([{"governor": "performance", "max_mhz": 3000, "mhz": 1000}], []),
        ([{"governor": "powersave", "mhz": 1000}], []),
        ([{"speed_limit": 100}, {"speed_limit": 60}], ["60%"]),
        ([{"thermal_warning": 0}], []),
        ([{"thermal_warning": 1}], ["level 1"]),
    ],
)
def test_what_disturbs_is_warned_of(readings: list[dict[str, Any]], words: list[str]) -> None:
    found = warnings(readings)
    assert len(found) == len(words)
    for text, word in zip(found, words, strict=True):
        assert word in text
