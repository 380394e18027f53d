"""A late event a minute in every month of a year: what that takes in the background of a day."""

import json
import subprocess
import time
from datetime import UTC, datetime, timedelta
from statistics import median
from typing import Any

from benchmarks.columns.questions import MILLION, Questioner
from benchmarks.columns.stored import load_columns, start
from benchmarks.reporting import DATA_DIR, Window
from benchmarks.stack import Stack, open_stack

Result = dict[str, Any]

PROGRAM = "benchmarks.programs.late_events"
_DAY_SECONDS = 86_400
_BODY = {"metrics": ["events", "visits", "bounceRate"], "dimensions": ["source"]}
_HOURS = 24


def run(*, quick: bool, large: bool) -> Result:
    """`core_percent` is what exporting and merging take of a core over a day and its night, mongod
    included. A question is asked of all of it before, at the end of the day, and after the night.
    """
    events = MILLION if quick or not large else 10 * MILLION
    kept = DATA_DIR and DATA_DIR / f"columns-{events}"
    with open_stack(reference=False, kept=kept) as stack:
        load_columns(stack, events)
        before, before_ms = ask(stack)
        day = tend(stack, _HOURS)
        evening, evening_ms = ask(stack)
        day |= tend(stack, 0)
        after, after_ms = ask(stack)
    late = day["export_total"]
    if not after == evening == before + late:
        raise RuntimeError(f"{before} events, {late} more, then {evening} and {after}")
    seconds = sum(took for name, took in day.items() if name.endswith("_seconds"))
    return {
        "late": {
            "events": events,
            "late_events": late,
            "core_percent": 100 * seconds / _DAY_SECONDS,
            **day,
            "before_ms": before_ms,
            "evening_ms": evening_ms,
            "after_ms": after_ms,
        }
    }


def tend(stack: Stack, hours: int) -> dict[str, float]:
    process = start(stack, PROGRAM, str(hours), str(stack.mongo.pid), stdout=subprocess.PIPE)
    printed, _ = process.communicate()
    if process.returncode:
        raise RuntimeError("the program failed")
    return dict(json.loads(printed.splitlines()[-1]))


def ask(stack: Stack) -> tuple[int, float]:
    """The events of fourteen months, and the median of five in ms, each of another window."""
    web, url = stack.start_web()
    asker = Questioner(url, stack.read_key)
    end = datetime.now(UTC) + timedelta(hours=1)
    found, times = set[int](), []
    for n in range(6):
        window: Window = (end - timedelta(days=420, minutes=n), end)
        begun = time.perf_counter()
        found.add(asker.ask(_BODY, window)["totals"][0])
        times.append((time.perf_counter() - begun) * 1_000)
    web.stop(15)
    [events] = found
    return events, median(times[1:])
