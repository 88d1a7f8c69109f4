"""Ray: the one that is running, or one of this machine's own for as long as the work takes."""

from __future__ import annotations

import contextlib
import importlib
import logging
import os
from collections.abc import Iterator
from typing import Any

from ondevice.errors import CheckError, DependencyError


@contextlib.contextmanager
def cluster(workers: int | None, *modules: str) -> Iterator[Any]:
    """Give the module ``ray``, connected, with further modules of its own imported.

    ``RAY_ADDRESS`` names a cluster; otherwise one of ``workers`` processors, by default all of this
    machine, is started and ended. Raises ``DependencyError`` when Ray is not installed, and
    ``CheckError`` when it does not start or gives up.
    """
    ray = _ray(modules)
    started = not ray.is_initialized()
    try:
        if started:
            _start(ray, workers)
        yield ray
    except ray.exceptions.RayError as error:
        raise CheckError(f"Ray gave up: {_first_line(error)}") from error
    finally:
        if started and ray.is_initialized():
            ray.shutdown()


def _start(ray: Any, workers: int | None) -> None:
    address = os.environ.get("RAY_ADDRESS")
    own = {} if address else {"num_cpus": workers or None, "include_dashboard": False}
    try:
        ray.init(address or "local", log_to_driver=False, logging_level=logging.ERROR, **own)
    except Exception as error:  # Ray has no error of its own for it
        raise CheckError(f"Ray does not start: {_first_line(error)}") from error


def _first_line(error: Exception) -> str:
    return str(error).strip().partition("\n")[0] or type(error).__name__


def _ray(modules: tuple[str, ...]) -> Any:
    # Ray tells its makers of its use unless told not to.
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
    with contextlib.suppress(ImportError):
        for module in ("ray.exceptions", *modules):
            importlib.import_module(module)
        return importlib.import_module("ray")
    raise DependencyError("ray is not installed: pip install 'ondevice[ray]'")
