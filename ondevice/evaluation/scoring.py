"""Samples made elsewhere: reading them in the formats of human-eval and EvalPlus, and writing ours.

human-eval: JSON lines of ``task_id`` and ``completion``, which follows on the problem's prompt.
EvalPlus: the same with ``solution``, a whole program, which counts where a row has both; or a
folder of folders named by ``task_id`` (``/`` becomes ``_``) with a file ``NUMBER.py`` a sample.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ondevice.errors import DataError
from ondevice.evaluation.figures import PASSK_SCHEMA, count_by_problem, summarize
from ondevice.evaluation.judging import judge_all
from ondevice.evaluation.machine import describe_machine
from ondevice.evaluation.samples import SCHEMA, Sample, read_samples
from ondevice.evaluation.suites import Problem, Suite
from ondevice.evaluation.suites.fields import Row, read_rows
from ondevice.files import replacing
from ondevice.sandbox import Sandbox


@dataclass(frozen=True, slots=True)
class Given:
    """A program made elsewhere for one problem; ``number`` counts those of the problem from 0."""

    problem: Problem
    number: int
    program: str


def read_given(path: Path, suite: Suite, part: Suite | None = None) -> list[Given]:
    """Return the programs in a file or folder, in its order; see the head of this module.

    Files of stored samples (``samples``) are read, too. With a ``part`` of the suite, those for its
    problems only. Raises ``DataError`` for what is none of these, and for a task that the suite
    does not have.
    """
    problems = {problem.id: problem for problem in suite.problems}
    kept = {problem.id: problem for problem in (part or suite).problems}
    found = _folder(path, problems) if path.is_dir() else _file(path, problems)
    numbers: Counter[str] = Counter()
    given = []
    for id, program in ((problem.id, program) for problem, program in found):
        if (problem := kept.get(id)) is None:
            continue
        given.append(Given(problem, numbers[problem.id], program))
        numbers[problem.id] += 1
    if not given:
        raise DataError(f"{path} has no samples")
    return given


def _file(path: Path, problems: dict[str, Problem]) -> Iterator[tuple[Problem, str]]:
    if _is_ours(path):
        for sample in read_samples(path)[1]:
            yield _known(problems, sample.id, str(path)), sample.sanitized
        return
    for row in read_rows(path):
        problem = _known(problems, _task(row), row.where)
        if "solution" in row:
            yield problem, row.text("solution")
        else:
            yield problem, problem.stub + row.text("completion")


def _is_ours(path: Path) -> bool:
    try:
        with path.open("rb") as file:
            return SCHEMA.encode() in file.readline(200)
    except OSError as error:
        raise DataError(f"{path} cannot be read: {error.strerror or error}") from error


def _task(row: Row) -> str:
    value = row.value("task_id")
    return f"Mbpp/{value}" if isinstance(value, int) else row.text("task_id")


def _folder(path: Path, problems: dict[str, Problem]) -> Iterator[tuple[Problem, str]]:
    by_folder = {id.replace("/", "_"): id for id in problems}
    for folder in sorted(one for one in path.iterdir() if one.is_dir()):
        problem = _known(problems, by_folder.get(folder.name, folder.name), str(folder))
        for file in sorted(folder.glob("*.py"), key=lambda one: (len(one.stem), one.stem)):
            yield problem, file.read_text(encoding="utf-8")


def _known(problems: dict[str, Problem], id: str, where: str) -> Problem:
    if id not in problems:
        raise DataError(
            f"{where}: the suite has no problem {id!r}; its first is {next(iter(problems))!r}"
        )
    return problems[id]


def require_all(suite: Suite, given: Iterable[Given]) -> None:
    """Raise ``DataError`` when a problem has no sample, since its figure would leave it out."""
    there = {one.problem.id for one in given}
    missing = [problem.id for problem in suite.problems if problem.id not in there]
    if missing:
        raise DataError(
            f"{len(missing)} of {len(suite.problems)} problems have no samples, {missing[0]} among "
            "them; --limit or --leave-out measure without them, and say so beside the figures"
        )


def score(given: Iterable[Given], sandbox: Sandbox) -> Iterator[Sample]:
    """Judge programs made elsewhere and yield them as samples, in any order."""
    jobs = ((one.problem, one.problem.job(one.program, one)) for one in given)
    for job, verdict in judge_all(jobs, sandbox):
        yield Sample(
            id=job.id.problem.id,
            number=job.id.number,
            seed=0,
            passed=verdict.passed,
            status=verdict.status,
            reason=verdict.reason,
            tests_passed=verdict.tests_passed,
            finish_reason="complete",
            findings=(),
            tokens=0,
            edits=0,
            rejected_edits=0,
            mean_logprob=0.0,
            seconds=0.0,
            latency_seconds=0.0,
            judge_seconds=round(verdict.seconds, 6),
            raw=(),
            program=job.id.program,
            sanitized=job.id.program,
        )


def document(
    suite: Suite, source: str, samples: Sequence[Sample], references: int | None
) -> dict[str, Any]:
    """Return the figures as ``passk`` documents them, with the verdicts (``verdicts``: ``id``,
    ``number``, ``passed``, ``status``, ``reason``, ``tests_passed``) instead of how samples were
    drawn; ``model`` is the file that they came from, ``backend`` null."""
    names = ("id", "number", "passed", "status", "reason", "tests_passed")
    ordered = sorted(samples, key=lambda one: (one.id, one.number))
    return {
        "schema": PASSK_SCHEMA,
        "machine": describe_machine(),
        "suite": suite.name,
        "suite_sha256": suite.digest,
        "remarks": list(suite.remarks),
        "model": source,
        "backend": None,
        "references_passed": references,
        "figures": summarize(samples, stages=suite.stages, parts=suite.parts),
        "problems": count_by_problem(samples),
        "verdicts": [{name: getattr(one, name) for name in names} for one in ordered],
    }


def write_given(path: Path, suite: Suite, samples: Sequence[Sample]) -> None:
    """Write samples as JSON lines that human-eval and EvalPlus read, each its own of two fields.

    ``solution`` is the program that was judged. ``completion`` is what makes it behind the prompt:
    the program without the prompt where it begins with it, otherwise all of it, which defines the
    function again (that fails for one that begins with an import from ``__future__``). Raises
    ``OSError``.
    """
    problems = {problem.id: problem for problem in suite.problems}
    with replacing(path) as file:
        for sample in sorted(samples, key=lambda one: (one.id, one.number)):
            row = {
                "task_id": sample.id,
                "completion": _completion(problems[sample.id], sample.sanitized),
                "solution": sample.sanitized,
            }
            file.write(json.dumps(row).encode() + b"\n")


def _completion(problem: Problem, program: str) -> str:
    if problem.stub and program.startswith(problem.stub):
        return program.removeprefix(problem.stub)
    return f"\n{program}"
