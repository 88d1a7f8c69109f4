"""A check of an ONNX file that needs no native code: its messages nest, its tensors have the bytes
that their shapes ask for, and data outside of it stay within its folder.

The format: https://github.com/onnx/onnx/blob/main/onnx/onnx.proto3, field numbers included.
"""

from __future__ import annotations

import mmap
from collections.abc import Iterator
from pathlib import Path

from ondevice.backends.onnx_tensor import check_tensor, external_bytes
from ondevice.backends.protobuf import BYTES, MalformedError, fields, text
from ondevice.errors import ModelFormatError

_MOST_DEPTH = 8
"""Graphs within graphs; those that exporters write have two."""


def check_graph(path: Path) -> int:
    """Check the ONNX file at ``path`` and return how many bytes it takes from other files.

    Raises ``ModelFormatError``, which says what is wrong.
    """
    with path.open("rb") as file:
        # Field 1, the version, comes first in all files that anyone writes.
        if file.read(1) != b"\x08":
            raise ModelFormatError(f"{path} is no ONNX file")
        with mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data:
            walk = _Walk(data, path.parent)
            try:
                walk.model()
            except MalformedError as error:
                raise ModelFormatError(
                    f"{path} is damaged or incomplete: {error}. Download or export it again"
                ) from error
            return walk.external


class _Walk:
    """Goes through all messages that hold tensors or name what the graph takes and gives."""

    def __init__(self, data: mmap.mmap, folder: Path) -> None:
        self._data, self._folder = data, folder
        self.external = 0

    def model(self) -> None:
        graphs = 0
        for number, kind, value, end in fields(self._data, 0, len(self._data)):
            if number == 7 and kind == BYTES:
                graphs += 1
                self._graph(value, end, 0)
            elif number == 25 and kind == BYTES:
                self._function(value, end)
        if graphs != 1:
            raise MalformedError(f"it holds {graphs} graphs instead of one")

    def _graph(self, start: int, end: int, depth: int) -> None:
        if depth > _MOST_DEPTH:
            raise MalformedError(f"its graphs nest more than {_MOST_DEPTH} deep")
        for number, value, stop in self._messages(start, end):
            if number == 1:
                self._node(value, stop, depth)
            elif number == 5:
                self._tensor(value, stop)
            elif number in (11, 12):  # what is taken and given
                self._named(value, stop)
            elif number == 15:
                raise MalformedError("it holds sparse tensors, which are not supported")

    def _function(self, start: int, end: int) -> None:
        for number, value, stop in self._messages(start, end):
            if number == 7:
                self._node(value, stop, 0)

    def _node(self, start: int, end: int, depth: int) -> None:
        for number, value, stop in self._messages(start, end):
            if number == 5:
                self._attribute(value, stop, depth)

    def _attribute(self, start: int, end: int, depth: int) -> None:
        for number, value, stop in self._messages(start, end):
            if number in (5, 10):
                self._tensor(value, stop)
            elif number in (6, 11):
                self._graph(value, stop, depth + 1)
            elif number in (22, 23):
                raise MalformedError("it holds sparse tensors, which are not supported")

    def _tensor(self, start: int, end: int) -> None:
        tensor = check_tensor(self._data, start, end)
        if tensor.external is not None:
            self.external += external_bytes(tensor, self._folder)

    def _named(self, start: int, end: int) -> None:
        names = [
            text(self._data, v, stop)
            for number, v, stop in self._messages(start, end)
            if number == 1
        ]
        if len(names) != 1:
            raise MalformedError("something that the graph takes or gives has no name")

    def _messages(self, start: int, end: int) -> Iterator[tuple[int, int, int]]:
        for number, kind, value, stop in fields(self._data, start, end):
            if kind == BYTES:
                yield number, value, stop
