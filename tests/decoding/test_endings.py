"""Every way in which a sample ends, and what is left of it then."""

from __future__ import annotations

import pytest

from ondevice.backends.scripted import END_TOKEN
from ondevice.events import EditRejected, Token

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


class TestLimits:
    @pytest.mark.parametrize("constrained", [True, False])
    @pytest.mark.parametrize("limit", range(1, 83))
    def test_max_tokens_drops_the_unfinished_edit(self, limit: int, constrained: bool) -> None:
        backend = script(FIRST + SECOND + STOP)
        first, second = (len(backend.tokenize(text)) for text in (FIRST, FIRST + SECOND))
        events = decode(backend, max_tokens=limit, constrained=constrained)
        whole = limit >= second + 2
        kept = second if limit >= second else first if limit >= first else 0
        assert len(of(Token, events)) == min(limit, second + 2)
        assert done(events).finish_reason == ("complete" if whole else "length")
        assert done(events).text == {0: "", first: "a = 1\nb = 2\n", second: BOTH}[kept]
        assert done(events).stats.kept_tokens == (second + 2 if whole else kept)
        assert done(events).findings == ()
        assert replay(events) == done(events).text

    @pytest.mark.parametrize("room", [1, 4, 11, 30, 40])
    def test_the_context_is_full(self, room: int) -> None:
        backend = script(FIRST + SECOND + STOP, context_length=len(PROMPT) + room)
        events = decode(backend)
        assert done(events).finish_reason == "context"
        assert len(of(Token, events)) == room
        assert done(events).text == ("a = 1\nb = 2\n" if room >= len(FIRST) - 7 else "")

    def test_rolled_back_tokens_count_towards_max_tokens(self) -> None:
        events = decode(script(FIRST + BAD), checks=(forbid("bad"),), retries=50, max_tokens=100)
        assert done(events).finish_reason == "length"
        assert len(of(Token, events)) == 100

    def test_a_hunk_longer_than_the_constraint_allows_is_left_out(self) -> None:
        long = "@@ -0,0 +1,500 @@" + "\n+x" * 500 + "\n" + END
        events = decode(script(long), max_tokens=300)
        assert of(EditRejected, events) == []
        free = decode(script(long), max_tokens=3000, constrained=False)
        assert done(free).text == "x\n" * 500


class TestEndOfText:
    def test_instead_of_the_empty_edit(self) -> None:
        for constrained in (True, False):
            events = decode(script(FIRST), constrained=constrained)  # the script ends there
            assert done(events).finish_reason == "complete"
            assert done(events).text == "a = 1\nb = 2\n"
            assert END_TOKEN not in tokens_of(events)

    def test_within_an_edit_it_is_not_allowed(self) -> None:
        events = decode(script("@@ -0,0 +1,3 @@\n+a = 1\n+b"), max_tokens=60)
        assert END_TOKEN not in tokens_of(events)
        assert of(EditRejected, events) == []

    def test_at_the_start_it_is_not_allowed(self) -> None:
        events = decode(script(""), max_tokens=30)
        assert END_TOKEN not in tokens_of(events)
        assert bytes(tokens_of(events)[:10]) == b"@@ -0,0 +1"

    def test_unconstrained_within_an_edit_it_is_refused(self) -> None:
        events = decode(
            script(FIRST + "@@ -1,0 +2,2 @@\n+c", FIRST + SECOND + STOP), constrained=False
        )
        (rejected,) = of(EditRejected, events)
        assert rejected.diff == "@@ -1,0 +2,2 @@\n+c"
        assert [finding.check for finding in rejected.findings] == ["diff"]
        assert done(events).text == BOTH

    def test_unconstrained_a_whole_edit_counts(self) -> None:
        events = decode(script(FIRST + SECOND.removesuffix("\n<|diff|>")), constrained=False)
        assert done(events).text == BOTH == replay(events)
        assert done(events).finish_reason == "complete"

    def test_unconstrained_a_whole_edit_is_checked(self) -> None:
        backend = script(FIRST + BAD.removesuffix("\n<|diff|>"), FIRST + SECOND + STOP)
        events = decode(backend, checks=(forbid("bad"),), constrained=False)
        assert len(of(EditRejected, events)) == 1
        assert done(events).text == BOTH

    def test_unconstrained_at_the_start(self) -> None:
        events = decode(script(""), constrained=False)
        assert (done(events).finish_reason, done(events).text) == ("complete", "")
