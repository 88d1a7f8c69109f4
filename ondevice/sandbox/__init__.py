"""Run programs that nobody has read, and judge them."""

from __future__ import annotations

from ondevice.sandbox.job import (
    Assertions,
    Expectation,
    Harness,
    Job,
    Limits,
    Outcome,
    Output,
    Verdict,
)
from ondevice.sandbox.pool import Sandbox

__all__ = [
    "Assertions",
    "Expectation",
    "Harness",
    "Job",
    "Limits",
    "Outcome",
    "Output",
    "Sandbox",
    "Verdict",
]
