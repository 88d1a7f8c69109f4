"""What all samples of a request come to together."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import Any

from ondevice.events import Done, SampleFinished, Stats, rank

_OF_THE_BEST = {"prompt_tokens", "kept_tokens"}
_EARLIEST = {"first_token_seconds", "first_hunk_seconds"}


def conclude(finished: Sequence[SampleFinished]) -> Done:
    """Return the end of a stream: the best sample, and what all of them cost."""
    best = min(finished, key=rank)
    return Done(
        best.text,
        best.finish_reason,
        best.findings,
        _total([event.stats for event in finished], best.stats),
        best.passed,
        best.mean_logprob,
        sample=best.sample,
    )


def _total(costs: Sequence[Stats], best: Stats) -> Stats:
    sums: dict[str, Any] = {}
    for name in (field.name for field in dataclasses.fields(Stats)):
        values = [getattr(stats, name) for stats in costs]
        if name in _EARLIEST:
            sums[name] = min((value for value in values if value is not None), default=None)
        elif name == "seconds":  # they run side by side
            sums[name] = max(values)
        elif name not in _OF_THE_BEST:
            sums[name] = sum(values)
    return dataclasses.replace(best, **sums)
