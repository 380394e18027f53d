"""The window of a question in JSON: `start` and `end`, or `period`, in a zone."""

from collections.abc import Mapping
from datetime import datetime, tzinfo

from reporting.questions.language.json_body import Node
from reporting.questions.language.periods import PERIODS, Asked, find_period
from reporting.questions.params import Mistakes
from reporting.questions.timestamps import parse_zone
from reporting.questions.window import EDGE, BadWindow, Bound, Window, close_window, parse_bound

Fields = Mapping[str, Node]


def read_zone(fields: Fields, default: tzinfo) -> tzinfo:
    node = fields.get("timezone")
    return (node and node.parse("bad_timezone", parse_zone)) or default


def read_window(
    fields: Fields, zone: tzinfo, now: datetime, mistakes: Mistakes, *, default: str | None
) -> Asked | None:
    """What the fields say, or the period `default`; None where they were refused."""
    if "start" in fields or "end" in fields:
        if "period" in fields:
            fields["period"].refuse("bad_window", "stands beside start or end")
            return None
        window = read_ends(fields, zone, mistakes, "")
        return Asked(window) if window else None
    period = fields["period"].text() if "period" in fields else default
    if period is None:
        return None
    if period not in PERIODS:
        fields["period"].refuse("bad_period", f"is none of {', '.join(PERIODS)}")
        return None
    try:
        return Asked(find_period(period, zone, now), period)
    except OverflowError:
        mistakes.refuse("period", "bad_window", EDGE)
        return None


def read_ends(fields: Fields, zone: tzinfo, mistakes: Mistakes, place: str) -> Window | None:
    """From `start` to `end`, both required; `place` is what they stand in, with its dot."""

    def parser(text: str) -> Bound:
        return parse_bound(text, zone)

    for name, other in (("start", "end"), ("end", "start")):
        if name not in fields:
            mistakes.refuse(place + name, "bad_window", f"is missing beside {other}")
    start, end = (
        fields[name].parse("bad_timestamp", parser) if name in fields else None
        for name in ("start", "end")
    )
    if start is None or end is None:
        return None
    try:
        return check_local(close_window(start, end, zone), zone)
    except BadWindow as exc:
        mistakes.refuse(f"{place}end", "bad_window", str(exc))
    except OverflowError:
        mistakes.refuse(f"{place}end", "bad_window", EDGE)
    return None


def check_local(window: Window, zone: tzinfo) -> Window:
    """The window, if the local calendar has both its ends. Raises OverflowError."""
    for moment in filter(None, (window.start, window.end)):
        moment.astimezone(zone)
    return window
