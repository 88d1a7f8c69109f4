"""Where Python comes from: installed distributions, the standard library, folders of sources."""

from __future__ import annotations

import email
import email.message
import importlib.metadata
import os
import platform
import re
import sys
import sysconfig
import tomllib
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

from ondevice.corpora.licenses import License, Statements, judge, stated
from ondevice.errors import DataError

STANDARD_LIBRARY, DISTRIBUTION, TREE = range(3)
"""Kinds of sources, in the order in which they come."""

# Of the standard library: tests, programs beside it, and what programs have made.
_NOT_LIBRARY = frozenset(
    {"site-packages", "dist-packages", "test", "tests", "idle_test", "idlelib", "lib2to3"}
    | {"turtledemo", "pydoc_data", "ensurepip", "__phello__"}
)
_NOT_SOURCES = frozenset({"__pycache__", "node_modules", "build", "dist", "site-packages"})
_LICENSE_FILE = re.compile(r"(licen[cs]e|copying|unlicense)([.-].*)?", re.IGNORECASE)
_PROGRAM = re.compile(r"\.(py|pyi|pyc|so|pyd)$", re.IGNORECASE)
_LARGEST_LICENSE = 1 << 20


@dataclass(frozen=True)
class Source:
    """A package with its license; ``files`` are (path within it, path on this machine), sorted.

    ``license_files`` are those beside its sources, which may be about a folder of them alone.
    """

    kind: int
    name: str
    version: str
    license: License
    files: tuple[tuple[str, Path], ...] = ()
    license_files: tuple[tuple[str, Path], ...] = ()

    @property
    def order(self) -> tuple[int, str, str, list[str]]:
        """What sources are sorted by."""
        return self.kind, self.name, self.version, [str(path) for _, path in self.files[:1]]


def installed(names: Iterable[str] = (), site: Path | None = None) -> Iterator[Source]:
    """Yield installed distributions, by name; all where none is named.

    They are those of this Python, or of ``site``: a folder of installed packages, or an
    environment that has one.

    Raises:
        DataError: A name is not installed, or the folder is none.
        DependencyError: packaging is not installed.
    """
    folders = sys.path if site is None else [str(_site_packages(site))]
    found: dict[str, importlib.metadata.Distribution] = {}
    for distribution in importlib.metadata.distributions(path=folders):
        if name := str(distribution.metadata["Name"] or ""):
            found.setdefault(_normal(name), distribution)
    wanted = sorted(set(map(_normal, names))) or sorted(found)
    for name in wanted:
        if name not in found:
            raise DataError(f"no package is installed by the name {name!r}")
        yield _distribution(name, found[name])


def standard_library() -> Source:
    """Return the standard library of this Python.

    Raises ``DependencyError`` when packaging is not installed.
    """
    root = Path(sysconfig.get_path("stdlib"))
    files, _ = _walk(root, _NOT_LIBRARY)
    kept = [(path, full) for path, full in files if not path.startswith(("config-", "_sysconfig"))]
    license = stated("PSF-2.0", "Python's own")
    return Source(STANDARD_LIBRARY, "python", platform.python_version(), license, tuple(kept))


def source_tree(root: Path, expression: str | None = None) -> Source:
    """Return a folder of sources, under a license that the caller states or the folder does.

    Raises ``DataError`` for what is no folder, and ``DependencyError`` when packaging is missing.
    """
    if not root.is_dir():
        raise DataError(f"{root} is no folder")
    project = _project(root)
    license = stated(expression, "stated") if expression else judge(project.statements)
    files, licenses = _walk(root, _NOT_SOURCES)
    return Source(
        TREE,
        _normal(project.name or root.resolve().name),
        project.version,
        license,
        tuple(files),
        tuple((path, full) for path, full in licenses if "/" in path),
    )


def _site_packages(path: Path) -> Path:
    if not path.is_dir():
        raise DataError(f"{path} is no folder of installed packages")
    for pattern in ("*.dist-info", "*.egg-info"):
        if any(path.glob(pattern)):
            return path
    for pattern in ("lib/python3*/site-packages", "Lib/site-packages"):
        for folder in sorted(path.glob(pattern)):
            return folder
    raise DataError(f"no packages are installed in {path}")


