"""Conditions on events, as a tree: what `filter` and `goal` of a question say.

Two-valued: a condition on what is not there is false, and `not` of it true.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal, get_args

from reporting.questions.fields import Field

Operator = Literal[
    "is", "contains", "startsWith", "endsWith", "matches", "exists", "gt", "gte", "lt", "lte"
]
OPERATORS: tuple[Operator, ...] = get_args(Operator)


@dataclass(frozen=True, slots=True)
class Compare:
    """One field against some values, any of which will do.

    `values` are texts: of a property each finds itself, the number equal to what it spells as a
    JSON number, and the constant it spells. `exists` has none. `gt` ... `lte` have one, a number
    as it was spelled, and hold of numbers alone.
    """

    field: Field
    operator: Operator
    values: tuple[str, ...] = ()
    case_sensitive: bool = True


@dataclass(frozen=True, slots=True)
class And:
    parts: tuple["Condition", ...]


@dataclass(frozen=True, slots=True)
class Or:
    parts: tuple["Condition", ...]


@dataclass(frozen=True, slots=True)
class Not:
    part: "Condition"


@dataclass(frozen=True, slots=True)
class Did:
    """Holds for all events of a visitor who has one in the window that passes `part`."""

    part: "Condition"


Condition = Compare | And | Or | Not | Did


def join(conditions: Sequence[Condition]) -> Condition | None:
    """One that holds where all of them do; None: every event passes."""
    if len(conditions) < 2:
        return conditions[0] if conditions else None
    return And(tuple(conditions))


def has_did(condition: Condition | None) -> bool:
    match condition:
        case And(parts) | Or(parts):
            return any(map(has_did, parts))
        case Not(part):
            return has_did(part)
    return isinstance(condition, Did)


def list_fields(condition: Condition | None) -> Iterator[Field]:
    """The field of each comparison in it."""
    match condition:
        case Compare():
            yield condition.field
        case And() | Or():
            for part in condition.parts:
                yield from list_fields(part)
        case Not() | Did():
            yield from list_fields(condition.part)
