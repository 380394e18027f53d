"""Metrics over events, as plain as they are defined."""

import math
import re
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from typing import Any

from tests.query_oracle.brute.conditions import Filter, passes, without_event
from tests.query_oracle.brute.values import (
    MISSING,
    Event,
    dimension_of,
    identity,
    is_number,
    value_at,
)
from tests.query_oracle.brute.visits import VISIT, Visit

Number = int | float | None

MAX_SECONDS = 3_600
MAX_SCROLL = 100

VISIT_METRICS = ["visits", "bounceRate", "visitDuration", "viewsPerVisit"]


@dataclass
class Part:
    """Of a window, or of a row of it, whatever the filter says."""

    events: list[Event] = field(default_factory=list)
    of_visits: list[Event] = field(default_factory=list)
    """All events of the visits that begin in it, also those after it."""


def measure(metric: str, row: Part, window: Sequence[Event], body: Any) -> Number:
    """One metric of a row; `window` are all events of the window."""
    where: Filter | None = body.get("filter")
    if metric in VISIT_METRICS:
        holding = [event for event in row.of_visits if passes(event, where, window)]
        return measure_visits(metric, {event[VISIT] for event in holding})
    match = [event for event in row.events if passes(event, where, window)]
    counted = count(metric, match)
    if counted is not None:
        return counted
    if metric in ("conversions", "conversionRate"):
        return convert(metric, match, window, body)
    if metric in ("engagedSeconds", "scrollDepth"):
        engaged = [event for event in row.events if passes(event, without_event(where), window)]
        return engage(metric, engaged)
    found = re.fullmatch(r"(\w+)\((.*)\)", metric, re.DOTALL)
    assert found, metric
    return calculate(found[1], [value_at(event, found[2]) for event in match])


def measure_visits(metric: str, visits: Collection[Visit]) -> Number:
    if metric == "visits":
        return len(visits)
    if not visits:
        return None
    match metric:
        case "bounceRate":
            return len([visit for visit in visits if visit.bounced]) / len(visits)
        case "visitDuration":
            return math.fsum(visit.seconds for visit in visits) / len(visits)
        case "viewsPerVisit":
            return sum(len(visit.views) for visit in visits) / len(visits)
    raise AssertionError(metric)


def count(metric: str, events: Sequence[Event]) -> int | None:
    """None of any other metric."""
    match metric:
        case "views":
            return len([event for event in events if event["event"] == "pageview"])
        case "events":
            return len([event for event in events if not event["event"].startswith("$")])
        case "visitors":
            return len({event["visitor"] for event in events if "visitor" in event})
        case "users":
            return len({event["userId"] for event in events if "userId" in event})
    return None


def convert(
    metric: str, match: Sequence[Event], window: Sequence[Event], body: dict[str, Any]
) -> Number:
    """Of the visitors of a row those who did what the goal says, anywhere in the window."""
    people = {event["visitor"] for event in match if "visitor" in event}
    converted = {
        event["visitor"]
        for event in window
        if "visitor" in event
        and passes(event, body.get("filter"), window)
        and passes(event, body["goal"], window)
    }
    if metric == "conversions":
        return len(people & converted)
    return len(people & converted) / len(people) if people else None


def engage(metric: str, events: Sequence[Event]) -> Number:
    name, most = {
        "engagedSeconds": ("properties.seconds", MAX_SECONDS),
        "scrollDepth": ("properties.scroll", MAX_SCROLL),
    }[metric]
    views: dict[Any, Fraction] = {}
    for event in events:
        view, value = value_at(event, "properties.view"), value_at(event, name)
        if event["event"] != "$engagement" or view is MISSING or view is None:
            continue
        if not is_number(value) or not math.isfinite(value):
            continue
        key = identity(dimension_of(view))
        amount = min(max(Fraction(value), Fraction(0)), Fraction(most))
        views[key] = max(views.get(key, amount), amount)
    return float(sum(views.values()) / len(views)) if views else None


def calculate(name: str, values: Sequence[Any]) -> Number:
    if name in ("count", "unique"):
        there = [value for value in values if value is not MISSING and value is not None]
        if name == "count":
            return len(there)
        return len({identity(dimension_of(value)) for value in there})
    numbers: list[int | float] = [value for value in values if is_number(value)]
    exact = [Fraction(value) for value in numbers]
    are_integers = all(isinstance(value, int) for value in numbers)
    if name == "sum":
        return int(sum(exact)) if are_integers else to_double(sum(exact, Fraction(0)))
    if not numbers:
        return None
    if name == "avg":
        return to_double(sum(exact, Fraction(0)) / len(exact))
    ordered = sorted(numbers)
    if name == "min":
        return ordered[0]
    if name == "max":
        return ordered[-1]
    per_cent = int(name.removeprefix("p"))
    for index, value in enumerate(ordered, 1):
        if Fraction(index, len(ordered)) * 100 >= per_cent:
            return value
    raise AssertionError(name)


def to_double(value: Fraction) -> float | None:
    """None where no double is that large."""
    try:
        return float(value)
    except OverflowError:
        return None


def round_number(value: Number) -> Number:
    """Doubles to 12 significant digits."""
    return float(f"{value:.12g}") if isinstance(value, float) else value
