"""The restriction of a question: which events there are, before anything is made of them."""

from typing import NoReturn

from reporting.columns.dialect.conditions import Conditions
from reporting.columns.dialect.values import Arguments, coalesce, list_paths, look_up, quote_name
from reporting.questions.conditions import Condition
from reporting.questions.fields import PROPERTIES, Field


def restrict(restriction: Condition | None, arguments: Arguments) -> list[str]:
    """What holds of the rows of files that are there, each event by itself.

    Raises ValueError for a field of a visit, and for `did`: visits and what people did are made of
    the events that are there.
    """
    if restriction is None:
        return []
    return [Conditions(arguments, _column_of, _value_of, _refuse_did).compile(restriction)]


def _column_of(field: Field) -> str:
    if field.of_visit or field.name in ("entryPath", "exitPath"):
        raise ValueError(f"a restriction by {field.name} of visits")
    return quote_name(field.name)


def _value_of(field: Field) -> str:
    """The JSON text of a property."""
    properties = quote_name(PROPERTIES)
    found = coalesce([f"json_extract({properties}, {path})" for path in list_paths(field)])
    return look_up(found, field.keys[1:])


def _refuse_did(part: Condition) -> NoReturn:
    raise ValueError("a restriction by what somebody did")
