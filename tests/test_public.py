"""The public surface, pinned: what changes here changes for users."""

from __future__ import annotations

import inspect
import re
import subprocess
import sys

import ondevice
from ondevice import errors
from ondevice.model import Options

STREAM = (
    "prompt: 'str', *, source: 'str | None' = None, path: 'str' = 'program.py', "
    "samples: 'int' = 1, tests: 'str | Check | None' = None, seed: 'int' = 0, "
    "temperature: 'float' = 0.0, top_p: 'float' = 0.95, top_k: 'int' = 0, min_p: 'float' = 0.0, "
    "max_tokens: 'int' = 768, max_seconds: 'float' = inf, max_lines: 'int' = 10000, "
    "check: 'str | Check | Sequence[str | Check]' = 'names', retries: 'int' = 8, "
    "depth: 'int' = 1, constrain: 'bool' = True, "
    "lengths: 'Lengths' = 'written', width: 'int | None' = None"
)
HEAVY = ("numpy", "onnxruntime", "tokenizers", "torch", "llama_cpp", "llguidance", "pyflakes")


def test_names() -> None:
    assert sorted(ondevice.__all__) == [
        *("Model", "Result", "__version__", "errors", "events", "load")
    ]
    for name in ondevice.__all__:
        assert getattr(ondevice, name) is not None


def test_signatures() -> None:
    assert str(inspect.signature(ondevice.load)) == (
        "(model: 'str | Path | None' = None, *, backend: 'str | None' = None, "
        "context_length: 'int | None' = None, threads: 'int | None' = None, "
        "sequences: 'int | None' = None) -> 'Model'"
    )
    stream = inspect.signature(ondevice.Model.stream)
    assert str(stream) == f"(self, {STREAM}) -> 'Stream'"
    options = "**options: 'Unpack[Options]'"
    generate, sample = ondevice.Model.generate, ondevice.Model.sample
    assert str(inspect.signature(generate)) == f"(self, prompt: 'str', {options}) -> 'Result'"
    assert str(inspect.signature(sample)) == (
        f"(self, prompt: 'str', n: 'int', {options}) -> 'list[Result]'"
    )
    others = set(stream.parameters) - {"self", "prompt", "samples"}
    assert Options.__annotations__.keys() == others


def test_results() -> None:
    assert list(inspect.signature(ondevice.Result).parameters) == [
        *("text", "edits", "diffs", "findings", "finish_reason", "stats"),
        *("passed", "mean_logprob", "count"),
    ]


def test_the_errors_are_as_drawn() -> None:
    """Each line of the drawing is a class, whose parent is the last one drawn further left."""
    drawn: dict[str, str] = {}
    above: list[tuple[int, str]] = [(-1, "Exception")]
    for match in re.finditer(r"^([ │├└─]*)(\w+Error)\b", errors.__doc__ or "", re.MULTILINE):
        depth = len(match[1])
        while above[-1][0] >= depth:
            above.pop()
        drawn[match[2]] = above[-1][1]
        above.append((depth, match[2]))
    defined = {
        name: value.__base__.__name__
        for name, value in vars(errors).items()
        if inspect.isclass(value) and value.__base__ is not None
    }
    assert drawn == defined
    assert len(drawn) > 10


def test_importing_is_light() -> None:
    script = f"import sys, ondevice; print([name for name in {HEAVY!r} if name in sys.modules])"
    run = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert run.stdout.strip() == "[]"
