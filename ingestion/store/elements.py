"""Elements of BSON as bytes: a type, a name and a value (https://bsonspec.org/spec.html)."""

import struct
from typing import Final

from analytics.events.ids import PLACE_BYTES, PROJECT_ID_BYTES

int32 = struct.Struct("<i").pack
int64 = struct.Struct("<q").pack
read_int32 = struct.Struct("<i").unpack_from

STRING: Final = b"\x02"
DOCUMENT: Final = b"\x03"
BINARY: Final = b"\x05"
DATETIME: Final = b"\x09"
INT32: Final = b"\x10"
INT64: Final = b"\x12"


def begin(kind: bytes, name: str) -> bytes:
    """The type and the name of an element, which its value follows."""
    return kind + name.encode() + b"\x00"


def begin_binary(name: str, size: int) -> bytes:
    return begin(BINARY, name) + int32(size) + b"\x00"


def string(head: bytes, text: str | None) -> bytes:
    """An element that holds a string, or nothing."""
    if text is None:
        return b""
    data = text.encode()
    return head + int32(len(data) + 1) + data + b"\x00"


UUID_ID: Final = begin_binary("_id", PROJECT_ID_BYTES + 16)
HASHED_ID: Final = begin_binary("_id", PROJECT_ID_BYTES + 17)
PROJECT: Final = begin_binary("project", PROJECT_ID_BYTES)
PLACE: Final = begin_binary("place", PLACE_BYTES)
