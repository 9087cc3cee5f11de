"""Thrift's compact protocol, as far as a Parquet footer needs it: to a tree of fields and back.

A struct is a list of `Field`, a list its elements; a number or a text stays the bytes that it was.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

_TRUE, _FALSE, _BYTE, _DOUBLE, _BINARY, _LIST, _SET, _MAP, _STRUCT, _UUID = (
    1, 2, 3, 7, 8, 9, 10, 11, 12, 13,
)  # fmt: skip
_FIXED = {_BYTE: 1, _DOUBLE: 8, _UUID: 16}


@dataclass
class Field:
    """A field of a struct: its number, the code of its type and its value."""

    number: int
    kind: int
    value: Any


@dataclass
class Items:
    """A list or a set. `kind`: the code of its elements' type."""

    kind: int
    values: list[Any]


def decode(data: bytes) -> list[Field]:
    """The struct that some bytes are; ValueError if they are none."""
    reader = _Reader(data)
    try:
        return reader.struct()
    except IndexError:
        raise ValueError("a struct ends too early") from None


def encode(struct: list[Field]) -> bytes:
    out = bytearray()
    _put_struct(out, struct)
    return bytes(out)


def field(struct: list[Field], number: int) -> Any:
    """The value of a field; None if the struct has none of that number."""
    return next((each.value for each in struct if each.number == number), None)


class _Reader:
    def __init__(self, data: bytes) -> None:
        self._data, self._at = data, 0

    def struct(self) -> list[Field]:
        fields, number = [], 0
        while head := self._byte():
            step, kind = head >> 4, head & 15
            number = number + step if step else _unzigzag(_number(self._varint()))
            is_bool = kind in (_TRUE, _FALSE)
            fields.append(Field(number, kind, b"" if is_bool else self._value(kind)))
        return fields

    def _value(self, kind: int) -> Any:
        if kind == _STRUCT:
            return self.struct()
        if kind in (_LIST, _SET):
            head = self._byte()
            size, of = head >> 4, head & 15
            if size == 15:
                size = _number(self._varint())
            return Items(of, [self._item(of) for _ in range(size)])
        if kind == _BINARY:
            length = self._varint()
            return length + self._take(_number(length))
        if kind in _FIXED:
            return self._take(_FIXED[kind])
        if kind == _MAP:
            raise ValueError("a footer of Parquet has no map")
        return self._varint()

    def _item(self, kind: int) -> Any:
        return self._take(1) if kind in (_TRUE, _FALSE) else self._value(kind)

    def _byte(self) -> int:
        self._at += 1
        return self._data[self._at - 1]

    def _take(self, size: int) -> bytes:
        if self._at + size > len(self._data):
            raise IndexError
        self._at += size
        return self._data[self._at - size : self._at]

    def _varint(self) -> bytes:
        begin = self._at
        while self._byte() & 0x80:
            pass
        return self._data[begin : self._at]


def _put_struct(out: bytearray, struct: list[Field]) -> None:
    last = 0
    for each in struct:
        step = each.number - last
        if 0 < step < 16:
            out.append(step << 4 | each.kind)
        else:
            out.append(each.kind)
            out += _varint(each.number << 1 if each.number >= 0 else (-each.number << 1) - 1)
        last = each.number
        _put(out, each.value)
    out.append(0)


def _put(out: bytearray, value: Any) -> None:
    if isinstance(value, Items):
        size = len(value.values)
        out.append(min(size, 15) << 4 | value.kind)
        if size >= 15:
            out += _varint(size)
        for each in value.values:
            _put(out, each)
    elif isinstance(value, list):
        _put_struct(out, value)
    else:
        out += value


def _number(varint: bytes) -> int:
    return sum((byte & 0x7F) << 7 * at for at, byte in enumerate(varint))


def _unzigzag(value: int) -> int:
    return (value >> 1) ^ -(value & 1)


def _varint(value: int) -> bytes:
    out = bytearray()
    while value > 0x7F:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    out.append(value)
    return bytes(out)
