"""A loaded model: prompts, parameters, one request at a time."""

from __future__ import annotations

import dataclasses
import itertools
import threading
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

import ondevice
from ondevice.backends.scripted import ScriptedBackend
from ondevice.catalogue import Manifest, resolve
from ondevice.errors import (
    CheckError,
    ClosedError,
    ModelFormatError,
    PromptTooLongError,
    RequestError,
)
from ondevice.events import Done, EditAccepted, EditRejected, Finding, Token

PROGRAM = "for i in range(3):\n    print(i)\n"
SCRIPT = (
    "@@ -0,0 +1,2 @@\n+for i in range(3):\n+    print(i)\n<|diff|>"
    "@@ -2,0 +3 @@\n+print(x)\n<|diff|>\n<|diff|>"
)
MENDED = SCRIPT.replace("(x)", "('x')")


@pytest.fixture
def model() -> ondevice.Model:
    return ondevice.Model(ScriptedBackend([SCRIPT, MENDED]), name="scripted")


def test_generate(model: ondevice.Model) -> None:
    result = model.generate("count")
    assert result.text == PROGRAM + "print('x')\n"
    assert result.finish_reason == "complete"
    assert result.findings == ()
    assert len(result.edits) == len(result.diffs) == 2
    assert result.diffs[1] == "@@ -2,0 +3 @@\n+print('x')"
    assert result.edits[1].hunks[0].added == ("print('x')",)
    assert result.stats.rejected_edits == 1


def test_a_model_serves_one_request_after_another(model: ondevice.Model) -> None:
    assert model.generate("count").text == model.generate("count").text


def test_the_prompt_is_put_into_the_template() -> None:
    backend = ScriptedBackend(SCRIPT)
    ondevice.Model(backend, name="scripted").generate("use {braces} {instruction}", check="none")
    ((_, prompt),) = backend.calls[0]
    assert prompt == backend.tokenize("use {braces} {instruction}\n<|diff|>")


def test_prefix_tokens_come_first() -> None:
    backend = ScriptedBackend(SCRIPT)
    backend.prefix_tokens = (1,)
    ondevice.Model(backend, name="scripted").generate("count", check="none")
    assert backend.calls[0][0][1][:2] == [1, ord("c")]


@pytest.mark.parametrize(
    "check", ["none", [], ["none"], lambda text: [], ("none", lambda text: ())], ids=str
)
def test_checks_that_pass(model: ondevice.Model, check: Any) -> None:
    assert model.generate("count", check=check).text == PROGRAM + "print(x)\n"


def test_a_check_of_the_callers_own(model: ondevice.Model) -> None:
    def no_x(text: str) -> list[Finding]:
        return [Finding("no_x", 3, "x")] if "x" in text else []

    result = model.generate("count", check=["syntax", no_x], retries=1)
    assert result.stats.rejected_edits > 2
    assert result.stats.withdrawn_edits == 1
    assert result.findings == (Finding("no_x", 3, "x"),)
    assert result.text in (PROGRAM + "print(x)\n", PROGRAM + "print('x')\n")
    assert len(result.edits) == len(result.diffs) == result.stats.edits == 2


@pytest.mark.parametrize(
    ("check", "message"),
    [
        (lambda text: 1 / 0, "crashed: ZeroDivisionError"),
        (lambda text: None, "crashed: TypeError"),
        (lambda text: ["wrong"], "returned 'wrong', not a Finding"),
    ],
)
def test_a_check_that_gives_no_verdict(model: ondevice.Model, check: Any, message: str) -> None:
    with pytest.raises(CheckError, match=message):
        model.generate("count", check=check)
    assert model.generate("count", check="none").finish_reason == "complete"  # it is free again


@pytest.mark.parametrize(
    ("prompt", "message"),
    [("", "empty"), (" \n", "empty"), ("a <|diff|> b", "contains"), ("\ud800", "Unicode")],
)
def test_prompts_that_cannot_be(model: ondevice.Model, prompt: str, message: str) -> None:
    with pytest.raises(RequestError, match=message):
        model.stream(prompt)


def test_a_prompt_that_fills_the_context() -> None:
    model = ondevice.Model(ScriptedBackend(SCRIPT, context_length=12), name="scripted")
    assert model.context_length == 12
    with pytest.raises(PromptTooLongError, match=r"has 12 tokens, but the context .* holds 12"):
        model.stream("0123456789")
    result = model.generate("012345678", check="none")
    assert (result.finish_reason, result.text) == ("context", "")


