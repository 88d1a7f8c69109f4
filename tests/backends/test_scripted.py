"""The scripted backend leads where its script says."""

from __future__ import annotations

from ondevice.backends.scripted import DIFF_TOKEN, END_TOKEN, ScriptedBackend


def greedy(backend: ScriptedBackend, token: int, sequence: int = 0) -> str:
    """Evaluate ``token`` and what the logits lead to; return the text up to the end token."""
    written = b""
    while True:
        logits = backend.evaluate([(sequence, [token])])
        token = int(logits[0].argmax())
        if token == END_TOKEN:
            return written.decode()
        written += backend.token_bytes(token)


def test_a_script_is_written_after_the_prompt() -> None:
    backend = ScriptedBackend("@@ -0,0 +1 @@\n+é\n<|diff|>\n<|diff|>")
    backend.evaluate([(0, backend.tokenize("prompt\n"))])
    assert greedy(backend, DIFF_TOKEN) == ""  # not what the script begins with
    backend.truncate(0, 0)
    assert greedy(backend, DIFF_TOKEN) == "@@ -0,0 +1 @@\n+é\n<|diff|>\n<|diff|>"


def test_truncations_move_on_to_the_next_script() -> None:
    backend = ScriptedBackend(["one", "two", "odd"])
    found = [greedy(backend, DIFF_TOKEN)]
    for _ in range(3):
        backend.truncate(0, 2)
        backend.truncate(0, 1)  # two in a row are one
        logits = backend.evaluate([(0, [ord("o")])])
        found.append(chr(logits[0].argmax()))
    assert found == ["one", "d", "d", "d"]  # "two" contradicts the "o"


def test_forks_follow_the_script_on_their_own() -> None:
    backend = ScriptedBackend(["abc", "abd"], max_sequences=2)
    backend.evaluate([(0, [DIFF_TOKEN])])
    backend.evaluate([(0, backend.tokenize("a"))])
    backend.fork(0, 1)
    backend.evaluate([(1, backend.tokenize("b"))])
    backend.truncate(1, 2)
    assert greedy(backend, ord("b"), 1) == "d"
    assert greedy(backend, ord("b"), 0) == "c"


def test_calls_are_recorded() -> None:
    backend = ScriptedBackend("x", max_sequences=2)
    backend.evaluate([(0, [1, 2]), (1, [3])])
    assert backend.calls == [[(0, [1, 2]), (1, [3])]]
