"""What an event has at a field, and how values are spelled, compared and put in order."""

import json
import math
import re
from collections.abc import Mapping
from typing import Any

Event = Mapping[str, Any]

MISSING = object()
"""What an event does not have; an explicit null is None."""

_NUMBER = re.compile(r"-?(0|[1-9][0-9]*)(\.[0-9]+)?([eE][+-]?[0-9]+)?")
_INTEGER = re.compile(r"-?(0|[1-9][0-9]*)")
_CONSTANTS = {"true": True, "false": False, "null": None}


def is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def value_at(event: Event, field: str) -> Any:
    """The value of a field, or MISSING."""
    if not field.startswith("properties"):
        return event.get(field, MISSING)
    found: Any = event.get("properties", MISSING)
    for parts in read_keys(field.removeprefix("properties")):
        found = look_up(found, parts)
    return found


def read_keys(text: str) -> list[list[str]]:
    """`.a.b["c:d"]` leads to a.b (in parts, which may be one key), and then to c:d."""
    keys = []
    while text:
        if text.startswith("["):
            key, end = json.JSONDecoder().raw_decode(text, 1)
            keys.append([key])
            text = text[end + 1 :]
        else:
            plain, bracket, rest = text[1:].partition('["')
            keys.append(plain.split("."))
            text = bracket + rest
    return keys


def look_up(parent: Any, parts: list[str]) -> Any:
    """The key `a.b` if the object has it, else `b` in `a`."""
    if not isinstance(parent, Mapping):
        return MISSING
    whole = ".".join(parts)
    if whole in parent:
        return parent[whole]
    if len(parts) == 1:
        return MISSING
    return look_up(parent.get(parts[0], MISSING), parts[1:])


def read_number(text: str) -> int | float | None:
    """The number that a text spells in JSON; integers of 64 bits are exact."""
    if not _NUMBER.fullmatch(text):
        return None
    if _INTEGER.fullmatch(text) and -(2**63) <= int(text) < 2**63:
        return int(text)
    number = float(text)
    return number if math.isfinite(number) else None


def spell(value: Any) -> str:
    """The text that a value of a filter means."""
    return value if isinstance(value, str) else json.dumps(value)


def equals(found: Any, text: str) -> bool:
    """Whether a text finds a value: itself, the number or the constant that it spells."""
    if isinstance(found, str):
        return found == text
    if found is None or isinstance(found, bool):
        return text in _CONSTANTS and _CONSTANTS[text] is found
    if is_number(found):
        number = read_number(text)
        return number is not None and bool(found == number)
    return False


def dimension_of(found: Any) -> Any:
    """A value as a row has it: absent and null are one, equal numbers are one."""
    if found is MISSING or found is None:
        return None
    if isinstance(found, bool | str):
        return found
    if is_number(found):
        return shorten(found)
    return write_json(found)


def shorten(number: int | float) -> int | float:
    """The shortest JSON number that equals it: 5 for 5.0."""
    if isinstance(number, float) and number.is_integer() and abs(number) < 2**53:
        return int(number)
    return int(number) if isinstance(number, int) else number


def write_json(value: Any) -> str:
    """Compact, with sorted keys."""
    if isinstance(value, Mapping):
        items = sorted(value.items(), key=lambda item: item[0].encode())
        return "{" + ",".join(f"{write_json(k)}:{write_json(v)}" for k, v in items) + "}"
    if isinstance(value, list):
        return "[" + ",".join(map(write_json, value)) + "]"
    return json.dumps(shorten(value) if is_number(value) else value, ensure_ascii=False)


def identity(value: Any) -> tuple[str, Any]:
    """Equal for what is one row: 1, 1.0 and true are three values in Python's eyes, not here."""
    kind = "bool" if isinstance(value, bool) else "number" if is_number(value) else "other"
    return kind, value
