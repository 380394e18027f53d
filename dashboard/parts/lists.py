"""A list in full: searched, sorted and paged by the service, and as CSV."""

import csv
import io
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from django.http import QueryDict

from dashboard.address.view import View
from dashboard.asking import Desk
from dashboard.parts.panels import write_question
from dashboard.parts.rows import spell
from people.saved.filters import choose, of_value
from reporting.words.fields import name_field, name_key
from reporting.words.formats import format_exact, format_share
from reporting.words.metrics import METRICS, Change, tell_change

Json = dict[str, Any]

PAGE_ROWS = 50
MAX_CSV_ROWS = 10_000
MAX_PAGES = 1_000_000 // PAGE_ROWS
MAX_SEARCH_CHARS = 500
SUGGESTED = 10
BY_NAME = "name"

# What a spreadsheet would take for a formula.
_FORMULAS = ("=", "+", "-", "@", "\t", "\r")


@dataclass(frozen=True, slots=True)
class Turn:
    """What of a list is shown: what is sought, by what it is sorted, and which page."""

    sought: str = ""
    sort: str = ""
    is_rising: bool = False
    page: int = 1

    def write(self, **changes: Any) -> str:
        turn = replace(self, **changes)
        query = QueryDict(mutable=True)
        if turn.sought:
            query["q"] = turn.sought
        if turn.sort:
            query["sort"] = f"{'' if turn.is_rising else '-'}{turn.sort}"
        if turn.page > 1:
            query["page"] = str(turn.page)
        return query.urlencode()


@dataclass(frozen=True, slots=True)
class Column:
    name: str
    label: str
    address: str
    sorted: str


@dataclass(frozen=True, slots=True)
class Line:
    key: str | None
    label: str
    address: str
    cells: Sequence[tuple[str, str]]
    share: str
    change: Change | None
    before: str
    is_chosen: bool


@dataclass(frozen=True, slots=True)
class List:
    field: str
    title: str
    columns: Sequence[Column]
    lines: Sequence[Line]
    total: int
    turn: Turn
    first: int
    last: int
    before: str
    after: str
    is_compared: bool
    csv_rows: int


def read_turn(given: QueryDict, field: str) -> Turn:
    sort = given.get("sort", "")
    name = sort.removeprefix("-")
    known = name in (*list_metrics(field), BY_NAME)
    text = given.get("page", "")
    page = int(text) if text.isascii() and text.isdecimal() and len(text) < 7 else 1
    return Turn(
        sought=given.get("q", "")[:MAX_SEARCH_CHARS].replace("\x00", ""),
        sort=name if known else "",
        is_rising=known and not sort.startswith("-"),
        page=min(max(page, 1), MAX_PAGES),
    )


def list_metrics(field: str) -> tuple[str, ...]:
    if field == "bot":
        return ("events",)
    if field == "event" or field.startswith("properties"):
        return ("events", "visitors")
    return ("visitors", "visits", "views", "bounceRate", "visitDuration")


def show_list(desk: Desk, view: View, field: str, turn: Turn) -> List:
    """Raises BadRequest and Unavailable, as asking does."""
    body = _write(view, field, turn) | {
        "compare": view.find_compared(desk.zone, desk.now),
        "limit": PAGE_ROWS,
        "offset": (turn.page - 1) * PAGE_ROWS,
    }
    whole = write_question(view, field) | {"metrics": body["metrics"][:1], "dimensions": None}
    answer, totals = desk.ask(body, whole)
    first = (turn.page - 1) * PAGE_ROWS
    last = first + len(answer["results"])
    keep = view.write()
    return List(
        field=field,
        title=name_field(field),
        columns=_list_columns(body["metrics"], keep, turn, name_field(field)),
        lines=[_show(view, field, row, body["metrics"], totals["totals"][0])
               for row in answer["results"]],
        total=answer["total"],
        turn=turn,
        first=first + 1,
        last=last,
        before=_join(keep, turn.write(page=turn.page - 1)) if turn.page > 1 else "",
        after=_join(keep, turn.write(page=turn.page + 1)) if last < answer["total"] else "",
        is_compared=view.is_compared,
        csv_rows=min(answer["total"], MAX_CSV_ROWS),
    )  # fmt: skip


def write_csv(desk: Desk, view: View, field: str, turn: Turn) -> str:
    """As many rows as one question answers, with numbers as the API has them."""
    [answer] = desk.ask(_write(view, field, turn) | {"limit": MAX_CSV_ROWS})
    output = io.StringIO()
    writer = csv.writer(output)
    writer.writerow([field, *answer["query"]["metrics"]])
    for row in answer["results"]:
        [value] = row["dimensions"]
        numbers = [format_exact(number) for number in row["metrics"]]
        writer.writerow([_disarm("" if value is None else spell(value)), *numbers])
    return output.getvalue()


def list_values(desk: Desk, view: View, field: str, turn: Turn) -> list[str]:
    """The first of them, for whoever types one."""
    body = _write(view, field, turn) | {"metrics": list_metrics(field)[:1], "limit": SUGGESTED}
    [answer] = desk.ask(body)
    values = [row["dimensions"][0] for row in answer["results"]]
    return [spell(value) for value in values if value is not None]


def _disarm(text: str) -> str:
    return f"'{text}" if text.startswith(_FORMULAS) else text


def _write(view: View, field: str, turn: Turn) -> Json:
    body = write_question(view, field) | {"metrics": list(list_metrics(field))}
    if turn.sought:
        sought = {
            "field": field, "op": "contains", "values": [turn.sought], "caseSensitive": False,
        }  # fmt: skip
        body["filter"] = {"and": [part for part in (body["filter"], sought) if part]}
    if turn.sort:
        by = field if turn.sort == BY_NAME else turn.sort
        body["order"] = [[by, "asc" if turn.is_rising else "desc"]]
    return body


def _list_columns(names: Sequence[str], keep: str, turn: Turn, label: str) -> list[Column]:
    chosen = turn.sort or names[0]
    columns = []
    for name in (BY_NAME, *names):
        is_chosen = name == chosen
        # A second click turns the order round; names begin with A, numbers with the largest.
        rises = not turn.is_rising if is_chosen else name == BY_NAME
        address = _join(keep, turn.write(sort=name, is_rising=rises, page=1))
        how = ("ascending" if turn.is_rising else "descending") if is_chosen else ""
        columns.append(
            Column(name, label if name == BY_NAME else METRICS[name].label, address, how)
        )
    return columns


def _join(keep: str, more: str) -> str:
    return f"{keep}{'&' if len(keep) > 1 and more else ''}{more}"


def _show(view: View, field: str, row: Json, names: Sequence[str], whole: Any) -> Line:
    [value] = row["dimensions"]
    key = None if value is None else spell(value)
    cells = [
        (METRICS[name].write(number), format_exact(number))
        for name, number in zip(names, row["metrics"], strict=True)
    ]
    change, before = None, ""
    if compare := row.get("compare"):
        shown = METRICS[names[0]]
        parts = (compare[part][0] for part in ("metrics", "change", "difference"))
        change, before = (
            tell_change(shown, row["metrics"][0], *parts),
            shown.write(compare["metrics"][0]),
        )
    return Line(
        key=key,
        label=name_key(field, key)[0],
        address=view.shows(filters=choose(view.filters, field, key)),
        cells=cells,
        share=format_share((row["metrics"][0] or 0) / whole) if whole else "",
        change=change,
        before=before,
        is_chosen=of_value("is", field, key) in view.filters,
    )
