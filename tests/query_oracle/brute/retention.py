"""POST /query/retention by loops over people and units."""

from collections.abc import Iterable
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from tests.query_oracle.brute.brute_force import Body, Project, choose_events
from tests.query_oracle.brute.conditions import passes
from tests.query_oracle.brute.funnels import PERSON
from tests.query_oracle.brute.values import Event
from tests.query_oracle.brute.windows import list_units, read_window, unit_end, unit_start


def answer_retention(
    documents: Iterable[Event], body: Body, project: Project, now: datetime
) -> Body:
    zone = ZoneInfo(body["timezone"]) if "timezone" in body else project.zone
    stored = choose_events(documents, body, project)
    first = min((event["timestamp"] for event in stored), default=None)
    window = read_window(body, zone, now, first)
    inside = [event for event in stored if event["timestamp"] in window]
    unit, person = body["interval"], PERSON[body.get("by", "user")]
    units = list_units(window, unit, zone)

    def list_those_who(condition: Any) -> list[tuple[Any, int]]:
        """Persons, and the number of a unit in which they did it, in the order of time."""
        return [
            (event[person], units.index(unit_start(event["timestamp"], unit, zone)))
            for event in inside
            if person in event and passes(event, condition, inside, person)
        ]

    cohorts: dict[Any, int] = {}
    for who, number in list_those_who(body.get("cohort")):
        cohorts.setdefault(who, number)
    returns = set(list_those_who(body.get("return")))
    result = []
    for number, start in enumerate(units):
        people = {who for who, cohort in cohorts.items() if cohort == number}
        after = range(number, number + body["periods"])
        begun = [at for at in after if at < len(units) and units[at] < now]
        result.append(
            {
                "start": start.astimezone(zone).isoformat(),
                "people": len(people) if start < now else None,
                "returned": [
                    len([who for who in people if (who, at) in returns]) if at in begun else None
                    for at in after
                ],
                "partial": [
                    at - number
                    for at in begun
                    if unit_end(units[at], unit, zone) > min(window.end, now)
                ],
            }
        )
    return {"cohorts": result, "window": [window]}
