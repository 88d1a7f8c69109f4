"""What machine and which versions a figure was measured with."""

from __future__ import annotations

import datetime
import importlib.metadata
import os
import platform

from ondevice import __version__


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
        with open("/proc/cpuinfo", encoding="utf-8") as file:
            for line in file:
                if line.startswith("model name"):
                    return line.partition(":")[2].strip()
    except OSError:
        pass
    return platform.processor()


def _version(package: str) -> str | None:
    try:
        return importlib.metadata.version(package)
    except importlib.metadata.PackageNotFoundError:
        return None
