"""Conditions on single events, as those of MongoDB on stored ones."""

import json
import math
import re
from typing import Any, assert_never

from reporting.questions.conditions import And, Compare, Condition, Did, Not, Or
from reporting.questions.language.filter import NUMBER
from reporting.raw.expressions import value_expression

_CONSTANTS: dict[str, bool | None] = {"true": True, "false": False, "null": None}


def condition_of(condition: Condition) -> dict[str, Any]:
    """The condition as one clause of a `$match`; every one is true or false."""
    match condition:
        case And():
            return {"$and": [condition_of(part) for part in condition.parts]}
        case Or():
            return {"$or": [condition_of(part) for part in condition.parts]}
        case Not():
            return {"$nor": [condition_of(condition.part)]}
        case Did():
            raise ValueError("did is of visitors, not of single events")
        case Compare() if condition.field.is_property:
            return {"$expr": _compare_property(condition)}
        case Compare():
            return _compare(condition)
    assert_never(condition)


def _compare(condition: Compare) -> dict[str, Any]:
    name = condition.field.name
    match condition.operator:
        case "exists":
            return {name: {"$ne": None}}
        case "is":
            return {name: {"$in": list(condition.values)}}
        case "contains":
            patterns = [re.escape(value) for value in condition.values]
        case "startsWith":
            patterns = [f"^{re.escape(value)}" for value in condition.values]
        case operator:
            raise ValueError(f"{operator} is asked of columns alone")
    return {"$or": [{name: {"$regex": pattern}} for pattern in patterns]}


def _compare_property(condition: Compare) -> dict[str, Any]:
    """Text compares as text; `is` also finds the number, true, false or null of that spelling."""
    value = value_expression(condition.field)
    match condition.operator:
        case "exists":  # what is missing orders before null, and null before all else
            return {"$gt": [value, None]}
        case "is":
            spelled = [found for text in condition.values for found in spelled_values(text)]
            return {"$in": [value, {"$literal": spelled}]}
        case "contains":
            found = [{"$gte": [_position_of(text), 0]} for text in condition.values]
        case "startsWith":
            found = [{"$eq": [_position_of(text), 0]} for text in condition.values]
        case operator:
            raise ValueError(f"{operator} is asked of columns alone")
    return _on_text(value, {"$or": found})


def spelled_values(text: str) -> list[Any]:
    """What a property may be to equal `text`: every JSON scalar of that spelling.

    Itself as text, and a number, true, false or null.
    """
    if text in _CONSTANTS:
        return [text, _CONSTANTS[text]]
    if not NUMBER.fullmatch(text):
        return [text]
    if len(text) <= 20 and text.removeprefix("-").isdigit():
        number: int | float = int(text)
        if -(2**63) <= number < 2**63:
            return [text, number]
    number = json.loads(text, parse_int=float)
    return [text, number] if math.isfinite(number) else [text]


def _on_text(value: Any, condition: dict[str, Any]) -> dict[str, Any]:
    is_text = {"$eq": [{"$type": "$$value"}, "string"]}
    return {
        "$let": {"vars": {"value": value}, "in": {"$cond": [is_text, condition, False]}},
    }


def _position_of(text: str) -> dict[str, Any]:
    return {"$indexOfBytes": ["$$value", {"$literal": text}]}
