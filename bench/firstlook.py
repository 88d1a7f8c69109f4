"""Are the answers right to what people type first?

usage: python bench/firstlook.py [--model FOLDER] [--backend onnx] [--show]
                                [--output bench/results/firstlook.json]

Asks for the twenty programs of ``firstlook.toml`` in three wordings each, as ``ondevice generate``
does with seed 0, and runs the tests that stand there. A wording that is in the training data stops
the run: it would measure memory.
"""

from __future__ import annotations

import argparse
import json
import tomllib
from collections.abc import Iterator
from pathlib import Path

import ondevice
from ondevice.evaluation.machine import describe_machine
from ondevice.evaluation.suites.everyday import read_tasks
from ondevice.files import write_atomically
from ondevice.sandbox import Assertions, Job, Sandbox

HERE = Path(__file__).parent
JUDGE = """
import contextlib, io, re, sys, types
source, printed_test, test = {parts!r}
names, output = {{"__name__": "__main__"}}, io.StringIO()
sys.stdin = io.StringIO("")
with contextlib.redirect_stdout(output):
    exec(compile(source, "program.py", "exec"), names)
    kinds = (types.FunctionType, type)
    defined = [one for one in names.values() if isinstance(one, kinds)]
    defined = [one for one in defined if one.__module__ == "__main__"]
    printed = output.getvalue()

def holds(code, **given):
    try:
        with contextlib.redirect_stdout(io.StringIO()):
            exec(code, {{"re": re, **given}})
    except Exception:
        return False
    return True

right = bool(printed_test) and bool(printed.strip()) and holds(printed_test, printed=printed)
right = right or bool(test) and any(holds(test, f=one) for one in defined)
"""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--model")
    parser.add_argument("--backend")
    parser.add_argument("--show", action="store_true")
    parser.add_argument("--output", type=Path, default=HERE / "results" / "firstlook.json")
    options = parser.parse_args()
    requests = tomllib.loads((HERE / "firstlook.toml").read_text(encoding="utf-8"))
    known = {normal(text) for text in trained_on()}
    answers = []
    with ondevice.load(options.model, backend=options.backend) as model, Sandbox() as sandbox:
        for name, request in requests.items():
            for wording in request["wordings"]:
                if normal(wording) in known:
                    raise SystemExit(f"{name}: {wording!r} is in the training data")
                program = model.generate(wording, seed=0).text
                tests = request.get("printed", ""), request.get("test", "")
                right = judge(sandbox, program, *tests)
                answers.append(
                    {"name": name, "wording": wording, "right": right, "program": program}
                )
                print("right" if right else "WRONG", f"{name}: {wording}", flush=True)
                if options.show and not right:
                    print(program)
        title = f"{model.name} on {model.backend_name}"
    right = sum(answer["right"] for answer in answers)
    print(f"{title}: {right} of {len(answers)} right")
    content = {
        "machine": describe_machine(),
        "model": title,
        "right": right,
        "of": len(answers),
        "answers": answers,
    }
    write_atomically(options.output, json.dumps(content, indent=1, ensure_ascii=False) + "\n")


def judge(sandbox: Sandbox, program: str, printed: str, test: str) -> bool:
    """Run the tests of a request on a program."""
    job = Job(JUDGE.format(parts=(program, printed, test)), Assertions(("assert right",)))
    return sandbox.judge_one(job).passed


def normal(text: str) -> str:
    """Return a wording without what makes no difference."""
    return " ".join(text.casefold().split()).rstrip(".?!")


def trained_on() -> Iterator[str]:
    """Yield every wording of the tasks."""
    for task in read_tasks(HERE / "everyday"):
        yield from task["instructions"]


if __name__ == "__main__":
    main()
