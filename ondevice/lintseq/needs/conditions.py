"""Conditions on which lines of a program are there: what a line needs so as to be no error.

A condition is a line's index, which holds while that line is there, or one of the classes here.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TypeAlias, Union

Condition: TypeAlias = Union[int, "AnyOf", "AllOf", "Gone"]


class _Conditions(tuple["Condition", ...]):
    """Several conditions; what is made of them tells two of the same apart."""

    __slots__ = ()

    def __eq__(self, other: object) -> bool:
        return type(self) is type(other) and tuple.__eq__(self, other)

    def __ne__(self, other: object) -> bool:
        return not self == other

    def __hash__(self) -> int:
        return hash((type(self), tuple.__hash__(self)))


class AnyOf(_Conditions):
    """Holds while one of its conditions does."""

    __slots__ = ()


class AllOf(_Conditions):
    """Holds while all of its conditions do."""

    __slots__ = ()


class Gone(_Conditions):
    """Holds once none of its conditions does."""

    __slots__ = ()


NEVER = AnyOf()
ALWAYS = AllOf()


def any_of(conditions: Iterable[Condition]) -> Condition:
    """Return the condition that one of several holds, in its simplest form."""
    found = tuple(dict.fromkeys(conditions))
    return found[0] if len(found) == 1 else AnyOf(found)


def holds(condition: Condition, there: bytearray) -> bool:
    """Return whether a condition holds, given for each line whether it is there."""
    if isinstance(condition, int):
        return bool(there[condition])
    if isinstance(condition, AnyOf):
        return any(holds(part, there) for part in condition)
    if isinstance(condition, AllOf):
        return all(holds(part, there) for part in condition)
    return not any(holds(part, there) for part in condition)


def lines_of(condition: Condition) -> Iterator[int]:
    """Yield the lines that a condition depends on."""
    if isinstance(condition, int):
        yield condition
    else:
        for part in condition:
            yield from lines_of(part)
