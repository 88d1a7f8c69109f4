"""Reading the fields of a row, with an error that names the file, the row and the field."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from ondevice.datafiles import rows_of
from ondevice.errors import DataError


class Row:
    """A row of a suite's file; each getter raises ``DataError`` for what is missing or wrong."""

    def __init__(self, content: Any, where: str) -> None:
        if not isinstance(content, dict):
            raise DataError(f"{where} is no object with fields, but {type(content).__name__}")
        self._content = content
        self.where = where

    def __contains__(self, name: str) -> bool:
        return self._content.get(name) is not None

    def text(self, name: str, default: str | None = None) -> str:
        """Return a field that holds text."""
        value = self._content.get(name)
        if value is None and default is not None:
            return default
        if not isinstance(value, str):
            raise self.wrong(name, "text")
        return value

    def texts(self, name: str, default: tuple[str, ...] | None = None) -> tuple[str, ...]:
        """Return a field that holds a list of texts."""
        value = self._content.get(name)
        if value is None and default is not None:
            return default
        if not isinstance(value, list) or not all(isinstance(item, str) for item in value):
            raise self.wrong(name, "a list of texts")
        return tuple(value)

    def value(self, name: str) -> Any:
        """Return a field as it is."""
        if name not in self._content:
            raise self.wrong(name, "a value")
        return self._content[name]

    def get(self, name: str) -> Any:
        """Return a field as it is, None where it is missing."""
        return self._content.get(name)

    def wrong(self, name: str, wanted: str) -> DataError:
        """Return the error of a field that is not what it should be."""
        if name not in self._content:
            there = ", ".join(sorted(map(str, self._content))) or "none"
            return DataError(f"{self.where} has no field {name!r}; its fields are {there}")
        return DataError(f"{self.where}: the field {name!r} does not hold {wanted}")


def read_rows(path: Path) -> Iterator[Row]:
    """Yield the rows of a suite's file; raises ``DataError`` also when it has none."""
    number = 0
    try:
        for number, content in enumerate(rows_of(path), 1):
            yield Row(content, f"{path}, row {number}")
    except OSError as error:
        raise DataError(f"{path} cannot be read: {error.strerror or error}") from error
    if not number:
        raise DataError(f"{path} has no rows")