@pytest.mark.parametrize(
    "options",
    [
        {"temperature": -1},
        {"top_p": 0},
        {"top_k": -1},
        {"min_p": 2},
        {"max_tokens": 0},
        {"retries": -1},
        {"depth": -1},
        {"samples": 0},
        {"width": 0},
        {"max_seconds": 0},
        {"max_lines": 0},
        {"seed": -1},
        {"check": "taste"},
        {"check": ["names", "taste"]},
        {"check": 5},
        {"seed": "x"},
        {"source": 5},
        {"path": 5},
        {"dialect": 5},
        {"prompt_template": 5},
    ],
    ids=str,
)
def test_parameters_that_cannot_be(model: ondevice.Model, options: dict[str, Any]) -> None:
    with pytest.raises(RequestError):
        model.stream("count", **options)


def test_a_model_without_the_separator() -> None:
    class Plain(ScriptedBackend):
        def tokenize(self, text: str) -> list[int]:
            return list(text.encode())

    class Unknown(ScriptedBackend):
        def tokenize(self, text: str) -> list[int]:
            return [0]  # what stands for all that is not in the vocabulary

    class Hidden(ScriptedBackend):
        def token_bytes(self, token: int) -> bytes:
            return b""  # a control token, which no text shows

    for kind in (Plain, Unknown, Hidden):
        backend = kind("")
        with pytest.raises(ModelFormatError, match="was not trained to write edit sequences"):
            ondevice.Model(backend, name="plain")
        with pytest.raises(ClosedError):
            backend.length(0)


class TestSharing:
    def test_another_thread_waits_for_its_turn(self, model: ondevice.Model) -> None:
        stream = model.stream("count")
        next(stream)
        results: list[ondevice.Result] = []
        thread = threading.Thread(target=lambda: results.append(model.generate("count")))
        thread.start()
        thread.join(0.1)
        assert thread.is_alive()
        stream.close()
        thread.join()
        assert results[0].text == PROGRAM + "print('x')\n"

    def test_requests_run_side_by_side_where_there_is_room(self) -> None:
        backend = ScriptedBackend([SCRIPT, MENDED], max_sequences=2)
        model = ondevice.Model(backend, name="scripted")
        streams = [model.stream("count"), model.stream("count")]
        texts = [next(stream) and "" for stream in streams]
        for event in itertools.chain.from_iterable(zip(*streams, strict=True)):
            if isinstance(event, Done):
                texts.append(event.text)
        assert texts == ["", "", *[PROGRAM + "print('x')\n"] * 2]

    def test_many_threads(self) -> None:
        model = ondevice.Model(ScriptedBackend([SCRIPT, MENDED], max_sequences=3), name="scripted")
        with ThreadPoolExecutor(8) as threads:
            results = list(threads.map(lambda _: model.generate("count"), range(40)))
        assert {result.text for result in results} == {PROGRAM + "print('x')\n"}
        model.close()

    def test_a_thread_does_not_wait_for_itself(self, model: ondevice.Model) -> None:
        first, second = model.stream("count"), model.stream("count")
        next(first)
        with pytest.raises(ClosedError, match="close it, before asking"):
            next(second)
        assert sum(isinstance(event, EditAccepted) for event in first) == 2

    def test_a_stream_that_was_never_begun_holds_nothing(self, model: ondevice.Model) -> None:
        model.stream("count")
        assert model.generate("count").finish_reason == "complete"

    def test_closing_midway_frees_the_model(self, model: ondevice.Model) -> None:
        stream = model.stream("count")
        while not isinstance(next(stream), EditRejected):
            pass
        stream.close()
        assert list(stream) == []
        assert model.generate("count").text == PROGRAM + "print('x')\n"

    def test_it_is_not_closed_while_it_decodes(self, model: ondevice.Model) -> None:
        stream = model.stream("count")
        assert isinstance(next(stream), Token)
        with pytest.raises(ClosedError, match="is decoding a request"):
            model.close()
        stream.close()
        model.close()
        model.close()


def test_leaving_the_block_hides_no_error(model: ondevice.Model) -> None:
    stream = model.stream("count")
    next(stream)
    with pytest.raises(KeyError), model:
        raise KeyError
    with pytest.raises(ClosedError), model:
        pass
    stream.close()


def test_a_closed_model(model: ondevice.Model) -> None:
    stream = model.stream("count")
    with model:
        pass
    with pytest.raises(ClosedError, match="closed"):
        model.stream("count")
    with pytest.raises(ClosedError, match="closed"):
        next(stream)


