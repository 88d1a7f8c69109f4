"""An ONNX model of one integer product, written without the package ``onnx``, which the base
install does not have.

A model is a message of Protocol Buffers; the numbers of its fields are those of ``onnx.proto``
(https://github.com/onnx/onnx/blob/main/onnx/onnx.proto).
"""

from __future__ import annotations

import numpy as np

_UINT8, _INT8, _INT32 = 2, 3, 6
_IR_VERSION, _OPERATORS = 8, 13


def integer_product(side: int) -> bytes:
    """Return the model: int32 ``c`` is uint8 ``a`` times int8 weights, all ``side`` x ``side``."""
    weights = np.random.default_rng(0).integers(-127, 127, (side, side), np.int8)
    initializer = (
        *(_number(1, side), _number(1, side), _number(2, _INT8)),
        *(_bytes(8, b"b"), _bytes(9, weights.tobytes())),
    )
    node = _bytes(1, b"a"), _bytes(1, b"b"), _bytes(2, b"c"), _bytes(4, b"MatMulInteger")
    graph = (
        _bytes(1, b"".join(node)),
        _bytes(2, b"product"),
        _bytes(5, b"".join(initializer)),
        _bytes(11, _value(b"a", _UINT8, side)),
        _bytes(12, _value(b"c", _INT32, side)),
    )
    operators = _bytes(8, _bytes(1, b"") + _number(2, _OPERATORS))
    return _number(1, _IR_VERSION) + _bytes(7, b"".join(graph)) + operators


def _value(name: bytes, kind: int, side: int) -> bytes:
    dimension = _bytes(1, _number(1, side))
    tensor = _number(1, kind) + _bytes(2, dimension + dimension)
    return _bytes(1, name) + _bytes(2, _bytes(1, tensor))


def _number(field: int, value: int) -> bytes:
    return _varint(field << 3) + _varint(value)


def _bytes(field: int, value: bytes) -> bytes:
    return _varint(field << 3 | 2) + _varint(len(value)) + value


def _varint(value: int) -> bytes:
    found = bytearray()
    while value > 0x7F:
        found.append(value & 0x7F | 0x80)
        value >>= 7
    return bytes([*found, value])
