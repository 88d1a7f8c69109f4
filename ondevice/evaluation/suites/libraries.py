"""Which modules a problem needs, and which of them this machine lacks."""

from __future__ import annotations

import ast
import functools
import importlib.util
import sys
from collections.abc import Iterable

_PACKAGES = {
    "bs4": "beautifulsoup4",
    "Crypto": "pycryptodome",
    "cv2": "opencv-python-headless",
    "dateutil": "python-dateutil",
    "docx": "python-docx",
    "Levenshtein": "levenshtein",
    "PIL": "pillow",
    "skimage": "scikit-image",
    "sklearn": "scikit-learn",
    "yaml": "pyyaml",
}
"""Packages on PyPI that go by another name than their module."""


def package_of(module: str) -> str:
    """Return the name to install a module by."""
    return _PACKAGES.get(module, module)


def imported_by(code: str) -> set[str]:
    """Return the top-level modules outside the standard library that code imports.

    Code that does not parse imports nothing.
    """
    try:
        tree = ast.parse(code)
    except (SyntaxError, ValueError):
        return set()
    names = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            names.add(node.module)
    return foreign(names)


def foreign(names: Iterable[str]) -> set[str]:
    """Return the top-level modules among names that the standard library does not have."""
    return {name.partition(".")[0] for name in names} - set(sys.stdlib_module_names)


def missing_of(modules: Iterable[str]) -> list[str]:
    """Return those of the modules that cannot be found here."""
    return [module for module in modules if not _installed(module)]


@functools.cache
def _installed(module: str) -> bool:
    try:
        return importlib.util.find_spec(module) is not None
    except (ImportError, ValueError):
        return False
