"""The engine for a cluster: Ray tasks that each answer one problem; the samples come back here.

Each process of Ray's loads the model by its name, which must mean the same on every machine (a
bundled model, or a folder that all of them see). A problem is one request wherever it is answered,
so its samples are the same as on this machine, as far as the processors agree on the last digits
of a logit. Ray tries a problem again when it loses a worker.
"""

from __future__ import annotations

import atexit
import functools
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from ondevice.errors import OndeviceError
from ondevice.evaluation import passk
from ondevice.evaluation.drawing import Plan
from ondevice.evaluation.samples import Sample
from ondevice.evaluation.suites import Problem
from ondevice.rays import cluster
from ondevice.sandbox import Sandbox

_RETRIES = 3


@dataclass(frozen=True, slots=True)
class Loading:
    """What ``ondevice.load`` is given, in every process."""

    model: str | None
    backend: str | None
    threads: int | None


def answer(
    loading: Loading,
    problems: Sequence[Problem],
    plan: Plan,
    stored: Sequence[Sample] = (),
    workers: int | None = None,
) -> Iterator[Sample]:
    """Yield the samples that are missing, as ``passk.answer`` does, in no order of the problems.

    Raises ``DependencyError`` when Ray is not installed, ``CheckError`` when it does not start or
    gives up, and what ``passk.answer`` raises.
    """
    if not problems:
        return
    with cluster(workers) as ray:
        task = ray.remote(num_cpus=loading.threads or 1, max_retries=_RETRIES)(_answer_one)
        waiting = []
        for problem in problems:
            known = [sample for sample in stored if sample.id == problem.id]
            waiting.append(task.remote(loading, problem, plan, known))
        while waiting:
            ready, waiting = ray.wait(waiting, num_returns=1)
            for found in ray.get(ready):
                if isinstance(found, OndeviceError):
                    raise found
                yield from found


def _answer_one(
    loading: Loading, problem: Problem, plan: Plan, known: list[Sample]
) -> list[Sample] | OndeviceError:
    """Answer one problem in a process of Ray's; an error of this package's own is handed over."""
    try:
        model, sandbox = _tools(loading)
        return list(passk.answer(model, [problem], plan, sandbox, known))
    except OndeviceError as error:
        return error


@functools.lru_cache(maxsize=1)
def _tools(loading: Loading) -> tuple[Any, Sandbox]:
    """Return what a process of Ray's keeps from problem to problem."""
    import ondevice

    model = ondevice.load(loading.model, backend=loading.backend, threads=loading.threads)
    sandbox = Sandbox(workers=1)
    atexit.register(model.close)
    atexit.register(sandbox.close)
    return model, sandbox
