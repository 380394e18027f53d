"""Values and units of a question as aggregation expressions of MongoDB."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from reporting.questions.fields import PROPERTIES, Field


def value_expression(field: Field) -> Any:
    """The value of `field`; missing where an event has none.

    A property is reached through objects only, never into arrays, and its keys are passed
    as literals: they cannot become operators or variables.
    """
    if not field.is_property:
        return f"${field.name}"
    value: Any = f"${PROPERTIES}"
    for parts in field.keys:
        value = _look_up(value, parts)
    return value


def _look_up(parent: Any, parts: Sequence[str]) -> Any:
    """`a.b.c` is the key `a.b.c`, else the key `b.c` in `a`, else `c` in `b` in `a`."""
    if len(parts) == 1:
        return _get(parent, parts[0])
    found: dict[str, Any] = {}
    for index, key in enumerate(parts):
        found[f"found{index}"] = _get(parent, ".".join(parts[index:]))
        parent = _get(parent, key)
    *first, last = [f"$${name}" for name in found]
    branches = [{"case": {"$ne": [{"$type": name}, "missing"]}, "then": name} for name in first]
    return {"$let": {"vars": found, "in": {"$switch": {"branches": branches, "default": last}}}}


def _get(parent: Any, key: str) -> Any:
    value = {"$getField": {"field": {"$literal": key}, "input": "$$parent"}}
    is_object = {"$eq": [{"$type": "$$parent"}, "object"]}
    return {
        "$let": {"vars": {"parent": parent}, "in": {"$cond": [is_object, value, "$$REMOVE"]}},
    }


def property_path(field: Field) -> str | None:
    """The path that finds a property as `value_expression` does; None where only that does."""
    if len(field.keys) != 1 or len(field.keys[0]) != 1:
        return None
    [[key]] = field.keys
    if not key or "." in key or key.startswith("$"):
        return None
    return f"{PROPERTIES}.{key}"


def index_expression(boundaries: Sequence[datetime]) -> object:
    """The index of an event's unit, as an aggregation expression over `$timestamp`.

    Events must lie in `[boundaries[0], boundaries[-1])`. Stretches of equally long units are
    computed by one division; a balanced tree of comparisons, a few levels deep, finds the stretch.
    """
    stretches: list[tuple[int, timedelta]] = []
    for index in range(len(boundaries) - 1):
        width = boundaries[index + 1] - boundaries[index]
        if not stretches or stretches[-1][1] != width:
            stretches.append((index, width))
    return _search(stretches, boundaries)


def _search(stretches: Sequence[tuple[int, timedelta]], boundaries: Sequence[datetime]) -> object:
    if len(stretches) == 1:
        index, width = stretches[0]
        past = {"$subtract": ["$timestamp", boundaries[index]]}
        units = {"$floor": {"$divide": [past, width // timedelta(milliseconds=1)]}}
        return {"$toInt": {"$add": [index, units]}}
    middle = len(stretches) // 2
    return {
        "$cond": [
            {"$lt": ["$timestamp", boundaries[stretches[middle][0]]]},
            _search(stretches[:middle], boundaries),
            _search(stretches[middle:], boundaries),
        ]
    }
