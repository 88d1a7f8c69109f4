"""What a caller can set and stop: cancel, time, another dialect, another prompt; and memory."""

from __future__ import annotations

import gc
import subprocess
import sys
import threading
import time
import weakref
from collections.abc import Sequence

import numpy as np
import pytest
from numpy.typing import NDArray

import ondevice
from ondevice.backends.scripted import ScriptedBackend
from ondevice.edits import LINTSEQ, UNIFIED, LintSeq, Unified
from ondevice.edits.lintseq import LintSeqReader
from ondevice.errors import ModelFormatError, RequestError
from ondevice.events import Done, EditAccepted, Finding
from tests.test_bundled import BACKENDS
from tests.test_general_models import NAMES, Plain

SCRIPT = (
    "@@ -0,0 +1 @@\n+first = 1\n<|diff|>@@ -1,0 +2 @@\n+second = 2\n<|diff|>\n<|diff|><|endoftext|>"
)


@pytest.fixture
def model() -> ondevice.Model:
    return ondevice.Model(ScriptedBackend(SCRIPT, max_sequences=2), name="scripted")


class TestCancel:
    def test_what_is_accepted_by_then_is_kept(self, model: ondevice.Model) -> None:
        stop = threading.Event()
        events = model.stream("x", cancel=stop)
        for event in events:
            if isinstance(event, EditAccepted):
                stop.set()
        assert isinstance(event, Done)
        assert (event.finish_reason, event.text) == ("cancelled", "first = 1\n")
        model.close()

    def test_before_anything_is_decoded(self) -> None:
        backend = ScriptedBackend(SCRIPT)
        stop = threading.Event()
        stop.set()
        result = ondevice.Model(backend, name="scripted").edit("x", source="old = 1\n", cancel=stop)
        assert (result.finish_reason, result.text) == ("cancelled", "old = 1\n")
        assert backend.calls == []

    def test_a_long_prompt_is_left(self) -> None:
        backend = ScriptedBackend(SCRIPT, context_length=10_000)

        class AfterThree:
            def is_set(self) -> bool:
                return len(backend.calls) >= 3

        result = ondevice.Model(backend, name="scripted").generate("x" * 5000, cancel=AfterThree())
        assert result.finish_reason == "cancelled"
        assert len(backend.calls) == 3

    def test_several_samples(self, model: ondevice.Model) -> None:
        stop = threading.Event()
        seen = []
        for event in model.stream("x", samples=6, temperature=1.0, cancel=stop):
            seen.append(event)
            if isinstance(event, EditAccepted):
                stop.set()
        assert isinstance(seen[-1], Done)
        assert seen[-1].finish_reason == "cancelled"

    def test_from_another_thread(self) -> None:
        stop = threading.Event()

        def slow(tokens: Sequence[int]) -> NDArray[np.float32]:
            time.sleep(0.01)
            row = np.zeros(258, dtype=np.float32)
            row[ord("a")] = 30
            return row

        model = ondevice.Model(ScriptedBackend(slow), name="slow")
        threading.Timer(0.1, stop.set).start()
        result = model.generate("x", max_tokens=3000, cancel=stop)
        assert result.finish_reason == "cancelled"
        assert 0 < result.stats.tokens < 1000


class TestTime:
    def test_it_counts_while_waiting_for_a_turn(self) -> None:
        model = ondevice.Model(ScriptedBackend(SCRIPT), name="scripted")
        stream = model.stream("x")
        next(stream)
        results: list[ondevice.Result] = []
        thread = threading.Thread(
            target=lambda: results.append(model.generate("x", max_seconds=0.05))
        )
        thread.start()
        thread.join(30)
        assert results[0].finish_reason == "time"
        assert results[0].text == ""
        stream.close()

    def test_it_counts_while_a_prompt_is_read(self) -> None:
        def slow(tokens: Sequence[int]) -> NDArray[np.float32]:
            time.sleep(0.01)
            return np.zeros(258, dtype=np.float32)

        backend = ScriptedBackend(slow, context_length=100_000)
        model = ondevice.Model(backend, name="slow")
        assert model.generate("x" * 50_000, max_seconds=0.05).finish_reason == "time"
        assert len(backend.calls) < 100


class Marked(LintSeq):
    """As LintSeq, with another separator: a dialect of the caller's own."""

    class _Reader(LintSeqReader):
        separator = "====="

    name = "marked"
    reader_class = _Reader


