"""Thrift's compact protocol, as far as a Parquet footer needs it: bytes to values and back.

A struct is a dict of its fields by number, each a pair of type and value; a list a pair of the type
of its items and the items. What is read is written again byte by byte, whatever it means.
"""

from collections.abc import Mapping
from typing import Any, Final

TRUE: Final = 1
FALSE: Final = 2
BYTE: Final = 3
I16: Final = 4
I32: Final = 5
I64: Final = 6
DOUBLE: Final = 7
BINARY: Final = 8
LIST: Final = 9
STRUCT: Final = 12

Struct = dict[int, tuple[int, Any]]

_INTEGERS: Final = (I16, I32, I64)


class BadThrift(ValueError):
    """What is no struct of the compact protocol."""


class Reader:
    """Reads values, one after the other, from `at` on."""

    def __init__(self, data: bytes, at: int = 0) -> None:
        self._data = data
        self.at = at

    def read_struct(self) -> Struct:
        """Raises BadThrift."""
        found: Struct = {}
        number = 0
        while head := self._byte():
            delta, kind = head >> 4, head & 15
            number = number + delta if delta else self._zigzag()
            found[number] = kind, self._value(kind)
        return found

    def _value(self, kind: int) -> Any:
        if kind in (TRUE, FALSE):
            return kind == TRUE
        if kind in _INTEGERS:
            return self._zigzag()
        if kind == BYTE:
            return self._byte()
        if kind == DOUBLE:
            return self._take(8)
        if kind == BINARY:
            return self._take(self._varint())
        if kind == LIST:
            return self._list()
        if kind == STRUCT:
            return self.read_struct()
        raise BadThrift(f"a value of type {kind}")

    def _list(self) -> tuple[int, list[Any]]:
        head = self._byte()
        size, kind = head >> 4, head & 15
        if size == 15:
            size = self._varint()
        if kind in (TRUE, FALSE):
            return kind, [self._byte() == TRUE for _ in range(size)]
        return kind, [self._value(kind) for _ in range(size)]

    def _zigzag(self) -> int:
        number = self._varint()
        return (number >> 1) ^ -(number & 1)

    def _varint(self) -> int:
        number = shift = 0
        while (byte := self._byte()) & 0x80:
            number |= (byte & 0x7F) << shift
            shift += 7
        return number | byte << shift

    def _byte(self) -> int:
        return self._take(1)[0]

    def _take(self, size: int) -> bytes:
        end = self.at + size
        if end > len(self._data):
            raise BadThrift("it ends too early")
        taken = self._data[self.at : end]
        self.at = end
        return taken


def write_struct(struct: Mapping[int, tuple[int, Any]]) -> bytes:
    """The bytes that `Reader.read_struct` reads."""
    written = bytearray()
    before = 0
    for number, (kind, value) in sorted(struct.items()):
        if kind in (TRUE, FALSE):
            kind = TRUE if value else FALSE
        delta = number - before
        written += bytes([delta << 4 | kind]) if delta < 16 else bytes([kind]) + _zigzag(number)
        if kind not in (TRUE, FALSE):
            written += _write(kind, value)
        before = number
    return bytes(written) + b"\x00"


def _write(kind: int, value: Any) -> bytes:
    if kind in _INTEGERS:
        return _zigzag(value)
    if kind == BYTE:
        return bytes([value])
    if kind == DOUBLE:
        return bytes(value)
    if kind == BINARY:
        return _varint(len(value)) + bytes(value)
    if kind == STRUCT:
        return write_struct(value)
    items, values = value
    size = len(values)
    head = bytes([size << 4 | items]) if size < 15 else bytes([0xF0 | items]) + _varint(size)
    if items in (TRUE, FALSE):
        return head + bytes(TRUE if each else FALSE for each in values)
    return head + b"".join(_write(items, each) for each in values)


def _zigzag(number: int) -> bytes:
    return _varint(number << 1 if number >= 0 else (-number << 1) - 1)


def _varint(number: int) -> bytes:
    written = bytearray()
    while number > 0x7F:
        written.append(number & 0x7F | 0x80)
        number >>= 7
    written.append(number)
    return bytes(written)
