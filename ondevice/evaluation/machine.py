"""What machine and which versions a figure was measured with."""

from __future__ import annotations

import datetime
import importlib.metadata
import os
import platform
from subprocess import SubprocessError
from typing import Any

from ondevice import __version__
from ondevice.evaluation.sensors import processor


def machine_differs(first: dict[str, Any], second: dict[str, Any]) -> list[str]:
    """Return what tells two descriptions of machines apart, the day left out."""
    return [
        f"{name} {first.get(name)!r}, not {second.get(name)!r}"
        for name in first | second
        if name != "date" and first.get(name) != second.get(name)
    ]


def describe_machine() -> dict[str, str | int | None]:
    """Return date, platform, cores and versions, as results record them."""
    return {
        "date": datetime.date.today().isoformat(),
        "platform": f"{platform.system()} {platform.machine()}",
        "processor": _processor(),
        "cores": os.cpu_count(),
        "python": platform.python_version(),
        "ondevice": __version__,
        **{name: _version(name) for name in ("onnxruntime", "llama-cpp-python")},
    }


def _processor() -> str:
    try:
        found = processor()
    except (OSError, ValueError, SubprocessError):
        found = None
    return found or platform.processor()


def _version(package: str) -> str | None:
    try:
        return importlib.metadata.version(package)
    except importlib.metadata.PackageNotFoundError:
        return None
