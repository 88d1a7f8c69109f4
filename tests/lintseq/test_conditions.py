from __future__ import annotations

import itertools

from ondevice.lintseq.needs.conditions import ALWAYS, NEVER, AllOf, AnyOf, Gone, any_of, holds


def test_what_is_made_of_the_same_conditions_is_told_apart() -> None:
    made = [AnyOf((0, 1)), AllOf((0, 1)), Gone((0, 1)), (0, 1)]
    for one, other in itertools.combinations(made, 2):
        assert one != other
    assert AnyOf((0, 1)) == AnyOf((0, 1))
    assert len(set(made)) == len(made)
    assert ALWAYS != NEVER
    assert any_of([AnyOf((0, 1)), AllOf((0, 1))]) == AnyOf((AnyOf((0, 1)), AllOf((0, 1))))


def test_when_they_hold() -> None:
    there = bytearray(b"\1\0")
    assert holds(AnyOf((0, 1)), there)
    assert not holds(AllOf((0, 1)), there)
    assert not holds(Gone((0, 1)), there)
    assert holds(Gone((1,)), there)
    assert holds(ALWAYS, there)
    assert not holds(NEVER, there)
