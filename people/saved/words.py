"""Filters in words, wherever people read them."""

from collections.abc import Sequence
from dataclasses import dataclass

from people.saved.filters import WITHOUT_VALUES, Filter
from reporting.words.fields import OPERATORS, name_field, name_key

MAX_SHOWN_VALUES = 3


@dataclass(frozen=True, slots=True)
class Told:
    """`values` are the first of them, each with what it is called."""

    field: str
    operator: str
    values: Sequence[tuple[str, str]]
    more: str

    @property
    def text(self) -> str:
        shown = ", ".join(label for _, label in self.values)
        return f"{self.field} {self.operator} {shown}{self.more}"


def tell_filter(each: Filter) -> Told:
    """What is unknown is called as its row is: *Referrer is Direct*."""
    operator = OPERATORS[each.operator]
    values: list[str | None] = list(each.values)
    if each.operator in WITHOUT_VALUES:
        operator, values = OPERATORS["is" if each.operator == "unknown" else "not"], [None]
    pairs = [(value or "", name_key(each.field, value)[0]) for value in values[:MAX_SHOWN_VALUES]]
    more = f" and {len(values) - len(pairs)} more" if len(values) > len(pairs) else ""
    return Told(name_field(each.field), operator, pairs, more)
