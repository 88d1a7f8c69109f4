"""Hunks whose lines decide how many they are: the header follows, in the text and in the cache."""

from __future__ import annotations

from typing import Any

import pytest

from ondevice.backends.scripted import LogitsFunction, ScriptedBackend
from ondevice.edits import Buffer, Unified
from ondevice.events import EditAccepted, EditRejected, Event

from .helpers import END, PROMPT, decode, done, forbid, noise, of, replay


def wishing(backend: ScriptedBackend, *texts: str) -> LogitsFunction:
    """A model that wants to write a text, and goes on with it when a header is mended meanwhile.

    Of several, it turns to the next one when the text before is refused.
    """
    import numpy as np

    wishes = [backend.tokenize(text) for text in texts]

    def unannounced(tokens: list[int]) -> list[int]:
        """Leave out the counts of headers, which mending changes."""
        text = b"".join(backend.token_bytes(token) for token in tokens)
        import re

        return list(re.sub(rb"(,\d+)(?= [@+])", b"", text))

    def logits(tokens: Any) -> Any:
        row = np.zeros(backend.vocab_size, dtype=np.float32)
        written = unannounced(list(tokens[len(PROMPT) :]))
        for score, wish in zip((30, 29.5), wishes, strict=False):
            for length in range(len(wish)):
                if unannounced(wish[:length]) == written and wish[length] != 44:
                    row[wish[length]] = max(row[wish[length]], score)
        if not row.any():
            row[256] = 30
        return row

    return logits


def backend_for(*texts: str) -> ScriptedBackend:
    plain = ScriptedBackend("")
    return ScriptedBackend(wishing(plain, *texts))


@pytest.mark.parametrize("announced", ["", ",7"])
def test_the_header_is_mended(announced: str) -> None:
    wish = f"@@ -0,0 +1{announced} @@\n+a\n+b\n+c\n<|diff|>@@ -1,0 +2 @@\n+d\n{END}"
    backend = backend_for(wish)
    events = decode(backend, lengths="written")
    assert done(events).text == "a\nd\nb\nc\n" == replay(events)
    assert done(events).stats.mended_hunks == 1
    assert done(events).finish_reason == "complete"
    mended = f"@@ -0,0 +1,3 @@\n+a\n+b\n+c\n<|diff|>@@ -1,0 +2 @@\n+d\n{END}"
    assert backend._sequences[0].tokens == PROMPT + backend.tokenize(mended)
    assert [event.diff for event in of(EditAccepted, events)] == [
        "@@ -0,0 +1,3 @@\n+a\n+b\n+c",
        "@@ -1,0 +2 @@\n+d",
    ]


def test_a_right_header_costs_nothing() -> None:
    events = decode(backend_for(f"@@ -0,0 +1 @@\n+a\n{END}"), lengths="written")
    assert done(events).stats.mended_hunks == 0
    assert done(events).text == "a\n"


def test_hunks_after_one_that_is_mended() -> None:
    wish = f"@@ -0,0 +1 @@\n+x\n+y\n@@ -1,0 +4 @@\n+z\n{END}"
    events = decode(backend_for(wish), Buffer(["a", "b"]), lengths="written")
    assert done(events).text == "x\ny\na\nz\nb\n"


def test_a_mended_edit_is_rolled_back_whole() -> None:
    bad = f"@@ -0,0 +1,4 @@\n+bad\n+b\n{END}"
    good = f"@@ -0,0 +1,4 @@\n+good\n{END}"
    events = decode(backend_for(bad, good), lengths="written", checks=(forbid("bad"),))
    assert of(EditRejected, events) != []
    assert done(events).text == "good\n" == replay(events)


@pytest.mark.parametrize("seed", range(12))
def test_whatever_is_written_applies(seed: int) -> None:
    events = decode(
        ScriptedBackend(noise(seed)), lengths="written", temperature=1.0, seed=seed, max_tokens=300
    )
    assert of(EditRejected, events) == []
    assert done(events).text == replay(events)


class TestUnified:
    SOURCE = "def f(a):\n    return a\n\n\nprint(f(1))\n"
    NAMES = "--- a/f.py\n+++ b/f.py\n"

    def run(self, *wishes: str, **options: Any) -> list[Event]:
        buffer = Buffer.from_text(self.SOURCE)
        return decode(backend_for(*wishes), buffer, dialect=Unified("f.py"), **options)

    def test_an_edit_with_wrong_counts(self) -> None:
        wish = "@@ -1,9 +1,9 @@\n def f(a):\n-    return a\n+    return a + 1\n \n \n"
        events = self.run(self.NAMES + wish)
        assert done(events).text == self.SOURCE.replace("return a", "return a + 1")
        assert done(events).finish_reason == "complete"
        (accepted,) = of(EditAccepted, events)
        assert accepted.diff == self.NAMES + wish.replace("-1,9 +1,9", "-1,4 +1,4")
        assert done(events).stats.mended_hunks == 1

    def test_a_refused_edit(self) -> None:
        bad = "@@ -1,2 +1,2 @@\n-def f(a):\n+def bad(a):\n     return a\n"
        good = "@@ -1,2 +1,2 @@\n-def f(a):\n+def g(a):\n     return a\n"
        events = self.run(self.NAMES + bad, self.NAMES + good, checks=(forbid("bad"),))
        assert len(of(EditRejected, events)) > 0
        assert done(events).text == self.SOURCE.replace("def f", "def g")

    def test_what_is_never_right_is_kept_at_last(self) -> None:
        bad = "@@ -1,2 +1,2 @@\n-def f(a):\n+def bad(a):\n     return a\n"
        events = self.run(self.NAMES + bad, checks=(forbid("bad"),), retries=0)
        assert done(events).text == self.SOURCE.replace("def f", "def bad")
        assert len(done(events).findings) == 1
        assert done(events).finish_reason == "complete"

    @pytest.mark.parametrize("announced", ["-5,8016 +5", "-1,9999 +1,9999"])
    def test_counts_beyond_the_end_of_the_file(self, announced: str) -> None:
        wish = f"@@ {announced} @@\n"
        wish += "-print(f(1))\n" if "-5" in announced else "-def f(a):\n     return a\n"
        events = self.run(self.NAMES + wish)
        assert of(EditRejected, events) == []
        assert len(of(EditAccepted, events)) == 1

    def test_lines_that_spell_out_special_tokens(self) -> None:
        source = "x = '<|endoftext|>'\ny = '<|diff|>'\n" * 8
        accepted = mended = 0
        for seed in range(12):
            events = decode(
                ScriptedBackend(noise(seed)),
                Buffer.from_text(source),
                dialect=Unified("f.py"),
                temperature=1.0,
                seed=seed,
                max_tokens=600,
            )
            assert of(EditRejected, events) == []
            buffer = Buffer.from_text(source)
            for event in of(EditAccepted, events):
                Unified("f.py").read(event.diff, buffer)
            assert buffer.text == done(events).text
            accepted += len(of(EditAccepted, events))
            mended += done(events).stats.mended_hunks
        assert accepted > 3
        assert mended > accepted
