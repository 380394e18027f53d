"""Filters: `filter=<field>:<operator>:<value>`; an event that is counted passes all of them.

`exists` and `not_exists` stand without a value.
"""

import json
import math
import re
from dataclasses import dataclass
from typing import Any, Literal, get_args

from reporting.questions.fields import QUOTED_KEY, BadField, Field, parse_field

Operator = Literal["is", "is_not", "contains", "starts_with", "exists", "not_exists"]
OPERATORS: tuple[Operator, ...] = get_args(Operator)
WITHOUT_VALUE = ("exists", "not_exists")

MAX_FILTERS = 10
MAX_VALUE_CHARS = 2_048

_NUMBER = re.compile(r"-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?", re.ASCII)
_COLON = re.compile(rf"{QUOTED_KEY.pattern}|(?P<colon>:)", re.DOTALL)
_CONSTANTS: dict[str, bool | None] = {"true": True, "false": False, "null": None}


@dataclass(frozen=True, slots=True)
class Filter:
    """One condition. Case counts; `is_not` also holds for events without the field."""

    field: Field
    operator: Operator
    value: str

    @property
    def spelled_values(self) -> list[Any]:
        """What a property may be to equal the value: every JSON scalar of that spelling.

        Itself as text, and a number, true, false or null.
        """
        text = self.value
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


def parse_filter(text: str) -> Filter:
    """Read `<field>:<operator>:<value>`; field and value may hold colons. Raises ValueError.

    The first operator between colons is the one that is meant.
    """
    name, operator, value = _split(text)
    try:
        field = parse_field(name)
    except BadField as exc:
        raise ValueError(f"has a field that {exc}") from None
    if operator in WITHOUT_VALUE:
        if value:
            raise ValueError(f"has a value, and {operator} takes none")
        return Filter(field, operator, "")
    if value is None:
        raise ValueError("is not of the form field:operator:value")
    if len(value) > MAX_VALUE_CHARS:
        raise ValueError(f"has a value of more than {MAX_VALUE_CHARS:,} characters")
    if "\x00" in value:
        raise ValueError("has a NUL in its value")
    return Filter(field, operator, value)


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
