"""The engine: batches, checks, rolling back, and every way to end."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from ondevice.backends.scripted import DIFF_TOKEN, ScriptedBackend
from ondevice.checks import names, syntax
from ondevice.edits import Buffer
from ondevice.errors import CheckError, ModelFormatError, RequestError
from ondevice.events import (
    EditAccepted,
    EditRejected,
    EditWithdrawn,
    Finding,
    HunkApplied,
    Line,
    Token,
)

from .helpers import (
    BAD,
    BOTH,
    END,
    FIRST,
    PROMPT,
    SECOND,
    STOP,
    decode,
    done,
    forbid,
    of,
    replay,
    script,
    tokens_of,
)

SECOND_START = "@@ -1,0 +2 @@\n+other\n<|diff|>"


class Spy(ScriptedBackend):
    """Remembers to where its sequence was truncated."""

    truncated: list[int]

    def truncate(self, sequence: int, length: int) -> None:
        self.truncated = [*getattr(self, "truncated", []), length]
        super().truncate(sequence, length)


class TestAWholeSequence:
    def test_events(self) -> None:
        events = decode(script(FIRST + SECOND + STOP))
        assert [type(event) for event in events if not isinstance(event, Token)] == [
            *(Line, Line, HunkApplied, EditAccepted),
            *(Line, HunkApplied, Line, HunkApplied, EditAccepted),
            type(done(events)),
        ]
        assert [event.diff + "\n<|diff|>" for event in of(EditAccepted, events)] == [
            FIRST,
            SECOND,
        ]
        assert "".join(event.text for event in of(Token, events)) == FIRST + SECOND + STOP
        assert done(events).text == BOTH == replay(events)
        assert done(events).finish_reason == "complete"

    def test_statistics(self) -> None:
        events = decode(script(FIRST + SECOND + STOP))
        stats = done(events).stats
        assert stats.prompt_tokens == len(PROMPT)
        assert stats.tokens == stats.kept_tokens == len(of(Token, events))
        assert stats.forced_tokens == sum(event.forced for event in of(Token, events)) > 20
        assert (stats.edits, stats.hunks, stats.rejected_edits) == (2, 3, 0)
        assert stats.first_token_seconds is not None
        assert stats.first_hunk_seconds is not None
        assert 0 < stats.first_token_seconds <= stats.first_hunk_seconds <= stats.seconds

    def test_forced_tokens_are_evaluated_in_one_batch(self) -> None:
        backend = script(FIRST + STOP)
        decode(backend)
        batches = [bytes(t % 256 for t in tokens) for ((_, tokens),) in backend.calls]
        assert batches == [
            b"p\n\x01",
            *(b"@@ -0,0 +1", b",", b"2", b" ", b"@@\n+"),  # other digits could follow
            *(b"a", b" ", b"=", b" ", b"1", b"\n", b"+"),
            *(b"b", b" ", b"=", b" ", b"2", b"\n", b"\x01"),
            *(b"\n", b"\x01"),
        ]

    def test_forced_tokens_have_no_log_probability(self) -> None:
        for event in of(Token, decode(script(FIRST + STOP))):
            assert (event.logprob is None) == event.forced
            if event.logprob is not None:
                assert event.logprob == pytest.approx(0.0, abs=1e-6)

    def test_a_character_that_arrives_in_pieces(self) -> None:
        events = decode(script(f"@@ -0,0 +1 @@\n+é = '🐍'\n{END}"))
        assert done(events).text == "é = '🐍'\n"
        texts = [event.text for event in of(Token, events)]
        assert "é" in texts
        assert "🐍" in texts
        assert texts.count("") == 1 + 3

    def test_masked_tokens_are_counted(self) -> None:
        events = decode(script("@@ -0,0 +1,9 @@\n+a = 1\n<|diff|>"), max_tokens=40)
        assert done(events).stats.masked_tokens > 0

    def test_an_existing_buffer(self) -> None:
        buffer = Buffer(["x = 1", "y = 2"])
        events = decode(script(f"@@ -2,0 +3 @@\n+z = 3\n{END}"), buffer)
        assert done(events).text == buffer.text == "x = 1\ny = 2\nz = 3\n"


class TestRefusal:
    def test_rolls_back_and_goes_on(self) -> None:
        backend = Spy([FIRST + BAD + STOP, FIRST + SECOND + STOP])
        events = decode(backend, checks=(forbid("bad"),))
        position = len(PROMPT) + len(backend.tokenize(FIRST))
        assert of(EditRejected, events) == [
            EditRejected(
                2, BAD.removesuffix("\n<|diff|>"), (Finding("forbidden", 2, "bad"),), 1, position
            )
        ]
        assert backend.truncated == [0, position]
        assert done(events).text == BOTH == replay(events)
        assert backend._sequences[0].tokens == PROMPT + backend.tokenize(FIRST + SECOND + STOP)
        stats = done(events).stats
        assert stats.tokens == stats.kept_tokens + len(backend.tokenize(BAD))
        assert stats.rejected_edits == 1

    @pytest.mark.parametrize("constrained", [True, False])
    def test_greedy_decoding_diverges(self, constrained: bool) -> None:
        """Logits that depend on the tokens alone: only what was remembered can change the path."""
        texts = [ScriptedBackend("").tokenize(FIRST + text + STOP) for text in (BAD, SECOND)]

        def logits(tokens: Sequence[int]) -> NDArray[np.float32]:
            row = np.full(258, -10, dtype=np.float32)
            written = list(tokens[len(PROMPT) :])
            for score, text in zip((5, 2), texts, strict=True):
                if text[: len(written)] == written and len(text) > len(written):
                    row[text[len(written)]] = max(score, row[text[len(written)]])
            return row

        events = decode(ScriptedBackend(logits), checks=(forbid("bad"),), constrained=constrained)
        assert [event.attempt for event in of(EditRejected, events)] == [1, 2]
        assert done(events).text == BOTH

    def test_with_retries_used_up_the_least_wrong_attempt_is_kept(self) -> None:
        worst, better = "@@ -1,0 +2,2 @@\n+bad\n+bad\n<|diff|>", BAD
        backend = script(FIRST + worst, FIRST + better, FIRST + worst, FIRST + better + STOP)
        events = decode(backend, checks=(forbid("bad"),), retries=2, depth=0)
        assert [event.attempt for event in of(EditRejected, events)] == [1, 2, 3]
        kept = of(EditAccepted, events)[-1]
        assert kept.diff + "\n<|diff|>" == better
        assert kept.findings == (Finding("forbidden", 2, "bad"),) == done(events).findings
        assert done(events).finish_reason == "complete"
        assert done(events).text == "a = 1\nbad = 3\nb = 2\n" == replay(events)
        assert backend._sequences[0].tokens == PROMPT + backend.tokenize(FIRST + better + STOP)

    def test_what_was_put_up_with_is_no_finding_again(self) -> None:
        good, last = "@@ -0,0 +1 @@\n+z\n<|diff|>", "@@ -1,0 +2 @@\n+bad again\n<|diff|>"
        backend = script(FIRST + BAD, FIRST + BAD + good + last, FIRST + BAD + good + STOP)
        events = decode(backend, checks=(forbid("bad"),), retries=0, depth=0)
        assert [event.edit for event in of(EditRejected, events)] == [2, 4]
        accepted = [len(event.findings) for event in of(EditAccepted, events)]
        assert accepted == [0, 1, 1, 2]

    def test_a_finding_may_be_mended_by_a_later_edit(self) -> None:
        use, define = "@@ -0,0 +1 @@\n+print(f)\n<|diff|>", "@@ -0,0 +1 @@\n+f = 1\n<|diff|>"
        events = decode(script(use + define + STOP), checks=(names,), retries=1)
        assert [len(event.findings) for event in of(EditAccepted, events)] == [1, 0]
        assert done(events).findings == ()
        assert done(events).text == "f = 1\nprint(f)\n" == replay(events)

    def test_what_never_applies_ends_the_sample(self) -> None:
        events = decode(script(FIRST + "@no diff\n"), constrained=False, retries=3, depth=0)
        assert [event.attempt for event in of(EditRejected, events)] == [1, 2, 3, 4]
        assert done(events).finish_reason == "retries"
        assert [finding.check for finding in done(events).findings] == ["diff"]
        assert done(events).text == "a = 1\nb = 2\n" == replay(events)

    def test_an_accepted_edit_is_withdrawn_where_nothing_can_follow(self) -> None:
        start = "@@ -0,0 +1 @@\n+start\n<|diff|>"
        backend = Spy([start + FIRST + BAD, start + SECOND_START + STOP])
        events = decode(backend, checks=(forbid("bad"),), retries=0, depth=1)
        position = len(PROMPT) + len(backend.tokenize(start))
        assert of(EditWithdrawn, events) == [EditWithdrawn(2, position)]
        assert done(events).text == "start\nother\n" == replay(events)
        assert done(events).stats.withdrawn_edits == 1
        assert done(events).stats.edits == 2
        assert backend._sequences[0].tokens[position:] == backend.tokenize(SECOND_START + STOP)

    @pytest.mark.parametrize("depth", [0, 1, 2, 5])
    def test_no_more_edits_are_withdrawn_than_allowed(self, depth: int) -> None:
        events = decode(script(FIRST + SECOND + BAD + STOP), checks=(forbid("bad"),), depth=depth)
        assert len(of(EditWithdrawn, events)) == min(depth, 2)
        assert done(events).text == replay(events)

    def test_no_retries(self) -> None:
        backend = script(FIRST + BAD + STOP)
        events = decode(backend, checks=(forbid("bad"),), retries=0, depth=0)
        assert len(of(EditRejected, events)) == 1
        assert len(done(events).findings) == 1

    def test_attempts_are_counted_for_each_edit_anew(self) -> None:
        worse = "@@ -1,0 +2 @@\n+bad = 4\n<|diff|>"
        good = worse.replace("bad", "e")
        backend = script(FIRST + BAD, FIRST + SECOND + worse, FIRST + SECOND + good + STOP)
        events = decode(backend, checks=(forbid("bad"),), retries=1)
        assert [event.attempt for event in of(EditRejected, events)] == [1, 1]
        assert done(events).finish_reason == "complete"

    def test_the_first_check_with_findings_speaks(self) -> None:
        asked: list[str] = []

        def never(text: str) -> list[Finding]:
            asked.append(text)
            return []

        wrong = f"@@ -0,0 +1 @@\n+print(\n{END}"
        events = decode(script(wrong), checks=(syntax, never, names), retries=0)
        assert [finding.check for finding in done(events).findings] == ["syntax"]
        assert asked == []

    def test_the_first_edit_can_be_refused(self) -> None:
        backend = script(f"@@ -0,0 +1 @@\n+bad\n{END}", f"@@ -0,0 +1 @@\n+a\n{END}")
        events = decode(backend, checks=(forbid("bad"),))
        assert done(events).text == "a\n" == replay(events)


class TestUnconstrained:
    @pytest.mark.parametrize(
        "wrong",
        [
            "@no diff\n",
            "@@ -9,0 +10 @@\n",
            "@@ -1,0 +7 @@\n",
            "@@ -1 +1 @@\n-zzz\n",
            "@@ -0,0 +1 @@\n+x\n+y\n",
        ],
    )
    def test_what_does_not_apply_is_refused(self, wrong: str) -> None:
        backend = Spy([FIRST + wrong, FIRST + SECOND + STOP])
        events = decode(backend, constrained=False)
        (rejected,) = of(EditRejected, events)
        assert [finding.check for finding in rejected.findings] == ["diff"]
        assert rejected.diff == wrong
        assert done(events).text == BOTH == replay(events)

    def test_a_removed_line(self) -> None:
        text = FIRST + f"@@ -1 +1 @@\n-a = 1\n+a = 7\n{END}"
        events = decode(script(text), constrained=False)
        assert done(events).text == "a = 7\nb = 2\n" == replay(events)

    def test_a_separator_spelled_out_in_a_token_with_what_follows(self) -> None:
        """What came with an accepted edit's last token is still there after a refusal."""

        class Glued(ScriptedBackend):
            def token_bytes(self, token: int) -> bytes:
                return {1: b"<|diff|>@@ -1,0", 2: b""}.get(token) or super().token_bytes(token)

            def tokenize(self, text: str) -> list[int]:
                parts = text.split("<|diff|>@@ -1,0")
                tokens = super().tokenize(parts[0])
                for part in parts[1:]:
                    tokens += [1, *super().tokenize(part)]
                return tokens

        backend = Glued([FIRST[:-8] + BAD_GLUED + STOP, FIRST[:-8] + GOOD_GLUED + STOP])
        events = decode(backend, checks=(forbid("bad"),), constrained=False)
        assert [event.diff for event in of(EditRejected, events)] == ["@@ -1,0 +2 @@\n+bad"]
        assert done(events).text == "a = 1\ngood\nb = 2\n"


