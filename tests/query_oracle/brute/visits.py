"""Visits, told by walking through what each owner did."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from tests.query_oracle.brute.values import Event

PAUSE = timedelta(minutes=30)

VISIT = "the visit it is of"
"""Where an event that `place_in_visits` gave back has its Visit; no question names such a field."""

FIELDS = [
    "referrer", "source", "channel", "utmSource", "utmMedium", "utmCampaign", "utmContent",
    "utmTerm", "country", "region", "city", "browser", "browserVersion", "os", "osVersion",
    "device",
]  # fmt: skip
"""Those that an event has of its visit's first pageview."""

PROJECT_BYTES = 8  # before the id of an event


@dataclass(eq=False)
class Visit:
    """At least one pageview."""

    begin: datetime
    events: list[Event] = field(default_factory=list)
    """In order; as every question sees them, once they are placed."""

    @property
    def views(self) -> list[Event]:
        return [event for event in self.events if is_view(event)]

    @property
    def seconds(self) -> float:
        last: datetime = self.events[-1]["timestamp"]
        return (last - self.begin) / timedelta(seconds=1)

    @property
    def bounced(self) -> bool:
        return len([event for event in self.events if not is_reserved(event)]) == 1


def is_view(event: Event) -> bool:
    return bool(event["event"] == "pageview")


def is_reserved(event: Event) -> bool:
    return bool(event["event"].startswith("$"))


def order_of(event: Event) -> tuple[datetime, bool, bytes]:
    """By timestamp, pageviews before others, and the bytes of the id without the project."""
    return event["timestamp"], not is_view(event), bytes(event.get("_id", b""))[PROJECT_BYTES:]


def owner_of(event: Event) -> Any:
    """Whose visit an event could be of; None: of nobody's."""
    if "bot" in event or "visitor" not in event:
        return None
    return event.get("anonymous", event["visitor"])


def place_in_visits(documents: Iterable[Event], zone: ZoneInfo) -> list[Event]:
    """The stored events as questions see them, in order: with the fields and the Visit of each."""
    ordered = sorted(documents, key=order_of)
    placed: dict[int, Event] = {}
    for visit in list_visits(ordered, zone):
        seen = [as_seen(event, visit) for event in visit.events]
        placed |= zip(map(id, visit.events), seen, strict=True)
        visit.events = seen
    return [placed.get(id(event), event) for event in ordered]


def list_visits(ordered: Iterable[Event], zone: ZoneInfo) -> list[Visit]:
    by_owner: dict[Any, list[Event]] = {}
    for event in ordered:
        if (owner := owner_of(event)) is not None:
            by_owner.setdefault(owner, []).append(event)
    visits = []
    for events in by_owner.values():
        running: Visit | None = None
        for event in events:
            if running and goes_on(running.events[-1]["timestamp"], event["timestamp"], zone):
                running.events.append(event)
            elif is_reserved(event):
                running = None  # it begins none, and is in none
            else:
                running = Visit(event["timestamp"], [event])
                visits.append(running)
    return [visit for visit in visits if visit.views]


def goes_on(before: datetime, now: datetime, zone: ZoneInfo) -> bool:
    days = {moment.astimezone(zone).date() for moment in (before, now)}
    return now - before < PAUSE and len(days) == 1


def as_seen(event: Event, visit: Visit) -> Event:
    first, last = visit.views[0], visit.views[-1]
    own = {name: value for name, value in event.items() if name not in FIELDS}
    of_visit = {name: first[name] for name in FIELDS if name in first}
    paths = {"entryPath": first["path"], "exitPath": last["path"]}
    return own | of_visit | paths | {VISIT: visit}
