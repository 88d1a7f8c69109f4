"""Parts that other packages bring by entry points: backends, checks, dialects and suites.

A package names them in its ``pyproject.toml``, and they go by that name wherever ours do::

    [project.entry-points."ondevice.checks"]
    no-print = "my_package:no_print"

=====================  =========================================================================
``ondevice.backends``  a class of backends, called as ``OnnxBackend`` is; its attribute ``suffix``
                       (``".mlx"``, say) tells which files it reads
``ondevice.checks``    a ``Check``, or a class of such, which is made anew for each request
``ondevice.dialects``  an ``edits.Dialect``; it is read, not constrained
``ondevice.suites``    a function from the rows of a file of JSON lines to ``Problem`` objects
=====================  =========================================================================

Names of ours cannot be taken. Nothing is imported before it is asked for.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ondevice.errors import DependencyError

if TYPE_CHECKING:
    from importlib.metadata import EntryPoint

BACKENDS = "ondevice.backends"
CHECKS = "ondevice.checks"
DIALECTS = "ondevice.dialects"
SUITES = "ondevice.suites"


def plugin_names(group: str) -> list[str]:
    """Return the names that other packages bring to a group, sorted."""
    return sorted(_points(group))


def find_plugin(group: str, name: str) -> Any | None:
    """Return what goes by a name, or None where no package brings it.

    Raises ``DependencyError`` for what cannot be imported.
    """
    point = _points(group).get(name)
    if point is None:
        return None
    try:
        return point.load()
    except Exception as error:  # anything may happen in the import of another's module
        package = point.dist.name if point.dist else point.value
        raise DependencyError(
            f"{name!r} of the package {package} cannot be loaded: {type(error).__name__}: {error}. "
            f"Mend or remove it: pip uninstall {package}"
        ) from error


def plugin_suffixes(ours: dict[str, str]) -> dict[str, str]:
    """Return ``ours``, backends by the ends of the files that they read, with others' beside them.

    Raises ``DependencyError`` for a backend that cannot be loaded.
    """
    names = [name for name in plugin_names(BACKENDS) if name not in ours.values()]
    brought = {str(getattr(find_plugin(BACKENDS, name), "suffix", "")): name for name in names}
    return brought | ours


def _points(group: str) -> dict[str, EntryPoint]:
    from importlib.metadata import entry_points  # here, since `ondevice --help` does without it

    return {point.name: point for point in entry_points(group=group)}
