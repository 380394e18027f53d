"""Which events there are, which properties they have, and when each was seen last."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.urls import reverse

from dashboard.address.view import View
from dashboard.asking import Desk
from dashboard.parts.lists import MAX_SEARCH_CHARS
from dashboard.parts.questions.given import Given, Pairs
from people.saved.filters import Filter, Json
from reporting.questions.language.lists import MAX_EVENT_NAME_CHARS
from reporting.questions.language.table import MAX_ROWS
from reporting.words.fields import name_property
from reporting.words.formats import format_count, format_day, format_share

SHOWN = 100
HOURS_UP_TO = timedelta(days=8)
# What the service itself sends is no event of the project.
_OURS: Json = {"not": {"field": "event", "op": "startsWith", "values": ["$"]}}


@dataclass(frozen=True, slots=True)
class Names:
    """As it is asked: names with `sought` in them, and the properties of `event`, or of all."""

    sought: str = ""
    event: str = ""

    def write(self) -> Pairs:
        pairs = (("q", self.sought), ("event", self.event))
        return tuple(pair for pair in pairs if pair[1])


@dataclass(frozen=True, slots=True)
class Name:
    name: str
    events: int
    text: str
    visitors: int
    visitors_text: str
    last_seen: str
    address: str
    is_chosen: bool


@dataclass(frozen=True, slots=True)
class Property:
    name: str
    types: str
    events: int
    text: str
    share: str
    last_seen: str
    address: str


@dataclass(frozen=True, slots=True)
class EventsResult:
    """`unit` is how exactly it is known when a name was seen last."""

    names: Sequence[Name]
    total: int
    unit: str
    properties: Sequence[Property]
    event: str
    of_all: str
    overview: str


def read_names(given: Given) -> Names:
    sought = given.values.get("q", "")[:MAX_SEARCH_CHARS].replace("\x00", "")
    event = given.values.get("event", "")
    if "\x00" in event or len(event) > MAX_EVENT_NAME_CHARS:
        given.refuse("event", event, "is no name of an event")
        event = ""
    return Names(sought, event)


def show_events(desk: Desk, view: View, asked: Names) -> EventsResult:
    """Raises BadRequest and Unavailable, as asking does."""
    unit = _choose_unit(desk, view)
    body = write_names(view, asked)
    of_names, of_units = desk.ask(body | {"limit": SHOWN}, write_last_seen(body, unit))
    last_seen = _find_last(of_units, unit)
    is_whole = of_units["total"] <= MAX_ROWS
    names = []
    for row in of_names["results"]:
        [name], [events, visitors] = row["dimensions"], row["metrics"]
        names.append(
            Name(
                name=name,
                events=events,
                text=format_count(events),
                visitors=visitors,
                visitors_text=format_count(visitors),
                last_seen=last_seen.get(name, "" if is_whole else "earlier"),
                address=view.shows(kept=Names(asked.sought, name).write()),
                is_chosen=name == asked.event,
            )
        )
    chosen = (*view.filters, Filter("is", "event", (asked.event,))) if asked.event else view.filters
    beside = view.shows(kept=(), filters=chosen)
    found = desk.list_properties(view.named, asked.event or None)["properties"]
    return EventsResult(
        names=names,
        total=of_names["total"],
        unit=unit,
        properties=[_show_property(desk, each, beside) for each in found],
        event=asked.event,
        of_all=view.shows(kept=Names(asked.sought).write()),
        overview=reverse("dashboard:page", args=[desk.project.id]) + beside,
    )


def write_names(view: View, asked: Names) -> Json:
    parts = [_OURS, *([view.condition] if view.condition else [])]
    if asked.sought:
        sought = {
            "field": "event", "op": "contains", "values": [asked.sought], "caseSensitive": False,
        }  # fmt: skip
        parts.append(sought)
    return {
        **view.named,
        "metrics": ["events", "visitors"],
        "dimensions": ["event"],
        "filter": {"and": parts} if len(parts) > 1 else parts[0],
    }


def write_last_seen(body: Json, unit: str) -> Json:
    """The units in which a name was seen, the latest first."""
    time = f"time:{unit}"
    return {
        **body,
        "metrics": ["events"],
        "dimensions": ["event", time],
        "order": [[time, "desc"]],
        "limit": MAX_ROWS,
    }


def _choose_unit(desk: Desk, view: View) -> str:
    window = view.read(desk.zone, desk.now).window
    is_short = window.start and window.end and window.end - window.start <= HOURS_UP_TO
    return "hour" if is_short else "day"


def _find_last(answer: Json, unit: str) -> Mapping[str, str]:
    found: dict[str, str] = {}
    for row in answer["results"]:
        name, start = row["dimensions"]
        if name not in found:
            found[name] = _tell(datetime.fromisoformat(start), with_time=unit == "hour")
    return found


def _tell(moment: datetime, *, with_time: bool) -> str:
    return f"{format_day(moment)}, {moment:%H:%M}" if with_time else format_day(moment)


def _show_property(desk: Desk, each: Json, view: str) -> Property:
    seen = datetime.fromisoformat(each["lastSeen"]).astimezone(desk.zone)
    values = reverse("dashboard:list", args=[desk.project.id, name_property(each["name"])])
    return Property(
        name=each["name"],
        types=", ".join(each["types"]),
        events=each["events"],
        text=format_count(each["events"]),
        share=format_share(each["share"]),
        last_seen=_tell(seen, with_time=True),
        address=values + view,
    )
