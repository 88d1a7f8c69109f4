from __future__ import annotations

import itertools
import json
import re
from pathlib import Path
from typing import Any

import pytest

import ondevice
from ondevice.backends.scripted import ScriptedBackend
from ondevice.cli import main
from ondevice.decoding import Pool
from ondevice.edits import LINTSEQ, diff
from ondevice.errors import PromptTooLongError
from ondevice.evaluation.everyday import Problem
from ondevice.evaluation.machine import describe_machine
from ondevice.evaluation.passk import Sample, interval, pass_at_k, summarize, write_samples
from ondevice.model import Model

RIGHT = "def double(n):\n    return n * 2\n"
WRONG = "def double(n):\n    return n * 3\n"
PROBLEM = Problem("t/double", "write double(n)", ("assert double(2) == 4",), "", None)


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


@pytest.mark.parametrize("samples", [1, 2, 5, 7])
def test_pass_at_k_is_the_mean_over_all_choices(samples: int) -> None:
    for passed in range(samples + 1):
        verdicts = [True] * passed + [False] * (samples - passed)
        for k in range(1, samples + 1):
            choices = list(itertools.combinations(verdicts, k))
            expected = sum(map(any, choices)) / len(choices)
            assert pass_at_k(samples, passed, k) == pytest.approx(expected, abs=1e-12)


def test_pass_at_k_holds_for_many_samples() -> None:
    assert pass_at_k(10_000, 1, 1) == pytest.approx(1e-4)
    assert pass_at_k(10_000, 0, 100) == 0
    assert pass_at_k(10_000, 10_000, 100) == 1


def test_pass_at_k_needs_k_samples() -> None:
    with pytest.raises(ValueError, match="pass@10 needs at least 10 samples a problem, not 5"):
        pass_at_k(5, 1, 10)


def test_interval() -> None:
    assert interval([0.5, 0.5, 0.5]) == (0.5, 0.0)
    assert interval([0.25]) == (0.25, 0.0)
    mean, half = interval([1.0] * 60 + [0.0] * 40)
    assert mean == pytest.approx(0.6)
    assert half == pytest.approx(1.96 * (0.24 / 99) ** 0.5)


def test_samples_are_written_judged_and_summarized() -> None:
    model = scripted(RIGHT, WRONG, WRONG, WRONG)
    other = Problem("t/other", "write double(n)", ("assert double(2) == 4",), "", None)
    samples = list(write_samples(model, [PROBLEM, other], 2, temperature=0.8))
    assert [(s.id, s.seed, s.passed) for s in samples] == [
        ("t/double", 0, True),
        ("t/double", 1, False),
        ("t/other", 0, False),
        ("t/other", 1, False),
    ]
    assert samples[0].program == RIGHT
    assert (samples[0].reason, samples[1].reason) == ("", "AssertionError")
    assert samples[0].finish_reason == "complete"
    assert samples[0].edits == 1
    figures = summarize(samples, [1, 2])
    assert figures["problems"] == 2
    assert figures["samples"] == 4
    assert figures["pass@1"] == 25.0
    assert figures["pass@2"] == 50.0
    assert figures["edits a program"] == 1.0
    assert figures["complete"] == 100.0
    assert figures["tokens a program"] == pytest.approx(sum(s.tokens for s in samples) / 4)


def test_a_problem_that_cannot_be_asked_stops_the_measurement() -> None:
    model = Model(ScriptedBackend(script(RIGHT), context_length=8), name="short")
    with pytest.raises(PromptTooLongError):
        list(write_samples(model, [PROBLEM], 1))


def test_a_sample_is_plain_json() -> None:
    sample = Sample("a/b", 0, True, "", "complete", "x = 1\n", 10, 1, 0, 0.5)
    assert json.loads(json.dumps(sample.to_json()))["program"] == "x = 1\n"


def test_the_machine_is_described() -> None:
    machine = json.loads(json.dumps(describe_machine()))
    assert machine["ondevice"] == ondevice.__version__
    assert machine["python"].startswith("3.")
    assert {"date", "platform", "processor", "cores", "onnxruntime"} <= machine.keys()


class TestCommand:
    @pytest.fixture
    def suite(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
        folder = tmp_path / "suite"
        folder.mkdir()
        rows = [
            {
                "id": f"t/{name}",
                "kind": "function",
                "entry_point": "double",
                "instructions": ["no", "write double(n)"],
                "tests": ["assert double(2) == 4"],
            }
            for name in ("one", "two")
        ]
        (folder / "t.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
        split = {"held_out_wordings": {"t/one": 1, "t/two": 1}, "held_out_tasks": {}}
        (folder / "split.json").write_text(json.dumps(split))
        monkeypatch.setattr(ondevice, "load", lambda *a, **o: scripted(RIGHT, WRONG))
        return folder

    def test_figures_are_printed_and_written(
        self, suite: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
    ) -> None:
        output = tmp_path / "result.json"
        command = ["bench", "passk", "--tasks", str(suite), "--output", str(output)]
        assert main(command) == 0
        out = capsys.readouterr().out
        assert re.search(r"^pass@1 +50\.0$", out, re.MULTILINE)
        assert "scripted on scripted" in out
        result = json.loads(output.read_text())
        assert result["machine"]["cores"] >= 1
        assert result["figures"]["suite"] == "everyday-wordings"
        assert result["figures"]["pass@1"] == 50.0
        assert result["figures"]["temperature"] == 0.0
        assert [(s["id"], s["passed"]) for s in result["samples"]] == [
            ("t/one", True),
            ("t/two", False),
        ]
        assert result["samples"][0]["program"] == RIGHT

    def test_a_limit_is_said(self, suite: Path, capsys: pytest.CaptureFixture[str]) -> None:
        assert main(["bench", "passk", "--tasks", str(suite), "--limit", "1"]) == 0
        assert "everyday-wordings (first 1)" in capsys.readouterr().out

    def test_an_unwritable_output_costs_no_figures(
        self, suite: Path, capsys: pytest.CaptureFixture[str]
    ) -> None:
        command = ["bench", "passk", "--tasks", str(suite), "--output", str(suite / "no" / "x")]
        assert main(command) == 2
        captured = capsys.readouterr()
        assert "pass@1" in captured.out
        assert captured.err.startswith("error: ")

    @pytest.mark.parametrize(
        ("arguments", "message"),
        [
            (["--suite", "everyday-edits"], "has no part 'edits'; it has wordings, tasks"),
            (["--suite", "everyday-tasks"], "has no problems in its part 'tasks'"),
            (["--samples", "5"], "all samples of a problem are the same"),
        ],
    )
    def test_what_cannot_be_measured(
        self,
        suite: Path,
        capsys: pytest.CaptureFixture[str],
        arguments: list[str],
        message: str,
    ) -> None:
        assert main(["bench", "passk", "--tasks", str(suite), *arguments]) == 2
        assert message in capsys.readouterr().err

    def test_a_missing_folder(self, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
        assert main(["bench", "passk", "--tasks", str(tmp_path / "none")]) == 2
        assert "error: cannot read the everyday suite in" in capsys.readouterr().err
