"""Whether an answer of the service is the one that was counted by hand."""

import math
import re
from datetime import datetime, timedelta
from typing import Any

from tests.query_oracle.brute.brute_force import Body
from tests.query_oracle.brute.values import identity, is_number
from tests.query_oracle.brute.windows import FOREVER

_MOMENT = re.compile(r"\d{4}-\d\d-\d\dT[\d:.]+Z")

RELATIVE = 1e-9  # of doubles
MOMENT = timedelta(seconds=5)  # of a window that is cut at the moment of the question


LISTS = ("results", "steps", "groups", "cohorts", "journeys")


def find_differences(got: Body, wanted: Body) -> list[str]:
    """What is not the same, in words."""
    found = []
    for name in ("total", "totals", "visits"):
        if name in wanted and not is_same(got[name], wanted[name]):
            found.append(f"{name}: {got[name]}, not {wanted[name]}")
    for name in LISTS:
        ours, theirs = got.get(name, []), wanted.get(name, [])
        if len(ours) != len(theirs):
            found.append(f"{len(ours)} {name}, not {len(theirs)}")
        for number, (row, other) in enumerate(zip(ours, theirs, strict=False)):
            if not is_same(row, other):
                found.append(f"{name}[{number}]: {row}, not {other}")
    if "partial" in wanted and not is_same(got["meta"]["partial"], wanted["partial"]):
        found.append(f"partial: {got['meta']['partial']}, not {wanted['partial']}")
    window, *compared = wanted["window"]
    asked = got["query"]
    for said, span in zip([asked, asked.get("compare")], [window, *compared], strict=False):
        if span.end == FOREVER:  # where it begins depends on what is seen as the first event
            continue
        start, end = (datetime.fromisoformat(said[end]) for end in ("start", "end"))
        if start != span.start or abs(end - span.end) > MOMENT:
            found.append(f"window: {start} to {end}, not {span}")
    return found


def is_same(got: Any, wanted: Any) -> bool:
    """Integers exactly, doubles nearly; keys that were not counted by hand do not matter."""
    if isinstance(wanted, dict):
        return isinstance(got, dict) and all(
            key in got and is_same(got[key], value) for key, value in wanted.items()
        )
    if isinstance(wanted, list):
        return isinstance(got, list) and len(got) == len(wanted) and all(map(is_same, got, wanted))
    if is_number(got) and is_number(wanted):
        if isinstance(got, int) and isinstance(wanted, int):
            return got == wanted
        return math.isclose(got, wanted, rel_tol=RELATIVE, abs_tol=1e-12)
    return identity(write_offset(got)) == identity(write_offset(wanted))


def write_offset(value: Any) -> Any:
    """A moment in UTC may be written with a Z."""
    is_moment = isinstance(value, str) and _MOMENT.fullmatch(value)
    return f"{value[:-1]}+00:00" if is_moment else value


def find_contradictions(body: Body, got: Body) -> list[str]:
    """Where an answer does not add up in itself."""
    found = []
    people = [step["people"] for step in got.get("steps", [])]
    if people != sorted(people, reverse=True):
        found.append(f"more people than in the step before: {people}")
    if "dimension" in body and len(got["groups"]) < body.get("limit", 100):
        sums = [
            sum(group["steps"][n]["people"] for group in got["groups"]) for n in range(len(people))
        ]
        if sums != people:
            found.append(f"groups have {sums}, not {people}")
    for cohort in got.get("cohorts", []):
        returned = [count for count in cohort["returned"] if count is not None]
        if cohort["people"] is not None and max(returned, default=0) > cohort["people"]:
            found.append(f"more came again than were there: {cohort}")
        if returned and "return" not in body and returned[0] != cohort["people"]:
            found.append(f"of a cohort not all did what it is made of: {cohort}")
    if "journeys" in got:
        visits = sum(journey["visits"] for journey in got["journeys"])
        is_whole = len(got["journeys"]) < body.get("limit", 100)
        if visits > got["visits"] or (is_whole and visits < got["visits"]):
            found.append(f"journeys of {visits} visits, not {got['visits']}")
    return found + find_lost_visits(body, got)


def find_lost_visits(body: Body, got: Body) -> list[str]:
    """Visits of units are visits of the window."""
    names = body.get("dimensions", [])
    if "visits" not in body.get("metrics", []) or len(names) != 1 or names[0][:5] != "time:":
        return []
    at = body["metrics"].index("visits")
    visits = [row["metrics"][at] for row in got["results"]]
    if None in visits or sum(visits) == got["totals"][at]:
        return []
    return [f"visits of units are {visits}, of the window {got['totals'][at]}"]
