"""Visits of a few events, counted one by one in Python: what the engine has to find as well."""

from collections.abc import Callable, Iterator, Sequence
from itertools import groupby
from typing import Any

from columns.files.layout import OF_VISITS, VISIT_TYPES

Row = dict[str, Any]  # of layout.TYPES, or some of them; what is not there is null

PAUSE_MS = 30 * 60 * 1000


def find_visits(rows: Sequence[Row], day_of: Callable[[int], int]) -> dict[int, Row]:
    """The columns of layout.VISIT_TYPES of each row, by its index."""
    found = {index: _describe_none(row) for index, row in enumerate(rows)}
    for stay in _list_stays(rows, day_of):
        while stay and rows[stay[0]]["event"].startswith("$"):
            stay.pop(0)
        views = [index for index in stay if rows[index]["event"] == "pageview"]
        for number, index in enumerate(stay if views else []):
            found[index] = _describe(rows, stay, views) | {"visitFirst": number == 0}
    return found


def _list_stays(rows: Sequence[Row], day_of: Callable[[int], int]) -> Iterator[list[int]]:
    """The indexes of rows that follow each other within the pause, of one owner on one day."""

    def sort_key(index: int) -> tuple[Any, ...]:
        row = rows[index]
        return (*stay_key(index), row["timestamp"], row["event"] != "pageview", row["id"])

    def stay_key(index: int) -> tuple[int, int]:
        return _owner_of(rows[index]) or 0, day_of(rows[index]["timestamp"])

    of_people = [
        index
        for index, row in enumerate(rows)
        if row.get("bot") is None and _owner_of(row) is not None
    ]
    for _, indexes in groupby(sorted(of_people, key=sort_key), stay_key):
        stay: list[int] = []
        for index in indexes:
            if stay and rows[index]["timestamp"] - rows[stay[-1]]["timestamp"] >= PAUSE_MS:
                yield stay
                stay = []
            stay.append(index)
        yield stay


def _owner_of(row: Row) -> int | None:
    anonymous: int | None = row.get("anonymous")
    return row.get("visitor") if anonymous is None else anonymous


def _describe(rows: Sequence[Row], stay: Sequence[int], views: Sequence[int]) -> Row:
    first, last = rows[stay[0]], rows[stay[-1]]
    entry = rows[views[0]]
    named = [index for index in stay if not rows[index]["event"].startswith("$")]
    return {
        "visitStart": first["timestamp"],
        "visitMs": last["timestamp"] - first["timestamp"],
        "visitViews": len(views),
        "visitBounced": len(named) == 1,
        "entryPath": entry.get("path"),
        "exitPath": rows[views[-1]].get("path"),
    } | {name: entry.get(own) for own, name in OF_VISITS.items()}


def _describe_none(row: Row) -> Row:
    described = dict.fromkeys(VISIT_TYPES) | {"visitFirst": False}
    return described | {name: row.get(own) for own, name in OF_VISITS.items()}