class TestSamples:
    @pytest.fixture
    def several(self) -> ondevice.Model:
        """Writes ``f`` wrong and right, by the random numbers of a sample."""
        texts = [f"@@ -0,0 +1,2 @@\n+def f(n):\n+    return n + {n}\n<|diff|>" for n in (1, 2)]
        backend = ScriptedBackend("", max_sequences=4)
        scripts = [backend.tokenize(text + "\n<|diff|>") for text in texts]
        prompt = len(backend.tokenize("f\n<|diff|>"))

        def logits(tokens: Sequence[int]) -> NDArray[np.float32]:
            row = np.full(258, -30, dtype=np.float32)
            written = list(tokens[prompt:])
            for script in scripts:
                if script[: len(written)] == written and len(script) > len(written):
                    row[script[len(written)]] = 0
            return row

        return ondevice.Model(ScriptedBackend(logits, max_sequences=4), name="scripted")

    def test_different_programs_best_first(self, several: ondevice.Model) -> None:
        results = several.sample("f", 12)
        assert {result.text[-6:] for result in results} == {"n + 1\n", "n + 2\n"}
        assert sum(result.count for result in results) == 12
        assert all(len(result.edits) == len(result.diffs) == 1 for result in results)
        again = several.sample("f", 12)
        assert [result.text for result in again] == [result.text for result in results]

    def test_tests_find_the_right_one(self, several: ondevice.Model) -> None:
        results = several.sample("f", 40, tests="assert f(2) == 4")
        assert results[0].passed
        assert results[0].text.endswith("n + 2\n")
        assert sum(result.count for result in results) < 40
        for result in results[1:]:
            assert result.passed is False
            assert "assert f(2) == 4" in result.findings[0].message

    def test_generate_gives_the_best(self, several: ondevice.Model) -> None:
        result = ondevice.results.collect(
            several.stream("f", samples=40, temperature=1.0, tests="assert f(2) == 4")
        )
        assert result.passed
        assert result.edits[0].hunks[0].added[1] == "    return n + 2"

    def test_one_program_can_be_tested_too(self, several: ondevice.Model) -> None:
        right = several.generate("f", tests="assert callable(f)")
        assert right.passed
        wrong = several.generate("f", tests="assert f(0) == 5")
        assert wrong.passed is False
        assert wrong.finish_reason == "complete"

    @pytest.mark.parametrize("tests", ["", "assert (", "  \n"])
    def test_tests_that_cannot_be(self, several: ondevice.Model, tests: str) -> None:
        with pytest.raises(RequestError, match="tests"):
            several.stream("f", tests=tests)


class TestEdit:
    SOURCE = "def f(a):\n    return a\n"

    def test_a_program_is_added_to(self) -> None:
        backend = ScriptedBackend("@@ -1,0 +2 @@\n+    a += 1\n<|diff|>\n<|diff|>")
        model = ondevice.Model(backend, name="scripted")
        result = model.edit("add one", source=self.SOURCE)
        assert result.text == "def f(a):\n    a += 1\n    return a\n"
        assert result.diffs == ("@@ -1,0 +2 @@\n+    a += 1",)
        ((_, prompt),) = backend.calls[0]
        history = "@@ -0,0 +1,2 @@\n+def f(a):\n+    return a\n<|diff|>"
        assert prompt == backend.tokenize(f"add one\n<|diff|>{history}")

    def test_nothing_to_edit(self, model: ondevice.Model) -> None:
        with pytest.raises(RequestError, match="nothing to edit"):
            model.edit("add one")

    def test_line_ends_are_kept(self) -> None:
        backend = ScriptedBackend("@@ -1,0 +2 @@\n+    a += 1\n<|diff|>\n<|diff|>")
        model = ondevice.Model(backend, name="scripted")
        result = model.edit("add one", source=self.SOURCE.replace("\n", "\r\n"))
        assert result.text == "def f(a):\r\n    a += 1\r\n    return a\r\n"

    def test_a_model_of_unified_diffs(self) -> None:
        diff = (
            "--- a/f.py\n+++ b/f.py\n@@ -1,2 +1,2 @@\n def f(a):\n-    return a\n+    return -a\n"
        )
        backend = ScriptedBackend(diff)
        manifest = dataclasses.replace(
            read_manifest(), dialect="unified", prompt_template="{source}\n{instruction}:"
        )
        model = ondevice.Model(backend, name="scripted", manifest=manifest)
        result = model.edit("negate", source=self.SOURCE, path="f.py")
        assert result.text == "def f(a):\n    return -a\n"
        assert result.diffs == (diff,)
        ((_, prompt),) = backend.calls[0]
        assert prompt == backend.tokenize(f"{self.SOURCE}\nnegate:")
        with pytest.raises(RequestError, match="cannot name"):
            model.edit("negate", source=self.SOURCE, path="a\tb")


def read_manifest() -> Manifest:
    found = resolve(None).manifest
    assert found
    return found
