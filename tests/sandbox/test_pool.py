"""Many jobs, many threads, and machines that refuse what others give."""

from __future__ import annotations

import os
import pickle
import signal
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from ondevice.errors import CheckError, ClosedError, RequestError
from ondevice.sandbox import Assertions, Harness, Job, Limits, Output, Sandbox, worker

SQUARE = "def f(n):\n    return n * n\n"
LOOP = "while True:\n    pass\n"
REFUSED = """
import resource
def refuse(*_):
    raise ValueError("not allowed to raise maximum limit")
resource.setrlimit = refuse
"""


def job(number: int, program: str = SQUARE) -> Job:
    return Job(program, Assertions((f"assert f({number}) == {number * number}",)), id=number)


def test_jobs_come_back_with_their_verdicts() -> None:
    wrong = {3, 17}
    jobs = [job(n, "f = abs" if n in wrong else SQUARE) for n in range(2, 30)]
    with Sandbox(workers=2) as sandbox:
        found = {job.id: verdict.passed for job, verdict in sandbox.judge(jobs)}
    assert found == {n: n not in wrong for n in range(2, 30)}


def test_jobs_are_asked_for_one_by_one() -> None:
    asked: list[int] = []

    def jobs() -> Iterator[Job]:
        for number in range(20):
            asked.append(number)
            yield job(number)

    with Sandbox(workers=1) as sandbox:
        for count, _ in enumerate(sandbox.judge(jobs()), 1):
            assert len(asked) <= count + 4


def test_a_loop_is_abandoned_with_its_jobs() -> None:
    with Sandbox(workers=2) as sandbox:
        verdicts = sandbox.judge(job(n) for n in range(50))
        next(verdicts)
        verdicts.close()
        assert sandbox.judge_one(job(3)).passed


def test_threads_share_a_sandbox() -> None:
    with Sandbox(workers=2) as sandbox, ThreadPoolExecutor(6) as threads:
        assert all(v.passed for v in threads.map(sandbox.judge_one, map(job, range(30))))


def test_a_slow_job_does_not_hold_up_the_others() -> None:
    jobs = [Job(LOOP, Assertions(("pass",)), "slow", Limits(seconds=3)), *map(job, range(10))]
    with Sandbox(workers=2) as sandbox:
        order = [job.id for job, _ in sandbox.judge(jobs)]
    assert order[-1] == "slow"


def test_a_lost_worker_is_replaced() -> None:
    with Sandbox() as sandbox:
        assert sandbox.judge_one(job(2)).passed
        process = sandbox._workers[0]._popen
        assert process is not None
        os.kill(process.pid, signal.SIGKILL)
        process.wait()
        assert sandbox.judge_one(job(2)).status == "escaped"
        assert sandbox.judge_one(job(2)).passed


@pytest.mark.skipif(os.name != "posix", reason="there are no such limits")
def test_limits_that_cannot_be_set_are_no_verdict(monkeypatch: pytest.MonkeyPatch) -> None:
    """As on macOS, where EvalPlus then scores 0."""
    monkeypatch.setattr(worker, "_BOOT", REFUSED + worker._BOOT)
    with Sandbox(limits=Limits(seconds=2)) as sandbox:
        assert sandbox.judge_one(job(4)).passed
        assert sandbox.judge_one(job(4, "f = abs")).status == "failed"
        assert sandbox.judge_one(job(4, LOOP)).status == "timeout"
        output = Output((("", "1\n"),))
        assert sandbox.judge_one(Job("print(1)", output)).passed
        missing = {"cpu", "memory", "output", "files"}
        assert not missing & sandbox.protections.keys()


def test_a_worker_that_does_not_start_says_why(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(worker, "_BOOT", "raise RuntimeError('no room')")
    with Sandbox() as sandbox, pytest.raises(CheckError, match="RuntimeError: no room"):
        sandbox.judge_one(job(1))


def test_nothing_is_left_of_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    tmp_path.chmod(0o755)
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    with Sandbox() as sandbox:
        assert sandbox.judge_one(job(2)).passed
        assert len(list(tmp_path.iterdir())) == 1
    assert list(tmp_path.iterdir()) == []
    with pytest.raises(ClosedError):
        sandbox.judge_one(job(2))


def test_preloaded_modules_are_there_and_missing_ones_no_matter() -> None:
    with Sandbox(preload=("colorsys", "no_such_module")) as sandbox:
        program = "import sys\nassert 'colorsys' in sys.modules\n"
        assert sandbox.judge_one(Job(program, Assertions(("import colorsys",)))).passed


def test_jobs_can_be_sent_elsewhere() -> None:
    for expect in (Assertions(("x",)), Output((("", ""),)), Harness("x", "y")):
        one = Job("pass", expect, id="a", limits=Limits(seconds=1))
        assert pickle.loads(pickle.dumps(one)) == one


@pytest.mark.parametrize("limits", [{"seconds": 0}, {"memory": -1}, {"cpu": 0}, {"files": 0}])
def test_limits_have_to_be_above_0(limits: dict[str, float]) -> None:
    with pytest.raises(RequestError, match="must be above 0"):
        Limits(**limits)  # type: ignore[arg-type]
    with pytest.raises(RequestError, match="at least one worker"):
        Sandbox(workers=0)
