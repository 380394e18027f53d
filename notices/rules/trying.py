"""An alert tried on the past, before it is saved: when it would have fired."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import pairwise

from notices.documents import AlertTerms, Number
from notices.rules.asking import Desk
from notices.rules.judging import Episode, Verdict, follow, judge
from notices.rules.measuring import Measure, write_question
from notices.rules.slots import Slot, find_finished, find_silence, find_week_before
from people.saved.filters import Json
from reporting.questions.units import list_boundaries
from reporting.web.table_wire import round_number

PAST = timedelta(days=30)
_MINUTES_AT_ONCE = timedelta(hours=48)
_WEEK = timedelta(days=7)
# Of the longest unit so many come before the first that is judged.
_BEFORE = {"hour": timedelta(hours=2), "day": 2 * _WEEK / 7, "week": _WEEK, "month": 5 * _WEEK}


@dataclass(frozen=True, slots=True)
class Firing:
    """That it would have been said, at a moment, of what value; silence has none."""

    at: datetime
    value: Number


@dataclass(frozen=True, slots=True)
class Tried:
    """What it would have said since `start`; `firings` are those moments, in order.

    `looks` are the windows that were judged. With `running` firings are told of the end of their
    unit, though it would have been said as soon as it held.
    """

    start: datetime
    looks: int
    firings: Sequence[Firing]


def try_alert(desk: Desk, terms: AlertTerms) -> Tried:
    """On the last 30 days, or as many as have all their events. Raises Broken, and as asking."""
    start = desk.now - PAST
    if desk.asker.raw_horizon:
        start = max(start, desk.asker.raw_horizon)
    judged = _list_silence if terms["silentMinutes"] else _list_units
    pause = timedelta(minutes=terms["pauseMinutes"])
    episode, firings, looks = Episode(), [], 0
    for at, value, verdict in judged(desk, terms, start):
        looks += 1
        episode, word = follow(episode, verdict, at, pause)
        if word in ("fired", "again"):
            firings.append(Firing(at, value))
    return Tried(start, looks, firings)


def _list_units(
    desk: Desk, terms: AlertTerms, start: datetime
) -> Iterator[tuple[datetime, Number, Verdict]]:
    """The finished units that begin after `start`, each beside what it is compared with."""
    unit = terms["unit"]
    last = find_finished(unit, desk.zone, desk.now)[1]
    reach = _WEEK if terms["against"] == "week" else timedelta(0)
    first = start - (max(reach, _BEFORE[unit]) if terms["how"] == "changed" else timedelta(0))
    if desk.asker.raw_horizon:
        first = max(first, desk.asker.raw_horizon)
    boundaries = list_boundaries(first, last.end, unit, desk.zone)[1:]
    if len(boundaries) < 2:
        return
    slots = [Slot("", begin, end, end) for begin, end in pairwise(boundaries)]
    found = _ask_units(desk, terms, boundaries[0], boundaries[-1])
    for index, slot in enumerate(slots):
        if slot.start < start:
            continue
        metrics = found.get(slot.start)
        if metrics is None:
            continue
        before: Sequence[Number] | None = None
        if terms["how"] == "changed":
            other = slots[index - 1].start if index else None
            if terms["against"] == "week":
                other = find_week_before(slot, unit, desk.zone).start
            before = found.get(other) if other else None
            if before is None:
                continue
        measured = _compare(terms, metrics, before)
        yield slot.end, measured.value, judge(terms, measured)


def _ask_units(
    desk: Desk, terms: AlertTerms, start: datetime, end: datetime
) -> dict[datetime, Sequence[Number]]:
    """The metrics by the start of each unit."""
    body = write_question(desk.project, terms) | {
        "start": desk.tell(start),
        "end": desk.tell(end),
        "dimensions": [f"time:{terms['unit']}"],
    }
    [answer] = desk.ask(body)
    return {
        datetime.fromisoformat(row["dimensions"][0]): row["metrics"] for row in answer["results"]
    }


def _compare(
    terms: AlertTerms, metrics: Sequence[Number], before: Sequence[Number] | None
) -> Measure:
    value, base = metrics[0], metrics[-1]
    if before is None:
        return Measure(value, base=base)
    was = before[0]
    difference = None if value is None or was is None else round_number(value - was)
    change = None if difference is None or not was else round_number(difference / was)
    return Measure(value, was, change, difference, base, before[-1])


def _list_silence(
    desk: Desk, terms: AlertTerms, start: datetime
) -> Iterator[tuple[datetime, Number, Verdict]]:
    """Every minute since `start`: silent where none of so many minutes before it had an event."""
    length = timedelta(minutes=terms["silentMinutes"] or 0)
    end = find_silence(length, desk.now)[1].end
    first = max(start - length, desk.asker.raw_horizon or start - length)
    first = first.replace(second=0, microsecond=0)
    heard: datetime | None = None
    for minute, count in _ask_minutes(desk, terms, first, end):
        if count:
            heard = minute
        following = minute + timedelta(minutes=1)
        if following - first >= length:
            silent = heard is None or following - heard > length
            yield following, 0 if silent else count, Verdict(silent)


def _ask_minutes(
    desk: Desk, terms: AlertTerms, start: datetime, end: datetime
) -> Iterator[tuple[datetime, int]]:
    question = write_question(desk.project, terms)
    while start < end:
        until = min(start + _MINUTES_AT_ONCE, end)
        body: Json = question | {
            "start": desk.tell(start),
            "end": desk.tell(until),
            "dimensions": ["time:minute"],
        }
        [answer] = desk.ask(body)
        for row in answer["results"]:
            yield datetime.fromisoformat(row["dimensions"][0]), int(row["metrics"][0] or 0)
        start = until
