"""Where Python comes from: installed distributions, the standard library, a folder of sources."""

from __future__ import annotations

import email
import importlib.metadata
import os
import platform
import re
import sysconfig
import tomllib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from ondevice.corpora.licenses import License, read_license, stated
from ondevice.errors import DataError

# Of the standard library: tests, programs, and what is made by a program.
_NOT_LIBRARY = frozenset(
    {"__pycache__", "site-packages", "dist-packages", "test", "tests", "idlelib", "lib2to3"}
    | {"turtledemo", "pydoc_data", "ensurepip"}
)
_NOT_SOURCES = frozenset({"__pycache__", "node_modules", "build", "dist", "venv", "site-packages"})


@dataclass(frozen=True, slots=True)
class Source:
    """A package with its license; ``files`` are (path within it, path on this machine), sorted."""

    name: str
    version: str
    license: License
    files: tuple[tuple[str, Path], ...]


def distributions(names: Iterable[str] = (), site: Path | None = None) -> Iterator[Source]:
    """Yield installed distributions, by name; all where none is named.

    They are those of this Python, or of the folder ``site``. Raises ``DataError`` for a name that
    is not installed, and for a folder that is none.
    """
    if site and not site.is_dir():
        raise DataError(f"{site} is no folder of installed packages")
    found: dict[str, importlib.metadata.Distribution] = {}
    every = importlib.metadata.distributions
    for distribution in every(path=[str(site)]) if site else every():
        if name := str(distribution.metadata["Name"] or ""):
            found.setdefault(_normal(name), distribution)
    wanted = sorted(map(_normal, names)) or sorted(found)
    for name in wanted:
        if name not in found:
            raise DataError(f"no package is installed by the name {name!r}")
        yield _installed(name, found[name])


def standard_library() -> Source:
    """Return the standard library of this Python."""
    root = Path(sysconfig.get_path("stdlib"))
    files = [
        (path, full)
        for path, full in _python_files(root, _NOT_LIBRARY)
        if not path.startswith(("config-", "_sysconfigdata"))
    ]
    return Source("python", platform.python_version(), stated("PSF-2.0"), tuple(files))


def tree(root: Path, expression: str | None = None) -> Source:
    """Return a folder of sources under a stated license, or the one that its metadata states.

    Raises ``DataError`` for what is no folder, and when no license is found.
    """
    if not root.is_dir():
        raise DataError(f"{root} is no folder")
    license = stated(expression) if expression else _license_of_tree(root)
    return Source(root.resolve().name, "", license, tuple(_python_files(root, _NOT_SOURCES)))


def _installed(name: str, distribution: importlib.metadata.Distribution) -> Source:
    files = []
    for file in distribution.files or ():
        path = str(file).replace("\\", "/")
        if path.endswith(".py") and not path.startswith("../"):
            full = Path(str(distribution.locate_file(file)))
            if full.is_file():
                files.append((path, full))
    license = read_license(distribution.metadata)  # type: ignore[arg-type]
    return Source(name, distribution.version or "", license, tuple(sorted(files)))


def _python_files(root: Path, left_out: frozenset[str]) -> list[tuple[str, Path]]:
    """Return the Python files below a folder, links to folders not followed."""
    found = []
    for folder, folders, names in os.walk(root):
        folders[:] = [name for name in folders if name not in left_out and name[0] != "."]
        for name in names:
            full = Path(folder, name)
            if name.endswith(".py") and full.is_file():
                found.append((full.relative_to(root).as_posix(), full))
    return sorted(found)


def _license_of_tree(root: Path) -> License:
    for name in ("PKG-INFO", "METADATA"):
        if (root / name).is_file():
            text = (root / name).read_text(encoding="utf-8", errors="replace")
            return read_license(email.message_from_string(text))
    try:
        project = tomllib.loads((root / "pyproject.toml").read_text(encoding="utf-8"))["project"]
        license, classifiers = project.get("license", ""), project.get("classifiers", [])
        if isinstance(license, dict):
            license = license.get("text", "")
        metadata = email.message.Message()
        metadata["License"] = str(license)
        for classifier in classifiers:
            metadata["Classifier"] = str(classifier)
        return read_license(metadata)
    except (OSError, ValueError, LookupError, AttributeError, TypeError) as error:
        raise DataError(
            f"{root} has no metadata that states a license; state it with --tree-license"
        ) from error


def _normal(name: str) -> str:
    """Return a distribution's name as PEP 503 compares it."""
    return re.sub(r"[-_.]+", "-", name).lower()
