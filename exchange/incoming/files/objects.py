"""JSON lines: an object a line."""

import io
from collections.abc import Iterator
from typing import Any, Final

import msgspec

from exchange.incoming.files.errors import SourceError
from exchange.incoming.files.limits import Limits
from exchange.incoming.files.text import Lines, TooLong, find_encoding, is_text, not_text
from exchange.incoming.options import Options
from exchange.incoming.rows import LeftOut

Object = dict[str, Any]

_decode: Final = msgspec.json.Decoder(Object).decode


def read_objects(
    stream: io.BufferedReader, options: Options, limits: Limits
) -> Iterator[Object | LeftOut]:
    """The object of each line, or why it has none; blank lines are none."""
    codec = find_encoding(stream, options.encoding)
    lines = Lines(stream, codec, limits.row_bytes)
    while True:
        try:
            line = next(lines)
        except StopIteration:
            return
        except TooLong:
            yield LeftOut(0, "too_long", f"line {lines.number}")
            continue
        if not line.strip():
            continue
        if lines.number == 1 and line.lstrip()[:1] == "[":
            raise SourceError("wrong_source", "a JSON array; write one object a line")
        yield read_object(line, limits.depth) if is_text(line) else not_text()


def read_object(line: str, depth: int) -> Object | LeftOut:
    try:
        found = _decode(line)
    except msgspec.ValidationError:
        return LeftOut(0, "not_json", "no object")
    except RecursionError:
        return LeftOut(0, "too_deep")
    except (msgspec.DecodeError, ValueError):
        return LeftOut(0, "not_json")
    if line.count("{") + line.count("[") > depth and _is_deeper(found, depth):
        return LeftOut(0, "too_deep")
    return found


def _is_deeper(value: object, depth: int) -> bool:
    if isinstance(value, dict):
        return depth == 0 or any(_is_deeper(item, depth - 1) for item in value.values())
    if isinstance(value, list):
        return depth == 0 or any(_is_deeper(item, depth - 1) for item in value)
    return False
