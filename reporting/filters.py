"""Filters: `filter=<field>:<operator>:<value>`, ANDed, as conditions on stored events."""

import json
import math
import re
from dataclasses import dataclass
from typing import Any, Literal, get_args

from reporting.fields import BadField, Field, parse_field

Operator = Literal["is", "is_not", "contains", "starts_with"]
OPERATORS: tuple[Operator, ...] = get_args(Operator)

MAX_FILTERS = 10
MAX_VALUE_CHARS = 2_048

_NUMBER = re.compile(r"-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?", re.ASCII)
_CONSTANTS: dict[str, bool | None] = {"true": True, "false": False, "null": None}


@dataclass(frozen=True, slots=True)
class Filter:
    """One condition. Case counts; `is_not` also holds for events without the field."""

    field: Field
    operator: Operator
    value: str


def parse_filter(text: str) -> Filter:
    """Read `<field>:<operator>:<value>`; the value may hold colons. Raises ValueError."""
    parts = text.split(":", 2)
    if len(parts) < 3:
        raise ValueError("is not of the form field:operator:value")
    name, operator, value = parts
    try:
        field = parse_field(name)
    except BadField as exc:
        raise ValueError(f"has a field that {exc}") from None
    for known in OPERATORS:
        if operator == known:
            break
    else:
        raise ValueError(f"has an operator that is none of {', '.join(OPERATORS)}")
    if not value:
        raise ValueError("has an empty value")
    if len(value) > MAX_VALUE_CHARS:
        raise ValueError(f"has a value of more than {MAX_VALUE_CHARS:,} characters")
    if "\x00" in value:
        raise ValueError("has a NUL in its value")
    return Filter(field, known, value)


def condition_of(given: Filter) -> dict[str, Any]:
    """The filter as one clause of a `$match`."""
    if given.field.is_property:
        return {"$expr": _property_condition(given)}
    match given.operator:
        case "is":
            condition: dict[str, Any] = {"$eq": given.value}
        case "is_not":
            condition = {"$ne": given.value}
        case "contains":
            condition = {"$regex": re.escape(given.value)}
        case "starts_with":
            condition = {"$regex": f"^{re.escape(given.value)}"}
    return {given.field.name: condition}


def _property_condition(given: Filter) -> dict[str, Any]:
    """Text compares as text; `is` also finds the number, true, false or null of that spelling."""
    value = given.field.expression
    match given.operator:
        case "is":
            return {"$in": [value, {"$literal": _spelled_by(given.value)}]}
        case "is_not":
            return {"$not": [{"$in": [value, {"$literal": _spelled_by(given.value)}]}]}
        case "contains":
            return _on_text(value, {"$gte": [_position_of(given.value), 0]})
        case "starts_with":
            return _on_text(value, {"$eq": [_position_of(given.value), 0]})


def _on_text(value: Any, condition: dict[str, Any]) -> dict[str, Any]:
    is_text = {"$eq": [{"$type": "$$value"}, "string"]}
    return {
        "$let": {"vars": {"value": value}, "in": {"$cond": [is_text, condition, False]}},
    }


def _position_of(text: str) -> dict[str, Any]:
    return {"$indexOfBytes": ["$$value", {"$literal": text}]}


def _spelled_by(text: str) -> list[Any]:
    """Every JSON scalar that `text` spells: itself as text, and a number or constant."""
    if text in _CONSTANTS:
        return [text, _CONSTANTS[text]]
    if not _NUMBER.fullmatch(text):
        return [text]
    if len(text) <= 20 and text.removeprefix("-").isdigit():
        number: int | float = int(text)
        if -(2**63) <= number < 2**63:
            return [text, number]
    number = json.loads(text, parse_int=float)
    return [text, number] if math.isfinite(number) else [text]
