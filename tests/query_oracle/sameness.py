"""Whether an answer of the service is the one that was counted by hand."""

import math
import re
from datetime import datetime, timedelta
from typing import Any

from tests.query_oracle.brute_force import Body
from tests.query_oracle.values import identity, is_number

_MOMENT = re.compile(r"\d{4}-\d\d-\d\dT[\d:.]+Z")

RELATIVE = 1e-9  # of doubles
MOMENT = timedelta(seconds=5)  # of a window that is cut at the moment of the question


def find_differences(got: Body, wanted: Body) -> list[str]:
    """What is not the same, in words."""
    found = []
    for name in ("total", "totals"):
        if not is_same(got[name], wanted[name]):
            found.append(f"{name}: {got[name]}, not {wanted[name]}")
    if len(got["results"]) != len(wanted["results"]):
        found.append(f"{len(got['results'])} rows, not {len(wanted['results'])}")
    for number, (row, other) in enumerate(zip(got["results"], wanted["results"], strict=False)):
        if not is_same(row, other):
            found.append(f"row {number}: {row}, not {other}")
    if "partial" in wanted and not is_same(got["meta"]["partial"], wanted["partial"]):
        found.append(f"partial: {got['meta']['partial']}, not {wanted['partial']}")
    window, *compared = wanted["window"]
    asked = got["query"]
    for said, span in zip([asked, asked.get("compare")], [window, *compared], strict=False):
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
