"""Suites, one module a file format; each is read from a file of the user's, or fetched."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from pathlib import Path

from ondevice.catalogue.manifest import sha256_of
from ondevice.errors import DataError
from ondevice.evaluation.suites import (
    bigcodebench,
    codecontests,
    ds1000,
    evalplus,
    everyday,
    humaneval,
    mbpp,
)
from ondevice.evaluation.suites.base import Problem, Suite, runnable
from ondevice.evaluation.suites.fields import Row, read_rows
from ondevice.evaluation.suites.homes import HOMES, fetch
from ondevice.files import cache_folder
from ondevice.plugins import SUITES as PLUGINS
from ondevice.plugins import find_plugin, plugin_names

__all__ = ["SUITES", "Problem", "Suite", "load_suite"]

_Read = Callable[[Iterable[Row]], list[Problem]]
_FORMATS: dict[str, _Read] = {
    "humaneval": humaneval.read,
    "humaneval+": evalplus.read_humaneval,
    "mbpp": mbpp.read,
    "mbpp-sanitized": mbpp.read,
    "mbpp+": evalplus.read_mbpp,
    "codecontests": codecontests.read,
    "ds-1000": ds1000.read,
    "bigcodebench-complete": bigcodebench.read_complete,
    "bigcodebench-instruct": bigcodebench.read_instruct,
}
_OURS = {
    "everyday-wordings": "wordings",
    "everyday-tasks": "tasks",
    "edits": "edits",
    "edits-insert-only": "edits-insert-only",
    "edits-held-out": "edits-held-out",
}
SUITES = (*_OURS, *_FORMATS)
"""All names."""


def load_suite(name: str, file: Path | None = None, tasks: Path = everyday.FOLDER) -> Suite:
    """Read a suite from ``file``, or fetch it; those of this project are read from ``tasks``.

    Suites that other packages bring (see ``plugins``) are read from a file of the user's.

    Raises ``DataError`` for a name that is not known, a file that is not of the suite's format, or
    one that cannot be fetched; ``DependencyError`` where no problem can be run here.
    """
    if name in _OURS:
        return everyday.read_everyday(file or tasks, _OURS[name])
    read = _FORMATS.get(name) or find_plugin(PLUGINS, name)
    if read is None:
        there = ", ".join([*SUITES, *plugin_names(PLUGINS)])
        raise DataError(f"no suite is called {name!r}; there are {there}")
    if file is None and name not in _FORMATS:
        raise DataError(f"the suite {name!r} has no home to be fetched from; give its --file")
    path = file or fetch(HOMES[name.partition("-complete")[0].partition("-instruct")[0]], _kept())
    problems = read(read_rows(path))
    seen: set[str] = set()
    for problem in problems:
        if problem.id in seen:
            raise DataError(f"{path} has two problems with the id {problem.id!r}")
        seen.add(problem.id)
    kept, remarks = runnable(problems, name)
    stages = evalplus.STAGES if name.endswith("+") else ()
    return Suite(name, kept, sha256_of(path), remarks, stages)


def _kept() -> Path:
    return cache_folder() / "suites"
