"""Whether an event passes a filter, read from the JSON of the question."""

import re
from collections.abc import Callable, Sequence
from typing import Any

from tests.query_oracle.brute.values import (
    MISSING,
    Event,
    equals,
    is_number,
    read_number,
    spell,
    value_at,
)

Filter = dict[str, Any]
Number = int | float

_PARTS: dict[str, Callable[[str], str]] = {
    "is": lambda text: rf"\A(?:{re.escape(text)})\Z",
    "contains": re.escape,
    "startsWith": lambda text: rf"\A{re.escape(text)}",
    "endsWith": lambda text: rf"{re.escape(text)}\Z",
    "matches": lambda text: text,  # only patterns of which Python and RE2 say the same
}


def passes(
    event: Event, given: Filter | None, events: Sequence[Event], by: str = "visitor"
) -> bool:
    """`events` are all of the window, for `did`; `by`: the field that has the person it is of."""
    if given is None:
        return True
    if "and" in given:
        return all(passes(event, part, events, by) for part in given["and"])
    if "or" in given:
        return any(passes(event, part, events, by) for part in given["or"])
    if "not" in given:
        return not passes(event, given["not"], events, by)
    if "did" in given:
        return by in event and any(
            other.get(by) == event[by] and passes(other, given["did"], ()) for other in events
        )
    return compares(event, given)


def compares(event: Event, given: Filter) -> bool:
    found = value_at(event, given["field"])
    operator = given["op"]
    if operator == "exists":
        return found is not MISSING and found is not None
    if found is MISSING:
        return False
    if operator in ("gt", "gte", "lt", "lte"):
        number = read_number(spell(given["values"][0]))
        assert number is not None
        return is_number(found) and compares_numbers(found, operator, number)
    texts = [spell(value) for value in given["values"]]
    if operator == "is" and (not isinstance(found, str) or given.get("caseSensitive", True)):
        return any(equals(found, text) for text in texts)
    if not isinstance(found, str):
        return False
    flags = 0 if given.get("caseSensitive", True) else re.IGNORECASE
    return any(re.search(_PARTS[operator](text), found, flags) for text in texts)


def compares_numbers(found: Number, operator: str, number: Number) -> bool:
    return {
        "gt": found > number,
        "gte": found >= number,
        "lt": found < number,
        "lte": found <= number,
    }[operator]


def without_event(given: Filter | None) -> Filter | None:
    """The filter without its conditions on `event`; None where nothing is left of it.

    Those inside `did` stay: they are about other events.
    """
    if given is None or given.get("field") == "event":
        return None
    for name in ("and", "or"):
        if name in given:
            kept = [part for part in map(without_event, given[name]) if part is not None]
            return {name: kept} if kept else None
    if "not" in given:
        part = without_event(given["not"])
        return None if part is None else {"not": part}
    return given
