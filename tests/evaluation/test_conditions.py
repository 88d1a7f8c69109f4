from __future__ import annotations

import json
import os
from typing import Any

import pytest

from ondevice.evaluation.conditions import read_conditions, warnings

CORES = os.cpu_count() or 1


def test_what_is_read_can_be_stored() -> None:
    found = read_conditions()
    json.dumps(found)
    if hasattr(os, "getloadavg"):
        assert found["load"] >= 0


@pytest.mark.parametrize(
    ("before", "after", "words"),
    [
        ({}, {}, []),
        ({"load": 0.1}, {"load": 99.0}, []),
        ({"load": CORES * 0.5}, {}, ["kept"]),
        ({"on_battery": False}, {"on_battery": True}, ["battery"]),
        ({}, {"celsius": 91.0}, ["91 °C"]),
        ({"governor": "powersave", "max_mhz": 3000}, {"mhz": 1000}, ["1000 of 3000 MHz"]),
        ({"governor": "performance", "max_mhz": 3000}, {"mhz": 1000}, []),
        ({}, {"speed_limit": 60}, ["60%"]),
    ],
)
def test_what_disturbs_is_warned_of(
    before: dict[str, Any], after: dict[str, Any], words: list[str]
) -> None:
    found = warnings(before, after)
    assert len(found) == len(words)
    for text, word in zip(found, words, strict=True):
        assert word in text
