"""Taking a JSON object apart, field by field, with an error that names the field."""

from __future__ import annotations

import math
from collections.abc import Collection
from typing import Any

from ondevice.serving.errors import ApiError


class Fields:
    """The fields of a JSON object, each taken once; null is the same as not given.

    Every method raises ``ApiError`` for a value that it cannot take.
    """

    def __init__(self, found: dict[str, Any], where: str = "") -> None:
        self._found = dict(found)
        self._where = where

    def take(self, name: str) -> Any:
        """Return a field as it stands, None where it is not given."""
        return self._found.pop(name, None)

    def text(self, name: str) -> str | None:
        """Return a text."""
        value = self.take(name)
        if value is not None and not isinstance(value, str):
            raise self.error(name, "must be a string")
        return value

    def flag(self, name: str) -> bool:
        """Return a truth value, false where it is not given."""
        value = self.take(name)
        if value is not None and not isinstance(value, bool):
            raise self.error(name, "must be true or false")
        return bool(value)

    def integer(self, name: str, low: int, high: int) -> int | None:
        """Return an integer between two others."""
        value = self.take(name)
        if value is None:
            return None
        if isinstance(value, float) and value.is_integer():
            value = int(value)
        if isinstance(value, bool) or not isinstance(value, int) or not low <= value <= high:
            raise self.error(name, f"must be an integer from {low} to {high}")
        return value

    def number(self, name: str, low: float, high: float) -> float | None:
        """Return a number between two others."""
        value = self.take(name)
        if value is None:
            return None
        plain = isinstance(value, int | float) and not isinstance(value, bool)
        if not plain or not low <= value <= high or not math.isfinite(value):
            raise self.error(name, f"must be a number from {low:g} to {high:g}")
        return float(value)

    def choice(self, name: str, allowed: Collection[str]) -> str | None:
        """Return one of some texts."""
        value = self.take(name)
        if value is not None and (not isinstance(value, str) or value not in allowed):
            raise self.error(name, f"must be one of {', '.join(sorted(allowed))}")
        return value

    def inner(self, name: str) -> Fields:
        """Return the fields of an object; none where it is not given."""
        value = self.take(name)
        if value is not None and not isinstance(value, dict):
            raise self.error(name, "must be an object")
        return Fields(value or {}, f"{self._where}{name}.")

    def refuse(self, name: str, *neutral: object) -> None:
        """Refuse a field unless its value asks for nothing."""
        value = self.take(name)
        if value is not None and value not in neutral:
            raise self.error(name, "is not supported by edit-sequence models; leave it out")

    def end(self) -> None:
        """Refuse every field that was not taken."""
        for name in self._found:
            raise self.error(name, "is not known; leave it out")

    def error(self, name: str, what: str) -> ApiError:
        """Return what is wrong with a field."""
        path = f"{self._where}{name}"
        return ApiError(400, f"{path} {what}", param=path)