BAD_GLUED = "<|diff|>@@ -1,0 +2 @@\n+bad\n<|diff|>"
GOOD_GLUED = "<|diff|>@@ -1,0 +2 @@\n+good\n<|diff|>"


class TestErrors:
    def test_a_check_that_crashes_is_named(self) -> None:
        def fragile(text: str) -> list[Finding]:
            raise KeyError("oh")

        with pytest.raises(CheckError, match=r"'fragile' crashed: KeyError: 'oh'"):
            decode(script(FIRST + STOP), checks=(fragile,))

    def test_logits_that_are_no_numbers(self) -> None:
        backend = ScriptedBackend(lambda tokens: np.full(258, np.nan, dtype=np.float32))
        with pytest.raises(ModelFormatError, match="damaged"):
            decode(backend)

    @pytest.mark.parametrize("values", [{"max_tokens": 0}, {"retries": -1}, {"seed": -1}])
    def test_values_out_of_range(self, values: dict[str, Any]) -> None:
        with pytest.raises(RequestError, match=next(iter(values)).replace("_", ".")):
            decode(script(""), **values)


def test_a_control_token_is_passed_over_without_constraint() -> None:
    class WithControl(ScriptedBackend):
        def token_bytes(self, token: int) -> bytes:
            return b"" if token == 0 else super().token_bytes(token)

    scripted = ScriptedBackend(FIRST + STOP)

    def logits(tokens: Sequence[int]) -> NDArray[np.float32]:
        scripted.truncate(0, 0)
        scripted.evaluate([(0, PROMPT)])
        rest = list(tokens[len(PROMPT) :])
        row = scripted.evaluate([(0, rest)])[0] if rest else np.zeros(258, dtype=np.float32)
        if not rest:
            row[ord("@")] = 30
        row[0] = 99
        return row

    events = decode(WithControl(logits), constrained=False)
    assert 0 not in tokens_of(events)
    assert done(events).text == "a = 1\nb = 2\n"
    assert tokens_of(events).count(DIFF_TOKEN) == 2