class TestManner:
    def test_a_dialect_of_the_callers_own(self) -> None:
        script = SCRIPT.replace("<|diff|>", "=====")
        backend = ScriptedBackend(script)
        model = ondevice.Model(
            backend, name="scripted", dialect=Marked(), prompt_template="{instruction}\n====="
        )
        assert model.dialect == "marked"
        result = model.generate("count")
        assert result.text == "first = 1\nsecond = 2\n"
        assert len(result.edits) == 2
        assert backend.calls[0][0][1] == backend.tokenize("count\n=====")
        with pytest.raises(RequestError, match="contains =====, which a model reads"):
            model.generate("count =====")

    def test_what_does_not_apply_is_refused_without_a_constraint(self) -> None:
        wrong = "@@ -9,0 +10 @@\n+first = 1\n=====\n====="
        right = "@@ -0,0 +1 @@\n+first = 1\n=====\n=====<|endoftext|>"
        model = ondevice.Model(ScriptedBackend([wrong, right]), name="s", dialect=Marked())
        result = model.generate("count")
        assert result.text == "first = 1\n"
        assert result.stats.rejected_edits == 1

    def test_for_one_request_alone(self) -> None:
        diff = f"{NAMES}@@ -1 +1 @@\n-a = 1\n+a = 2\n"
        backend = ScriptedBackend(diff)
        model = ondevice.Model(backend, name="scripted")
        options = {"source": "a = 1\n", "path": "f.py", "prompt_template": "{source}{instruction}:"}
        for dialect in ("unified", UNIFIED, Unified("other.py")):
            result = model.edit("x", dialect=dialect, **options)  # type: ignore[arg-type]
            assert result.text == "a = 2\n"
            assert result.edits[0].removed_count == 1
        assert backend.calls[0][0][1] == backend.tokenize("a = 1\nx:")
        assert model.dialect == "lintseq"

    def test_a_general_model_is_asked_in_the_callers_words(self) -> None:
        backend = ScriptedBackend("")
        plain = Plain("")
        plain.chat = None
        with pytest.raises(ModelFormatError, match="or the dialect and the prompt_template"):
            ondevice.Model(plain, name="plain")
        model = ondevice.Model(
            Plain(f"{NAMES}@@ -0,0 +1 @@\n+a = 1\n"),
            name="plain",
            prompt_template="Answer {instruction}\n<|im_start|>assistant\n```diff\n",
        )
        assert model.generate("x", path="f.py").text == "a = 1\n"
        assert backend.name == "scripted"

    @pytest.mark.parametrize(
        ("options", "message"),
        [
            ({"dialect": "french"}, "no dialect is called 'french'; there are lintseq and unified"),
            ({"prompt_template": "do it"}, "has no {instruction}"),
        ],
    )
    def test_what_cannot_be(
        self, model: ondevice.Model, options: dict[str, str], message: str
    ) -> None:
        with pytest.raises(RequestError, match=message):
            model.generate("x", **options)  # type: ignore[arg-type]
        with pytest.raises(RequestError, match=message):
            ondevice.load(**options)  # type: ignore[arg-type]

    def test_a_chat_model_needs_a_prompt_for_another_dialect(self) -> None:
        model = ondevice.Model(Plain(""), name="plain")
        with pytest.raises(RequestError, match="a chat model is asked for unified diffs"):
            model.generate("x", dialect=LINTSEQ)


def test_checks_are_called_with_every_buffer(model: ondevice.Model) -> None:
    seen: list[str] = []

    def look(text: str) -> list[Finding]:
        seen.append(text)
        return []

    model.generate("x", check=["names", look])
    assert seen == ["first = 1\n", "first = 1\nsecond = 2\n"]


@pytest.mark.parametrize("backend", BACKENDS)
def test_a_closed_model_keeps_nothing(backend: str) -> None:
    model = ondevice.load(backend=backend)
    model.generate("write fizzbuzz", max_tokens=20)
    held = weakref.ref(model._backend)
    model.close()
    del model
    gc.collect()
    assert held() is None


MEMORY = """
import gc, sys, ondevice
from pathlib import Path

def resident():
    gc.collect()
    pages = Path("/proc/self/statm").read_text().split()[1]
    return int(pages) * 4096 / 2**20

seen = []
for turn in range(5):
    models = [ondevice.load(backend=sys.argv[1], threads=1) for _ in range(2)]
    for model in models:
        model.generate("write fizzbuzz", max_tokens=30)
    loaded = resident()
    for model in models:
        model.close()
    del model, models
    seen.append(resident())
print(loaded - seen[-1], seen[-1] - seen[1])
"""


@pytest.mark.skipif(sys.platform != "linux", reason="it reads /proc")
@pytest.mark.parametrize("backend", BACKENDS)
def test_memory_is_freed_on_close(backend: str) -> None:
    command = [sys.executable, "-c", MEMORY, backend]
    run = subprocess.run(command, capture_output=True, text=True, check=True)
    freed, grown = map(float, run.stdout.split())
    # What ONNX Runtime frees stays with the process, which uses it again for the next model.
    assert freed > 100 or backend == "onnx", "two models, and room for 16 sequences of each"
    assert grown < 9, run.stdout
