from __future__ import annotations

import contextlib
import json
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import ondevice
from ondevice.backends.scripted import ScriptedBackend
from ondevice.cli import main
from ondevice.errors import CheckError, PromptTooLongError
from ondevice.evaluation.drawing import Plan, draw
from ondevice.evaluation.figures import summarize
from ondevice.evaluation.machine import describe_machine
from ondevice.evaluation.passk import answer, remaining
from ondevice.evaluation.samples import read_samples
from ondevice.evaluation.selftest import check_references
from ondevice.model import Model
from ondevice.sandbox import Assertions, Sandbox
from tests.evaluation.makers import (
    RIGHT,
    WRONG,
    make_problem,
    make_sample,
    make_suite,
    script,
    scripted,
)

EVERYDAY = Path(__file__).parents[2] / "bench" / "everyday"
SAMPLING = {"temperature": 1.0, "max_tokens": 200}
VAGUE = make_problem("t/vague", instruction="do something with a list of words")


@pytest.fixture(scope="module")
def sandbox() -> Iterator[Sandbox]:
    with Sandbox(workers=2) as opened:
        yield opened


@pytest.fixture(scope="module")
def tiny() -> Iterator[Model]:
    with ondevice.load(backend="onnx", threads=1) as model:
        yield model


def without_times(samples: Any) -> list[dict[str, Any]]:
    times = ("seconds", "latency_seconds", "judge_seconds")
    rows = [sample.to_json() for sample in samples]
    kept = [{key: value for key, value in row.items() if key not in times} for row in rows]
    return sorted(kept, key=lambda row: (row["id"], row["number"]))


class TestAnswer:
    def test_samples_are_drawn_and_judged(self, sandbox: Sandbox) -> None:
        problems = [make_problem(), make_problem("t/other")]
        samples = list(answer(scripted(RIGHT, WRONG), problems, Plan(), sandbox))
        right, wrong = sorted(samples, key=lambda one: one.id)
        assert (right.id, right.number, right.passed, right.status) == (
            *("t/double", 0, True),
            "passed",
        )
        assert (right.program, right.sanitized, right.reason) == (RIGHT, RIGHT, "")
        assert right.raw == ("@@ -0,0 +1,2 @@\n+def double(n):\n+    return n * 2",)
        assert right.tests_passed == 2
        assert right.edits == 1
        assert right.seconds == right.latency_seconds > 0
        assert not wrong.passed
        assert "AssertionError" in wrong.reason
        assert wrong.tests_passed == 0

    def test_many_samples_are_one_batch(self, tiny: Model, sandbox: Sandbox) -> None:
        plan = Plan(samples=6, parameters=SAMPLING)
        drawn = list(draw(tiny, VAGUE, plan))
        assert sorted(one.number for one in drawn) == list(range(6))
        assert len({one.program for one in drawn}) > 1
        assert all("".join(one.raw).count("\n+") >= one.program.count("\n") for one in drawn)
        # Each takes over where the one before was finished.
        # Each is rounded to a microsecond.
        total = pytest.approx(drawn[-1].latency_seconds, abs=1e-6 * len(drawn))
        assert sum(one.seconds for one in drawn) == total
        again = list(answer(tiny, [VAGUE], plan, sandbox))
        assert {one.number: one.program for one in again} == {
            one.number: one.program for one in drawn
        }

    def test_what_is_stored_is_not_given_again(self, tiny: Model, sandbox: Sandbox) -> None:
        plan = Plan(samples=4, parameters=SAMPLING)
        whole = list(answer(tiny, [VAGUE], plan, sandbox))
        rest = list(answer(tiny, [VAGUE], plan, sandbox, whole[:3]))
        assert without_times([*whole[:3], *rest]) == without_times(whole)

    def test_stopping_early(self, sandbox: Sandbox, tiny: Model) -> None:
        plan = Plan(samples=50, stop_early=True, parameters=SAMPLING)
        easy = make_problem("t/easy", expect=Assertions(("pass",)))
        (only,) = answer(tiny, [easy], plan, sandbox)
        assert only.passed
        assert remaining(make_suite(easy), plan, [only]) == []
        hard = make_problem("t/hard", expect=Assertions(("assert False",)))
        plan = Plan(samples=3, stop_early=True, parameters=SAMPLING)
        samples = list(answer(tiny, [hard], plan, sandbox))
        assert [one.passed for one in samples] == [False] * 3
        assert remaining(make_suite(hard), plan, samples[:2]) == [hard]

    def test_an_existing_program_is_edited(self, sandbox: Sandbox) -> None:
        model = Model(ScriptedBackend("@@ -1,0 +2 @@\n+    n += 1\n<|diff|>\n<|diff|>"), name="s")
        problem = make_problem(
            instruction="add one", source=RIGHT, expect=Assertions(("assert double(1) == 4",))
        )
        (sample,) = answer(model, [problem], Plan(), sandbox)
        assert sample.program == "def double(n):\n    n += 1\n    return n * 2\n"
        assert sample.passed

    def test_a_problem_that_cannot_be_asked_stops_the_measurement(self, sandbox: Sandbox) -> None:
        model = Model(ScriptedBackend(script(RIGHT), context_length=8), name="short")
        with pytest.raises(PromptTooLongError):
            list(answer(model, [make_problem()], Plan(), sandbox))


