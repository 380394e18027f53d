"""Filters in an address, one parameter each: `f=is:country:DE,FR`.

A backslash stands before a comma, a colon or a backslash that is meant itself. What is not there
is `f=unknown:referrer`.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Any

from analytics.web.problems import BadRequest
from reporting.questions.language.filter import read_condition
from reporting.questions.language.json_body import Node
from reporting.questions.params import Mistakes

Json = dict[str, Any]

MAX_FILTERS = 20

# How an operator is called here, how in the query language, and whether it is turned round there.
OPERATORS: dict[str, tuple[str, bool]] = {
    "is": ("is", False),
    "not": ("is", True),
    "contains": ("contains", False),
    "without": ("contains", True),
    "starts": ("startsWith", False),
    "ends": ("endsWith", False),
    "matches": ("matches", False),
    "known": ("exists", False),
    "unknown": ("exists", True),
    "gt": ("gt", False),
    "gte": ("gte", False),
    "lt": ("lt", False),
    "lte": ("lte", False),
}
WITHOUT_VALUES = ("known", "unknown")

_PLACE = re.compile(r"^it\S* ")
_PART = re.compile(r"((?:[^\\:,]|\\.)*)([:,]?)", re.DOTALL)
_ESCAPED = re.compile(r"\\(.)", re.DOTALL)
_SPECIAL = re.compile(r"([\\:,])")


class BadFilter(ValueError):
    """A text that is no filter; its own text says why."""


@dataclass(frozen=True, slots=True)
class Filter:
    operator: str
    field: str
    values: tuple[str, ...] = ()

    def __str__(self) -> str:
        """As it stands in an address."""
        head = f"{self.operator}:{_escape(self.field)}"
        if self.operator in WITHOUT_VALUES:
            return head
        return f"{head}:{','.join(map(_escape, self.values))}"

    @property
    def condition(self) -> Json:
        """As the query language has it."""
        operator, is_turned = OPERATORS[self.operator]
        body: Json = {"field": self.field, "op": operator}
        if self.operator not in WITHOUT_VALUES:
            body["values"] = list(self.values)
        return {"not": body} if is_turned else body

    @property
    def chooses_events(self) -> bool:
        """Whether it picks events by their names: then it is a goal."""
        return self.field == "event" and not OPERATORS[self.operator][1]


def parse_filter(text: str) -> Filter:
    """Raises BadFilter."""
    parts = _split(text)
    if len(parts) < 2 or parts[0][0] not in OPERATORS:
        raise BadFilter(f"begins with none of {', '.join(OPERATORS)}, and a field")
    operator, field = parts[0][0], parts[1][0]
    values = tuple(value for value, _ in parts[2:])
    if operator in WITHOUT_VALUES:
        values = ()
    found = Filter(operator, field, values)
    check(found.condition)
    return found


def check(condition: Json) -> None:
    """Raises BadFilter for what the query language does not take."""
    mistakes = Mistakes()
    read_condition(Node(condition, "it", mistakes))
    try:
        mistakes.check()
    except BadRequest as exc:
        [error, *_] = exc.errors
        if error["code"] == "unknown_field":
            raise BadFilter("names no field") from None
        raise BadFilter(_PLACE.sub("has a value that ", error["detail"]).rstrip(".")) from None


def join(filters: Iterable[Filter]) -> Json | None:
    """All of them as one condition; None without any."""
    conditions = [each.condition for each in filters]
    if len(conditions) < 2:
        return conditions[0] if conditions else None
    return {"and": conditions}


def choose(filters: tuple[Filter, ...], field: str, key: str | None) -> tuple[Filter, ...]:
    """What a click on a row leads to: only this value; off again where it is chosen already."""
    chosen = of_value("is", field, key)
    others = tuple(each for each in filters if not _picks(each, field))
    return others if chosen in filters else (*others, chosen)


def leave_out(filters: tuple[Filter, ...], field: str, key: str | None) -> tuple[Filter, ...]:
    """Without this value as well."""
    left_out = of_value("not", field, key)
    for index, each in enumerate(filters):
        if each.operator == "not" and each.field == field and left_out.values:
            values = tuple(dict.fromkeys((*each.values, *left_out.values)))
            return (*filters[:index], replace(each, values=values), *filters[index + 1 :])
    return filters if left_out in filters else (*filters, left_out)


def of_value(operator: str, field: str, key: str | None) -> Filter:
    """`is` or `not` a value, which may be none."""
    if key is None:
        return Filter({"is": "unknown", "not": "known"}[operator], field)
    return Filter(operator, field, (key,))


def _picks(each: Filter, field: str) -> bool:
    return each.field == field and each.operator in ("is", "unknown")


def _split(text: str) -> list[tuple[str, str]]:
    """The parts, and the mark that stands after each: two colons, then commas."""
    parts: list[tuple[str, str]] = []
    position, colons = 0, 0
    current = ""
    for match in _PART.finditer(text):
        position = match.end()
        mark = match[2]
        is_end = mark == "" or (mark == ":" and colons < 2) or (mark == "," and colons == 2)
        current += match[1] + ("" if is_end else mark)
        if is_end:
            parts.append((_ESCAPED.sub(r"\1", current), mark))
            current = ""
            colons += mark == ":"
        if mark == "":
            break
    if position != len(text):
        raise BadFilter("ends with a backslash")
    return parts


def _escape(text: str) -> str:
    return _SPECIAL.sub(r"\\\1", text)
