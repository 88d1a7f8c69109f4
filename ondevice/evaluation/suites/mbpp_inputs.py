"""Arguments of MBPP+ as they were before JSON made lists of tuples and texts of numbers.

Which task has which form is a fact of the file format, as EvalPlus 0.3.1 reads it.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

Arguments = list[Any]


def _tuples(items: list[Any]) -> list[Any]:
    return [tuple(item) for item in items]


def _deep(value: Any) -> Any:
    return tuple(_deep(item) for item in value) if isinstance(value, list) else value


def _each_a_tuple(given: Arguments) -> Arguments:
    return _tuples(given)


def _each_of_tuples(given: Arguments) -> Arguments:
    return [_tuples(one) for one in given]


def _each_a_tuple_of_tuples(given: Arguments) -> Arguments:
    return [tuple(_tuples(one)) for one in given]


def _first_a_tuple(given: Arguments) -> Arguments:
    return [tuple(given[0]), *given[1:]]


def _second_a_tuple(given: Arguments) -> Arguments:
    return [given[0], tuple(given[1])]


def _first_of_tuples(given: Arguments) -> Arguments:
    return [_tuples(given[0]), given[1]]


def _a_tuple_of_tuples_or_values(given: Arguments) -> Arguments:
    return [tuple(_deep(item) if isinstance(item, list) else item for item in given[0])]


def _of_sets(given: Arguments) -> Arguments:
    return [[set(item) if isinstance(item, list) and item else {} for item in given[0]]]


def _values_are_tuples(given: Arguments) -> Arguments:
    return [{key: tuple(value) for key, value in given[0].items()}, *given[1:]]


def _tuples_throughout(given: Arguments) -> Arguments:
    return [_deep(one) for one in given]


def _float_and_complex(given: Arguments) -> Arguments:
    return [float(given[0]), complex(given[1])]


def _complex(given: Arguments) -> Arguments:
    return [complex(given[0])]


_FORMS: dict[Callable[[Arguments], Arguments], tuple[int, ...]] = {
    _each_a_tuple: (
        *(2, 116, 132, 143, 222, 261, 273, 394, 399, 421, 424),
        *(429, 470, 560, 579, 596, 616, 630, 726, 740, 744, 809),
    ),
    _each_of_tuples: (*(63, 64, 70, 94, 120, 237, 272, 299, 400, 409, 417, 438, 473, 614, 780),),
    _each_a_tuple_of_tuples: (259, 401, 445),
    _first_a_tuple: (250, 307, 405, 446, 617, 720, 763, 808),
    _second_a_tuple: (106, 750),
    _first_of_tuples: (75, 413, 444, 753),
    _a_tuple_of_tuples_or_values: (278,),
    _of_sets: (115,),
    _values_are_tuples: (722,),
    _tuples_throughout: (580, 615, 791),
    _float_and_complex: (124,),
    _complex: (252,),
}
_FORM_OF = {number: form for form, numbers in _FORMS.items() for number in numbers}


def restored(task: int, arguments: Arguments) -> Arguments:
    """Return the arguments of one call in the types that the function of a task takes.

    Raises ``LookupError``, ``TypeError``, ``ValueError`` or ``AttributeError`` for those that do
    not have the task's form.
    """
    form = _FORM_OF.get(task)
    return form(arguments) if form else arguments
