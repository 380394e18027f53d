"""Filters of `/stats*`: `filter=<field>:<operator>:<value>`, or a condition of the query language.

Of the old form `exists` and `not_exists` stand without a value.
"""

import re
from typing import Literal, get_args

from reporting.questions.conditions import Compare, Condition, Not, join
from reporting.questions.conditions import Operator as Comparison
from reporting.questions.fields import QUOTED_KEY, BadField, Field, parse_field
from reporting.questions.language.filter import MAX_VALUE_CHARS, read_condition
from reporting.questions.language.json_body import BadJson, Node, read_json
from reporting.questions.params import Parameters

Operator = Literal["is", "is_not", "contains", "starts_with", "exists", "not_exists"]
OPERATORS: tuple[Operator, ...] = get_args(Operator)
WITHOUT_VALUE = ("exists", "not_exists")

MAX_FILTERS = 10

_COLON = re.compile(rf"{QUOTED_KEY.pattern}|(?P<colon>:)", re.DOTALL)
_COMPARISONS: dict[Operator, Comparison] = {
    "is": "is",
    "is_not": "is",
    "contains": "contains",
    "starts_with": "startsWith",
    "exists": "exists",
    "not_exists": "exists",
}


def take_condition(parameters: Parameters) -> Condition | None:
    """What all of `filter` say together; None where nothing is given, or something refused."""
    texts = parameters.take_all("filter")
    if len(texts) > MAX_FILTERS:
        parameters.refuse("filter", "bad_filter", f"is given more than {MAX_FILTERS} times")
        return None
    found = [_read(text, parameters) for text in texts]
    return join([condition for condition in found if condition is not None])


def _read(text: str, parameters: Parameters) -> Condition | None:
    if text.startswith("{"):  # with which no field begins
        return read_json_filter(text, parameters)
    try:
        return parse_filter(text)
    except ValueError as exc:
        parameters.refuse("filter", "bad_filter", str(exc) if text else "is empty")
        return None


def read_json_filter(text: str, parameters: Parameters) -> Condition | None:
    """A condition on single events."""
    try:
        node = Node(read_json(text), "filter", parameters)
    except BadJson as exc:
        parameters.refuse("filter", "bad_filter", str(exc) if text else "is empty")
        return None
    return read_condition(node, of_single_events=True)


def parse_filter(text: str) -> Condition:
    """Read `<field>:<operator>:<value>`; field and value may hold colons. Raises ValueError.

    The first operator between colons is the one that is meant. `is_not` also holds for events
    without the field.
    """
    name, operator, value = _split(text)
    try:
        field = parse_field(name)
    except BadField as exc:
        raise ValueError(f"has a field that {exc}") from None
    if operator in WITHOUT_VALUE:
        if value:
            raise ValueError(f"has a value, and {operator} takes none")
        return _make(field, operator, ())
    if value is None:
        raise ValueError("is not of the form field:operator:value")
    if len(value) > MAX_VALUE_CHARS:
        raise ValueError(f"has a value of more than {MAX_VALUE_CHARS:,} characters")
    if "\x00" in value:
        raise ValueError("has a NUL in its value")
    return _make(field, operator, (value,))


def _make(field: Field, operator: Operator, values: tuple[str, ...]) -> Condition:
    condition = Compare(field, _COMPARISONS[operator], values)
    return Not(condition) if operator in ("is_not", "not_exists") else condition


def _split(text: str) -> tuple[str, Operator, str | None]:
    """Field, operator and, where a colon follows it, value."""
    colons = [found.start() for found in _COLON.finditer(text) if found["colon"]]
    for colon in colons:
        word, after, value = text[colon + 1 :].partition(":")
        for operator in OPERATORS:
            if word == operator:
                return text[:colon], operator, value if after else None
    if not colons:
        raise ValueError("is not of the form field:operator:value")
    raise ValueError(f"has an operator that is none of {', '.join(OPERATORS)}")