class TestFigures:
    def test_pass_at_k_and_costs(self) -> None:
        samples = [
            make_sample("a", 0, tokens=10),
            make_sample("a", 1, passed=False, status="timeout", tokens=30),
            make_sample("b", 0, passed=False, status="failed"),
            make_sample("b", 1, passed=False, status="failed"),
        ]
        figures = summarize(samples)
        assert figures["problems"] == 2
        assert figures["samples"] == 4
        assert figures["pass@k"]["1"]["value"] == 0.25
        assert figures["pass@k"]["2"]["value"] == 0.5
        assert figures["pass@k"]["1"]["low"] == 0
        assert figures["mean"]["tokens"] == 15
        assert figures["tokens a passing program"] == 60
        assert figures["status"] == {"failed": 2, "passed": 1, "timeout": 1}

    def test_stopping_early_gives_one_k(self) -> None:
        samples = [make_sample("a"), *(make_sample("b", n, passed=False) for n in range(10))]
        assert summarize(samples, stop_early=10)["pass@k"].keys() == {"10"}
        assert summarize(samples, stop_early=10)["pass@k"]["10"]["value"] == 0.5

    def test_the_fewest_samples_bound_k(self) -> None:
        samples = [make_sample("a"), *(make_sample("b", n) for n in range(10))]
        assert summarize(samples)["pass@k"].keys() == {"1"}

    def test_stages(self) -> None:
        samples = [
            make_sample("a", passed=False, tests_passed=1),
            make_sample("b", passed=False, tests_passed=0),
        ]
        figures = summarize(samples, stages=("base",))
        assert figures["base pass@k"]["1"]["value"] == 0.5
        assert figures["pass@k"]["1"]["value"] == 0

    def test_parts(self) -> None:
        samples = [make_sample("a"), make_sample("b", passed=False), make_sample("c")]
        figures = summarize(samples, parts={"some": frozenset("ab"), "none": frozenset("x")})
        assert figures["some pass@k"]["1"]["value"] == 0.5
        assert "none pass@k" not in figures
        assert figures["pass@k"]["1"]["value"] == 0.666667


