"""Filters as conditions of MongoDB on stored events."""

import re
from typing import Any

from reporting.questions.filters import Filter
from reporting.raw.expressions import value_expression


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
        case "exists":
            condition = {"$ne": None}
        case "not_exists":
            condition = {"$eq": None}
    return {given.field.name: condition}


def _property_condition(given: Filter) -> dict[str, Any]:
    """Text compares as text; `is` also finds the number, true, false or null of that spelling."""
    value = value_expression(given.field)
    match given.operator:
        case "is":
            return {"$in": [value, {"$literal": given.spelled_values}]}
        case "is_not":
            return {"$not": [{"$in": [value, {"$literal": given.spelled_values}]}]}
        case "contains":
            return _on_text(value, {"$gte": [_position_of(given.value), 0]})
        case "starts_with":
            return _on_text(value, {"$eq": [_position_of(given.value), 0]})
        case "exists":  # what is missing orders before null, and null before all else
            return {"$gt": [value, None]}
        case "not_exists":
            return {"$lte": [value, None]}


def _on_text(value: Any, condition: dict[str, Any]) -> dict[str, Any]:
    is_text = {"$eq": [{"$type": "$$value"}, "string"]}
    return {
        "$let": {"vars": {"value": value}, "in": {"$cond": [is_text, condition, False]}},
    }


def _position_of(text: str) -> dict[str, Any]:
    return {"$indexOfBytes": ["$$value", {"$literal": text}]}
