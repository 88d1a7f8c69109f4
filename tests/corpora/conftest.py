"""Packages as pip leaves them, in a folder of their own."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

MakePackage = Callable[..., Path]

FUNCTION = '''\
import math


def {name}(radius):
    """Return the area of a circle of the given radius, called {name}."""
    if radius < 0:
        raise ValueError("a radius is not negative")
    return math.pi * radius ** 2 + len("{name}")
'''


@pytest.fixture
def site(tmp_path: Path) -> Path:
    folder = tmp_path / "site"
    folder.mkdir()
    return folder


@pytest.fixture
def make_package(site: Path) -> MakePackage:
    """Install a package: metadata lines, and files by name."""

    def make(name: str, metadata: str = "License-Expression: MIT", **files: str | bytes) -> Path:
        folder = site / name
        folder.mkdir()
        records = []
        for file, content in (files or {"area": FUNCTION.format(name=f"area_{name}")}).items():
            path = folder / f"{file.replace('__in__', '/')}.py"
            path.parent.mkdir(exist_ok=True)
            path.write_bytes(content if isinstance(content, bytes) else content.encode())
            records.append(path.relative_to(site).as_posix())
        info = site / f"{name}-1.0.dist-info"
        info.mkdir()
        head = f"Metadata-Version: 2.4\nName: {name}\nVersion: 1.0\n"
        (info / "METADATA").write_text(f"{head}{metadata}\n", encoding="utf-8")
        (info / "RECORD").write_text("".join(f"{record},,\n" for record in records))
        return folder

    return make