class TestSelfTest:
    def test_references_that_pass(self, sandbox: Sandbox) -> None:
        assert check_references(make_suite(make_problem(), make_problem("b")), sandbox) == 2

    def test_one_that_does_not_pass_refuses_the_score(self, sandbox: Sandbox) -> None:
        suite = make_suite(make_problem(), make_problem("t/bad", reference=WRONG))
        with pytest.raises(CheckError, match=r"1 of 2 answers .*\(t/bad: AssertionError"):
            check_references(suite, sandbox)

    def test_no_reference_at_all(self, sandbox: Sandbox) -> None:
        with pytest.raises(CheckError, match="--no-self-test"):
            check_references(make_suite(make_problem(reference=None)), sandbox)


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
                "programs": [RIGHT],
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
        output, given = tmp_path / "result.json", tmp_path / "given.jsonl"
        command = ["bench", "passk", "--tasks", str(suite), "--output", str(output)]
        assert main([*command, "--write-samples", str(given)]) == 0
        out = capsys.readouterr().out
        assert re.search(r"^pass@1 +50\.0%  \(95%: 0\.0 to 100\.0\)$", out, re.MULTILINE)
        assert "scripted on scripted" in out
        result = json.loads(output.read_text())
        assert result["schema"] == "ondevice-passk/1"
        assert result["machine"]["cores"] >= 1
        assert result["suite"] == "everyday-wordings"
        assert result["remarks"] == []
        assert result["references_passed"] == 2
        assert result["figures"]["pass@k"]["1"]["value"] == 0.5
        assert result["parameters"]["temperature"] == 0.0
        assert result["problems"][0] == {"id": "t/one", "samples": 1, "passed": 1}
        header, samples = read_samples(tmp_path / result["samples_file"])
        assert header["suite"] == "everyday-wordings"
        assert {sample.id: sample.program for sample in samples} == {"t/one": RIGHT, "t/two": WRONG}
        rows = [json.loads(line) for line in given.read_text().splitlines()]
        assert [(row["task_id"], row["solution"]) for row in rows] == [
            ("t/one", RIGHT),
            ("t/two", WRONG),
        ]

    def test_a_finished_measurement_is_not_made_again(
        self, suite: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
    ) -> None:
        command = ["bench", "passk", "--tasks", str(suite), "-o", str(tmp_path / "r.json")]
        assert main(command) == 0
        first = (tmp_path / "r.samples.jsonl").read_bytes()
        assert main(command) == 0
        assert (tmp_path / "r.samples.jsonl").read_bytes() == first
        assert main([*command, "--seed", "1"]) == 2
        assert "another measurement (seed 0, not 1)" in capsys.readouterr().err
        assert main([*command, "--seed", "1", "--restart"]) == 0

    def test_what_is_left_out_is_said(
        self, suite: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
    ) -> None:
        output = tmp_path / "r.json"
        command = ["bench", "passk", "--tasks", str(suite), "-o", str(output)]
        assert main([*command, "--limit", "1"]) == 0
        assert "everyday-wordings (first 1)" in capsys.readouterr().out
        assert json.loads(output.read_text())["remarks"] == ["first 1"]
        assert main([*command, "--leave-out", "t/one", "--restart"]) == 0
        assert "everyday-wordings (without t/one)" in capsys.readouterr().out

    def test_a_wrong_reference_refuses_the_score(
        self, suite: Path, capsys: pytest.CaptureFixture[str]
    ) -> None:
        tasks = (suite / "t.jsonl").read_text().replace("n * 2", "n * 3", 1)
        (suite / "t.jsonl").write_text(tasks)
        assert main(["bench", "passk", "--tasks", str(suite)]) == 2
        captured = capsys.readouterr()
        assert captured.out == ""
        assert "1 of 2 answers that the suite everyday-wordings itself gives" in captured.err

    def test_an_unwritable_output_is_said_before_anything_is_drawn(
        self, suite: Path, capsys: pytest.CaptureFixture[str]
    ) -> None:
        command = ["bench", "passk", "--tasks", str(suite), "--output", str(suite / "no" / "x")]
        assert main(command) == 2
        assert capsys.readouterr().err.startswith("error: ")

    @pytest.mark.parametrize(
        ("arguments", "message"),
        [
            (["--suite", "everyday"], "no suite is called 'everyday'; there are everyday-word"),
            (["--suite", "everyday-tasks"], "has no problems in its part 'tasks'"),
            (["--samples", "5"], "all samples of a problem are the same"),
            (["--leave-out", "t/three"], "has no problem 't/three' to leave out"),
        ],
    )
    def test_what_cannot_be_measured(
        self, suite: Path, capsys: pytest.CaptureFixture[str], arguments: list[str], message: str
    ) -> None:
        assert main(["bench", "passk", "--tasks", str(suite), *arguments]) == 2
        assert message in capsys.readouterr().err

    def test_a_missing_folder(self, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
        assert main(["bench", "passk", "--tasks", str(tmp_path / "none")]) == 2
        assert "error: cannot read the everyday suite in" in capsys.readouterr().err


@pytest.mark.skipif(os.name != "posix", reason="SIGKILL")
def test_a_run_that_is_killed_is_taken_up(tmp_path: Path) -> None:
    """Killed twice and then left alone, it ends with the samples of an undisturbed run."""

    def command(output: Path) -> list[str]:
        return [
            *(sys.executable, "-m", "ondevice.cli", "bench", "passk", "--backend", "onnx"),
            *("--tasks", str(EVERYDAY), "--limit", "4", "--samples", "4", "--temperature", "1"),
            *("--max-tokens", "120", "--threads", "1", "--no-self-test", "-o", str(output)),
        ]

    calm, killed = tmp_path / "calm.json", tmp_path / "killed.json"
    subprocess.run(command(calm), check=True, capture_output=True, timeout=120)
    path = tmp_path / "killed.samples.jsonl"
    for lines in (6, 12):
        process = subprocess.Popen(command(killed), stdout=subprocess.DEVNULL, stderr=-3)
        while process.poll() is None and count_lines(path) < lines:
            time.sleep(0.002)
        process.send_signal(signal.SIGKILL)
        process.wait()
        assert process.returncode == -signal.SIGKILL, "it was faster than the test"
        assert not killed.exists()
        with path.open("ab") as file:  # as if a write had been torn
            file.write(b'{"id": "algorithms/')
    subprocess.run(command(killed), check=True, capture_output=True, timeout=120)
    _, expected = read_samples(tmp_path / "calm.samples.jsonl")
    _, found = read_samples(path)
    assert len(expected) == 16
    assert without_times(found) == without_times(expected)
    figures = [json.loads(file.read_text())["figures"] for file in (calm, killed)]
    for one in figures:
        for name in ("seconds", "judge_seconds"):
            del one["mean"][name]
        del one["seconds a passing program"]
    assert figures[0] == figures[1]


def count_lines(path: Path) -> int:
    with contextlib.suppress(OSError):
        return path.read_bytes().count(b"\n")
    return 0
