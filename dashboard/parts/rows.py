"""Rows of a list: values of a field with their counts."""

from dataclasses import dataclass
from typing import Any

from dashboard.address.view import View
from people.saved.filters import choose, of_value
from reporting.words.fields import name_key
from reporting.words.formats import format_count, format_exact, format_share

Json = dict[str, Any]

ROWS = 9


@dataclass(frozen=True, slots=True)
class Row:
    """`key` is None for what events do not have; `part` is how long its bar is, of 100."""

    field: str
    key: str | None
    label: str
    note: str
    count: int | float
    text: str
    exact: str
    share: str
    part: float
    address: str
    is_chosen: bool


def show_rows(view: View, name: str, answer: Json) -> list[Row]:
    results = answer["results"]
    most = max((row["metrics"][0] or 0 for row in results), default=0)
    whole = answer["totals"][0]
    rows = []
    for result in results:
        [value], count = result["dimensions"], result["metrics"][0] or 0
        key = None if value is None else spell(value)
        label, note = name_key(name, key)
        rows.append(
            Row(
                field=name,
                key=key,
                label=label,
                note=note,
                count=count,
                text=format_count(count),
                exact=format_exact(count),
                share=format_share(count / whole) if whole else "",
                part=round(100 * count / most, 2) if most else 0,
                address=view.shows(filters=choose(view.filters, name, key)),
                is_chosen=of_value("is", name, key) in view.filters,
            )
        )
    return rows


def spell(value: Any) -> str:
    """A value as a filter finds it again."""
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value)
