"""The schema of rows of JSON, found by looking at all of them, since a table needs one.

Where the values of a column are of different kinds, the column is text: texts as they are, all
else as JSON. So no row is lost, whatever another one holds.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

_DEEPEST = 16
"""Levels below which what is nested is kept as JSON: readers of tables have limits of their own."""

_WIDEST = 256
"""Fields above which an object is kept as JSON: its names are data, then."""

_NULL, _TEXT = "null", "text"
_SCALARS = {bool: "bool", int: "int", float: "float", str: _TEXT}


@dataclass(slots=True)
class Shape:
    """What values of a column have in common: ``kind`` is a scalar's, ``list`` or ``object``."""

    kind: str = _NULL
    item: Shape | None = None
    fields: dict[str, Shape] = field(default_factory=dict)

    def meet(self, value: Any, depth: int = 0) -> None:
        """Widen the shape so that it takes a value, too."""
        if value is None or (self.kind == _TEXT and not isinstance(value, str)):
            return
        kind = _kind(value, depth)
        if {self.kind, kind} == {"int", "float"}:
            kind = self.kind = "float"
        if self.kind == _NULL:
            self.kind = kind
        elif self.kind != kind:
            self.kind = _TEXT
        if self.kind == "list":
            self.item = self.item or Shape()
            for item in value:
                self.item.meet(item, depth + 1)
        elif self.kind == "object":
            for name, item in value.items():
                self.fields.setdefault(name, Shape()).meet(item, depth + 1)
            if depth and len(self.fields) > _WIDEST:
                self.kind = _TEXT

    def fit(self, value: Any) -> Any:
        """Return a value as the shape has it."""
        if value is None:
            return None
        if self.kind == _TEXT or (self.kind == "object" and not self.fields):
            return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
        if self.kind == "float":
            return float(value)
        if self.kind == "list" and self.item:
            return [self.item.fit(item) for item in value]
        if self.kind == "object" and self.fields:
            return {name: shape.fit(value.get(name)) for name, shape in self.fields.items()}
        return value

    def arrow(self, arrow: Any) -> Any:
        """Return the type of pyarrow, whose module is given."""
        if self.kind == "list" and self.item:
            return arrow.list_(self.item.arrow(arrow))
        if self.kind == "object" and self.fields:
            fields = [(name, shape.arrow(arrow)) for name, shape in self.fields.items()]
            return arrow.struct(fields)
        types = {"bool": arrow.bool_(), "int": arrow.int64(), "float": arrow.float64()}
        return types.get(self.kind, arrow.string())


def shape_of(lines: Iterable[bytes], columns: Iterable[str]) -> Shape:
    """Return the shape of rows of JSON, in which those columns stand even if no row has them."""
    shape = Shape("object", fields={name: Shape() for name in columns})
    empty = True
    for line in lines:
        if empty:
            shape, empty = Shape(), False
        shape.meet(json.loads(line))
    return shape


def _kind(value: Any, depth: int) -> str:
    if isinstance(value, int) and not -(1 << 63) <= value < 1 << 63:
        return _TEXT
    if isinstance(value, list | dict):
        if depth >= _DEEPEST:
            return _TEXT
        return "list" if isinstance(value, list) else "object"
    return _SCALARS[type(value)]
