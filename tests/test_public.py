"""The public surface, pinned: what changes here changes for users."""

from __future__ import annotations

import inspect
import re
import subprocess
import sys

import ondevice
from ondevice import errors

GENERATE = (
    "prompt: 'str', *, seed: 'int' = 0, temperature: 'float' = 0.0, top_p: 'float' = 0.95, "
    "top_k: 'int' = 0, min_p: 'float' = 0.0, max_tokens: 'int' = 768, "
    "check: 'str | Check | Sequence[str | Check]' = 'names', retries: 'int' = 8, "
    "constrain: 'bool' = True"
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
        "context_length: 'int | None' = None, threads: 'int | None' = None) -> 'Model'"
    )
    assert str(inspect.signature(ondevice.Model.generate)) == f"(self, {GENERATE}) -> 'Result'"
    assert str(inspect.signature(ondevice.Model.stream)) == (
        f"(self, {GENERATE}) -> 'Generator[Event, None, None]'"
    )


def test_results() -> None:
    assert list(inspect.signature(ondevice.Result).parameters) == [
        *("text", "edits", "diffs", "findings", "finish_reason", "stats")
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