def _distribution(name: str, distribution: importlib.metadata.Distribution) -> Source:
    files, licenses, texts = [], [], []
    for file in distribution.files or ():
        path = PurePosixPath(str(file).replace("\\", "/"))
        # What lies elsewhere is a script that the installer has made.
        if path.is_absolute() or ".." in path.parts:
            continue
        full = Path(str(distribution.locate_file(file)))
        if path.suffix == ".py" and full.is_file():
            files.append((str(path), full))
        elif _is_license(path.name):
            about_all = path.parts[0].endswith((".dist-info", ".egg-info"))
            if about_all and len(path.parts) <= 2 + (path.parts[1] == "licenses"):
                texts.append((path.name, _text(full)))
            elif not about_all:
                licenses.append((str(path), full))
    metadata: Any = distribution.metadata
    license = judge(_statements(metadata, sorted(texts)))
    version = str(metadata["Version"] or "")
    sort = (tuple(sorted(files)), tuple(sorted(licenses)))
    return Source(DISTRIBUTION, name, version, license, *sort)


def _statements(metadata: email.message.Message, texts: Sequence[tuple[str, str]]) -> Statements:
    return Statements(
        str(metadata.get("License-Expression") or "").strip(),
        str(metadata.get("License") or "").strip(),
        tuple(map(str, metadata.get_all("Classifier") or ())),
        tuple(texts),
    )


@dataclass(frozen=True, slots=True)
class _Project:
    name: str
    version: str
    statements: Statements


def _project(root: Path) -> _Project:
    """Return what a folder of sources says about itself, in PKG-INFO or else pyproject.toml."""
    names = sorted(path.name for path in root.iterdir() if _is_license(path.name))
    texts = [(name, _text(root / name)) for name in names]
    if (root / "PKG-INFO").is_file():
        metadata = email.message_from_string(_text(root / "PKG-INFO"))
        statements = _statements(metadata, texts)
        return _Project(str(metadata["Name"] or ""), str(metadata["Version"] or ""), statements)
    try:
        project = tomllib.loads(_text(root / "pyproject.toml")).get("project", {})
    except tomllib.TOMLDecodeError:
        project = {}
    license, expression = project.get("license", ""), ""
    if isinstance(license, str):  # PEP 639; before, it was a table
        license, expression = "", license
    elif isinstance(license, dict):
        license = license.get("text") or ""
    classifiers = tuple(map(str, project.get("classifiers", ())))
    statements = Statements(expression, str(license), classifiers, tuple(texts))
    return _Project(str(project.get("name", "")), str(project.get("version", "")), statements)


def _walk(
    root: Path, left_out: frozenset[str]
) -> tuple[list[tuple[str, Path]], list[tuple[str, Path]]]:
    """Return the Python files below a folder and the license files; links are not followed."""
    files: list[tuple[str, Path]] = []
    licenses: list[tuple[str, Path]] = []
    for folder, folders, names in os.walk(root):
        folders[:] = [
            name
            for name in folders
            if name not in left_out
            and not name.startswith(".")
            and not name.endswith(".egg-info")
            and not Path(folder, name, "pyvenv.cfg").exists()
        ]
        for name in names:
            full = Path(folder, name)
            into = files if name.endswith(".py") else licenses if _is_license(name) else None
            if into is not None and full.is_file() and not full.is_symlink():
                into.append((full.relative_to(root).as_posix(), full))
    return sorted(files), sorted(licenses)


def _is_license(name: str) -> bool:
    return bool(_LICENSE_FILE.fullmatch(name)) and not _PROGRAM.search(name)


def _text(path: Path) -> str:
    """Return what a file of metadata holds, nothing where it cannot be read."""
    try:
        with path.open("rb") as file:
            return file.read(_LARGEST_LICENSE).decode("utf-8", "replace")
    except OSError:
        return ""


def _normal(name: str) -> str:
    """Return a distribution's name as PEP 503 compares it."""
    return re.sub(r"[-_.]+", "-", name).lower()
