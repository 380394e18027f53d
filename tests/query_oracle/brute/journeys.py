"""POST /query/journeys by writing down each visit's."""

from collections import Counter
from collections.abc import Iterable
from datetime import datetime
from zoneinfo import ZoneInfo

from tests.query_oracle.brute.brute_force import Body, Project, choose_events
from tests.query_oracle.brute.conditions import passes
from tests.query_oracle.brute.values import Event
from tests.query_oracle.brute.visits import VISIT, Visit, is_reserved, is_view
from tests.query_oracle.brute.windows import read_window


def answer_journeys(
    documents: Iterable[Event], body: Body, project: Project, now: datetime
) -> Body:
    zone = ZoneInfo(body["timezone"]) if "timezone" in body else project.zone
    stored = choose_events(documents, body, project)
    first = min((event["timestamp"] for event in stored), default=None)
    window = read_window(body, zone, now, first)
    inside = [event for event in stored if event["timestamp"] in window]
    visits = {
        event[VISIT]
        for event in stored
        if VISIT in event
        and event[VISIT].begin in window
        and passes(event, body.get("filter"), inside)
    }
    told = Counter(values for visit in visits if (values := tell(visit, body, inside)))
    ordered = sorted(
        told.items(),
        key=lambda found: (-found[1], [value.encode() for value in found[0]]),
    )
    return {
        "journeys": [
            {"values": list(values), "visits": count}
            for values, count in ordered[: body.get("limit", 100)]
        ],
        "visits": told.total(),
        "window": [window],
    }


def tell(visit: Visit, body: Body, inside: list[Event]) -> tuple[str, ...]:
    """Its first successive values, from where it is to begin; none: it gives no sequence."""
    events = visit.events
    if "from" in body:
        while events and not passes(events[0], body["from"], inside):
            events = events[1:]
    values: list[str] = []
    for event in events:
        if is_reserved(event) or (body.get("field", "path") == "path" and not is_view(event)):
            continue
        value = event["path"] if is_view(event) else event["event"]
        if values[-1:] != [value]:
            values.append(value)
    return tuple(values[: body.get("steps", 4)])
