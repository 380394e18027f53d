"""POST /query/funnel by trying every chain of events of every person."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cache
from statistics import median
from typing import Any
from zoneinfo import ZoneInfo

from tests.query_oracle.brute.brute_force import Body, Project, choose_events, rank
from tests.query_oracle.brute.conditions import passes
from tests.query_oracle.brute.measures import round_number
from tests.query_oracle.brute.values import Event, dimension_of, identity, value_at
from tests.query_oracle.brute.visits import VISIT, is_reserved, order_of
from tests.query_oracle.brute.windows import read_window

PERSON = {"visitor": "visitor", "user": "userId"}
"""What an event has of the person that it is of; a visit is none."""

Times = tuple[datetime, ...]


@dataclass(frozen=True)
class Chain:
    """The one that counts of a person."""

    first: Event
    times: Times


def answer_funnel(documents: Iterable[Event], body: Body, project: Project, now: datetime) -> Body:
    zone = ZoneInfo(body["timezone"]) if "timezone" in body else project.zone
    stored = choose_events(documents, body, project)
    first = min((event["timestamp"] for event in stored), default=None)
    window = read_window(body, zone, now, first)
    inside = [event for event in stored if event["timestamp"] in window]
    by, person = follow_by(body)
    people: dict[Any, list[Event]] = {}
    for event in inside:
        if by in event and passes(event, body.get("filter"), inside, person):
            people.setdefault(event[by], []).append(event)
    found = [find_chain(events, body, inside) for events in people.values()]
    chains = [chain for chain in found if chain]
    result = {"steps": write_steps(chains, body), "window": [window]}
    if "dimension" in body:
        result["groups"] = write_groups(chains, body)
    return result


def follow_by(body: Body) -> tuple[str, str]:
    """What an event has of whom the steps are, and of the person of `did`."""
    by = body.get("by", "visitor")
    return (VISIT, PERSON["visitor"]) if by == "visit" else (PERSON[by], PERSON[by])


def find_chain(events: Sequence[Event], body: Body, inside: Sequence[Event]) -> Chain | None:
    """The longest, of equal ones that of the smallest times, from the first event in order."""
    _, person = follow_by(body)
    events = sorted(events, key=order_of)
    matches = [[passes(event, step, inside, person) for event in events] for step in body["steps"]]
    chains = [
        Chain(event, follow(events, matches, start, body))
        for start, event in enumerate(events)
        if matches[0][start]
    ]
    return min(chains, key=lambda chain: (-len(chain.times), chain.times), default=None)


def follow(
    events: Sequence[Event], matches: Sequence[Sequence[bool]], start: int, body: Body
) -> Times:
    """The times of the best chain that begins with one event."""
    times = [event["timestamp"] for event in events]
    is_strict = body.get("order", "any_between") == "strict"
    by_visit = body.get("by") == "visit"
    limit = None if by_visit else timedelta(seconds=body.get("within", 86_400))

    def disturbs(used: frozenset[int], last: int, following: int) -> bool:
        """Whether another event lies between, in whatever order those of one time are taken."""
        return any(
            not is_reserved(events[other])
            and other not in used
            and (
                times[last] < times[other] < times[following]
                or times[start] < times[last] == times[other] < times[following]
            )
            for other in range(len(events))
        )

    @cache
    def longest(step: int, last: int, used: frozenset[int]) -> Times:
        """Of the steps from `step` on, after the event `last`; `used` are those of its time."""
        best: Times = ()
        if step == len(matches):
            return best
        for following, moment in enumerate(times):
            if following in used or moment < times[last] or not matches[step][following]:
                continue
            if limit is not None and moment - times[start] > limit:
                continue
            if is_strict and disturbs(used, last, following):
                continue
            same = used if moment == times[last] else frozenset()
            rest = (moment, *longest(step + 1, following, same | {following}))
            best = min(best, rest, key=lambda found: (-len(found), found))
        return best

    return (times[start], *longest(1, start, frozenset({start})))


def write_steps(chains: Sequence[Chain], body: Body) -> list[Body]:
    written: list[Body] = []
    counts = [
        len([chain for chain in chains if len(chain.times) > step])
        for step in range(len(body["steps"]))
    ]
    for step, people in enumerate(counts):
        before = counts[step - 1] if step else people
        waits = [
            (chain.times[step] - chain.times[step - 1]) / timedelta(seconds=1)
            for chain in chains
            if 0 < step < len(chain.times)
        ]
        written.append(
            {
                "people": people,
                "rate": divide(people, counts[0]),
                "stepRate": divide(people, before),
                "medianSeconds": round_number(median(waits)) if waits else None,
            }
        )
    return written


def divide(part: int, whole: int) -> Any:
    return round_number(part / whole) if whole else None


def write_groups(chains: Sequence[Chain], body: Body) -> list[Body]:
    """By what the first event of each chain had, the largest first."""
    groups: dict[Any, tuple[Any, list[Chain]]] = {}
    for chain in chains:
        value = dimension_of(value_at(chain.first, body["dimension"]))
        groups.setdefault(identity(value), (value, []))[1].append(chain)
    ordered = sorted(
        groups.values(),
        key=lambda group: (
            -len(group[1]),
            group[0] is None,
            group[0] is not None and rank(group[0]),
        ),
    )
    return [
        {"dimension": value, "steps": write_steps(found, body)}
        for value, found in ordered[: body.get("limit", 100)]
    ]
