"""Who is there now: of five minutes, and of thirty by minute."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from dashboard.address.view import View
from dashboard.asking import Desk
from dashboard.parts.bar import Chip, show_bar
from dashboard.parts.rows import ROWS, Row, show_rows
from people.saved.filters import Json
from reporting.words.formats import format_count

MINUTES = 30
LISTS = {"path": "Pages", "source": "Sources", "country": "Countries"}


@dataclass(frozen=True, slots=True)
class Minute:
    """`part` is how high its bar is, of 100; `at` is where it begins, in percent."""

    label: str
    visitors: int
    views: int
    part: float
    top: float
    at: float
    is_running: bool


@dataclass(frozen=True, slots=True)
class LiveList:
    title: str
    field: str
    rows: Sequence[Row]


@dataclass(frozen=True, slots=True)
class Live:
    """`since` and `start` are where five and thirty minutes begin, in the project's zone.

    They end `now`; what was stored until `as_of` is in them.
    """

    current: int
    since: datetime
    now: datetime
    as_of: datetime
    visitors: int
    visitors_text: str
    views: int
    views_text: str
    start: datetime
    most: int
    minutes: Sequence[Minute]
    lists: Sequence[LiveList]
    chips: Sequence[Chip]
    cleared: str
    latest: datetime | None
    zone: str


def show_live(desk: Desk, view: View) -> Live:
    """Raises BadRequest and Unavailable, as asking does."""
    desk = desk.of_this_moment()
    current = desk.ask_now(view.condition)
    start = desk.now.replace(second=0, microsecond=0) - timedelta(minutes=MINUTES - 1)
    by_minute, *found = desk.ask(*write_live(view, start))
    visitors, views = by_minute["totals"]
    bar = show_bar(desk, view)
    now = desk.now.astimezone(desk.zone)
    return Live(
        current=current.visitors,
        since=now - timedelta(minutes=5),
        now=now,
        as_of=current.fresh,
        visitors=visitors,
        visitors_text=format_count(visitors),
        views=views,
        views_text=format_count(views),
        start=start.astimezone(desk.zone),
        most=max(row["metrics"][0] or 0 for row in by_minute["results"]),
        minutes=_show_minutes(by_minute),
        lists=[
            LiveList(title, field, show_rows(view, field, answer))
            for (field, title), answer in zip(LISTS.items(), found, strict=True)
        ],
        chips=bar.chips,
        cleared=bar.cleared,
        latest=None if visitors else desk.find_latest(),
        zone=str(desk.zone),
    )


def write_live(view: View, start: datetime) -> list[Json]:
    """Thirty whole minutes from `start` on: the running one is the last."""
    end = start + timedelta(minutes=MINUTES)
    body = {"start": start.isoformat(), "end": end.isoformat(), "filter": view.condition}
    return [
        {**body, "metrics": ["visitors", "views"], "dimensions": ["time:minute"]},
        *(
            {**body, "metrics": ["visitors"], "dimensions": [field], "limit": ROWS}
            for field in LISTS
        ),
    ]


def _show_minutes(answer: Json) -> list[Minute]:
    rows = answer["results"]
    most = max(row["metrics"][0] or 0 for row in rows) or 1
    minutes = []
    for index, row in enumerate(rows):
        visitors, views = (number or 0 for number in row["metrics"])
        part = 100 * visitors / most
        minutes.append(
            Minute(
                label=f"{datetime.fromisoformat(row['dimensions'][0]):%H:%M}",
                visitors=visitors,
                views=views,
                part=part,
                top=100 - part,
                at=100 * index / len(rows),
                is_running=index == len(rows) - 1,
            )
        )
    return minutes
