"""pass@k of a model on a suite: draws samples, judges them, stores each at once, and sums up.

The document of a measurement (``ondevice bench passk --output``, schema ``ondevice-passk/1``):

``schema``, ``machine`` (as ``machine.describe_machine``), ``suite``, ``suite_sha256``, ``remarks``
(what must stand beside every figure: ``--limit`` and the like), ``model``, ``backend``,
``weights_sha256``, ``parameters``, ``seed``, ``samples`` (a problem), ``stop_early``,
``samples_file`` (its name, next to the document; see ``samples``), ``references_passed`` (of the
self-test, null where none was made), ``figures`` and ``problems``: a list of ``id``, ``samples``
and ``passed``.

``figures``: ``problems``, ``samples`` (of all problems), ``pass@k`` (by k as text: ``value``,
``low`` and ``high``, shares of 1, the ends those of a 95% interval, see ``estimate``),
``base pass@k`` where the suite has base tests and ``insert-only pass@k`` of the edits that
insertions suffice for, ``mean`` (``tokens``, ``edits``,
``rejected_edits``, ``seconds``, ``judge_seconds`` a sample), ``tokens a passing program`` and
``seconds a passing program`` (null where none passed), and how many samples ended with each
``status`` (of the verdict) and ``finish_reason`` (of the model).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, Any

from ondevice import __version__
from ondevice.evaluation.drawing import Drawn, Plan, draw
from ondevice.evaluation.figures import PASSK_SCHEMA, by_problem, count_by_problem, summarize
from ondevice.evaluation.judging import judge_all
from ondevice.evaluation.machine import describe_machine
from ondevice.evaluation.samples import Sample
from ondevice.evaluation.suites import Problem, Suite
from ondevice.sandbox import Job, Sandbox, Verdict

if TYPE_CHECKING:
    from ondevice.model import Model


def header(
    suite: Suite, model: str, backend: str, plan: Plan, weights: str | None = None
) -> dict[str, Any]:
    """Return what tells a measurement from another, and the machine, as a store keeps it;
    ``weights`` is the SHA-256 of the model's file."""
    return {
        "suite": suite.name,
        "suite_sha256": suite.digest,
        "remarks": list(suite.remarks),
        "model": model,
        "backend": backend,
        "weights_sha256": weights,
        "parameters": plan.parameters,
        "seed": plan.seed,
        "samples": plan.samples,
        "stop_early": plan.stop_early,
        "ondevice": __version__,
        "machine": describe_machine(),
    }


def remaining(suite: Suite, plan: Plan, samples: Sequence[Sample]) -> list[Problem]:
    """Return the problems that lack samples."""
    groups = by_problem(samples)

    def whole(problem: Problem) -> bool:
        group = groups.get(problem.id, [])
        found = plan.stop_early and any(sample.passed for sample in group)
        return found or len(group) >= plan.samples

    return [problem for problem in suite.problems if not whole(problem)]


def answer(
    model: Model,
    problems: Iterable[Problem],
    plan: Plan,
    sandbox: Sandbox,
    stored: Iterable[Sample] = (),
) -> Iterator[Sample]:
    """Draw and judge the samples of problems, and yield those that are not stored yet.

    A problem of which some samples are stored is drawn again as a whole, since its samples are one
    batch: so the missing ones are those of an undisturbed run. Judging goes on beside drawing.
    Raises what ``Model.stream`` and the sandbox raise.
    """
    known = {(sample.id, sample.number) for sample in stored}
    found = (_stopping if plan.stop_early else _judged)(model, problems, plan, sandbox)
    for drawn, verdict in found:
        if (drawn.problem.id, drawn.number) not in known:
            yield _sample(drawn, verdict)


def _judged(
    model: Model, problems: Iterable[Problem], plan: Plan, sandbox: Sandbox
) -> Iterator[tuple[Drawn, Verdict]]:
    def jobs() -> Iterator[tuple[Problem, Job]]:
        for problem in problems:
            for drawn in draw(model, problem, plan):
                yield problem, problem.job(drawn.sanitized, drawn)

    for job, verdict in judge_all(jobs(), sandbox):
        yield job.id, verdict


def _stopping(
    model: Model, problems: Iterable[Problem], plan: Plan, sandbox: Sandbox
) -> Iterator[tuple[Drawn, Verdict]]:
    for problem in problems:
        verdicts: dict[str, Verdict] = {}

        def passes(
            program: str, problem: Problem = problem, verdicts: dict[str, Verdict] = verdicts
        ) -> bool:
            verdicts[program] = sandbox.judge_one(problem.job(program))
            return verdicts[program].passed

        for drawn in draw(model, problem, plan, passes):
            yield drawn, verdicts[drawn.sanitized]


def _sample(drawn: Drawn, verdict: Verdict) -> Sample:
    return Sample(
        id=drawn.problem.id,
        number=drawn.number,
        seed=drawn.seed,
        passed=verdict.passed,
        status=verdict.status,
        reason=verdict.reason,
        tests_passed=verdict.tests_passed,
        finish_reason=drawn.finish_reason,
        findings=drawn.findings,
        tokens=drawn.stats.tokens,
        edits=drawn.stats.edits,
        rejected_edits=drawn.stats.rejected_edits,
        mean_logprob=drawn.mean_logprob,
        seconds=drawn.seconds,
        latency_seconds=drawn.latency_seconds,
        judge_seconds=round(verdict.seconds, 6),
        raw=drawn.raw,
        program=drawn.program,
        sanitized=drawn.sanitized,
    )


def document(
    heading: dict[str, Any], suite: Suite, plan: Plan, samples: Sequence[Sample]
) -> dict[str, Any]:
    """Return what a measurement came to, as the head of this module documents it."""
    return {
        "schema": PASSK_SCHEMA,
        **heading,
        "figures": summarize(
            samples,
            stop_early=plan.samples if plan.stop_early else None,
            stages=suite.stages,
            parts=suite.parts,
        ),
        "problems": count_by_problem(samples),
    }
