"""The same samples from Ray."""

from __future__ import annotations

import sys

import pytest

import ondevice
from ondevice.errors import DependencyError
from ondevice.evaluation import passk, rays
from ondevice.evaluation.drawing import Plan
from ondevice.sandbox import Sandbox
from tests.evaluation.makers import make_problem
from tests.evaluation.test_passk import without_times

LOADING = rays.Loading(None, "onnx", 1)
PLAN = Plan(samples=3, parameters={"temperature": 1.0, "max_tokens": 60})
PROBLEMS = [
    make_problem(f"t/{number}", instruction=text)
    for number, text in enumerate(["write double(n)", "double all numbers of a list", "a queue"])
]


def test_the_same_samples() -> None:
    pytest.importorskip("ray")
    with ondevice.load(backend="onnx", threads=1) as model, Sandbox() as sandbox:
        here = list(passk.answer(model, PROBLEMS, PLAN, sandbox))
    stored = here[:2]
    there = list(rays.answer(LOADING, PROBLEMS, PLAN, stored, workers=2))
    assert without_times([*stored, *there]) == without_times(here)


def test_without_ray(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "ray", None)
    with pytest.raises(DependencyError, match="pip install 'ondevice\\[ray\\]'"):
        list(rays.answer(LOADING, PROBLEMS, PLAN))
    assert list(rays.answer(LOADING, [], PLAN)) == []
