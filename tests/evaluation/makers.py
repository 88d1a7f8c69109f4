"""Small suites, samples and models that the tests of evaluation share."""

from __future__ import annotations

import itertools
from typing import Any

from ondevice.backends.scripted import ScriptedBackend
from ondevice.decoding import Pool
from ondevice.edits import LINTSEQ, diff
from ondevice.evaluation.samples import Sample
from ondevice.evaluation.suites import Problem, Suite
from ondevice.model import Model
from ondevice.sandbox import Assertions

RIGHT = "def double(n):\n    return n * 2\n"
WRONG = "def double(n):\n    return n * 3\n"


def make_problem(id: str = "t/double", **changes: Any) -> Problem:
    fields: dict[str, Any] = {
        "instruction": "write double(n)",
        "expect": Assertions(("assert double(2) == 4", "assert double(5) == 10")),
        "entry_point": "double",
        "reference": RIGHT,
    }
    return Problem(id, **{**fields, **changes})


def make_suite(*problems: Problem) -> Suite:
    return Suite("small", problems or (make_problem(),), "0" * 64)


def make_sample(id: str = "t/double", number: int = 0, **changes: Any) -> Sample:
    fields: dict[str, Any] = {
        "seed": 0,
        "passed": True,
        "status": "passed",
        "reason": "",
        "tests_passed": 2,
        "finish_reason": "complete",
        "findings": (),
        "tokens": 10,
        "edits": 1,
        "rejected_edits": 0,
        "mean_logprob": -0.5,
        "seconds": 0.5,
        "latency_seconds": 0.5,
        "judge_seconds": 0.1,
        "raw": ("@@ -0,0 +1 @@\n+x = 1\n",),
        "program": "x = 1\n",
        "sanitized": "x = 1\n",
    }
    return Sample(id=id, number=number, **{**fields, **changes})


def script(*states: str) -> str:
    """Return what a model writes that lets a program grow through ``states``."""
    lines = [tuple(state.splitlines()) for state in ("", *states)]
    return LINTSEQ.write_sequence(diff(a, b) for a, b in itertools.pairwise(lines))


def scripted(*programs: str) -> Model:
    """A model that writes these programs in turn, one a request."""
    model = Model(ScriptedBackend(script(programs[0])), name="scripted")
    turns = itertools.cycle(programs)
    open_stream = model.stream

    def stream(*arguments: Any, **options: Any) -> Any:
        model._backend = ScriptedBackend(script(next(turns)))
        model._pool = Pool(model._backend)
        return open_stream(*arguments, **options)

    model.stream = stream  # type: ignore[method-assign]
    return model
