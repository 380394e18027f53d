"""A late event a minute in every month of a year, hour by hour.

    python -m benchmarks.programs.late_events HOURS MONGOD_PID

Stores what an hour brings, exports it, and merges what is due. With HOURS 0 it merges what is due
at the next midnight. Prints as JSON what that took of this process and of mongod.
"""

import json
import random
import sys
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import django

django.setup()

from analytics.projects.models import Project
from benchmarks.accepting.beside_reports import read_cpu_seconds
from benchmarks.programs.many_projects import store_events
from columns.export import export_project
from columns.merge import list_merges, merge_project

MONTHS = 12
EVENTS_AN_HOUR = 60  # in each month
MONTH = timedelta(days=365) / MONTHS
NIGHT = timedelta(days=1)


def store_hour(rng: random.Random, project_id: bytes) -> int:
    """How many."""
    step = MONTH / (EVENTS_AN_HOUR + 1)
    begin = datetime.now(UTC) - MONTH * MONTHS
    return sum(
        store_events(rng, project_id, begin + MONTH * n + step * rng.random(), EVENTS_AN_HOUR, step)
        for n in range(MONTHS)
    )


def merge_due(now: datetime) -> int:
    """How many segments were taken."""
    taken = 0
    while due := list_merges(now):
        found = sum(merge_project(loose.project_id, now) for loose in due)
        if not found:
            break
        taken += found
    return taken


def run(hours: int, mongod: int) -> dict[str, float]:
    rng = random.Random()
    project = Project.objects.order_by("created_at").first()
    assert project
    project_id = project.id_bytes
    took: dict[str, float] = {}

    def measure(name: str, work: Callable[[], int]) -> None:
        used, theirs = time.process_time(), read_cpu_seconds([mongod])
        done = work()
        for key, more in (
            (f"{name}_cpu_seconds", time.process_time() - used),
            (f"{name}_mongod_seconds", read_cpu_seconds([mongod]) - theirs),
            (f"{name}_total", done),
        ):
            took[key] = took.get(key, 0) + more

    for _ in range(hours):
        store_hour(rng, project_id)
        measure("export", lambda: export_project(project_id))
        measure("merge", lambda: merge_due(datetime.now(UTC)))
    if not hours:
        measure("night", lambda: merge_due(datetime.now(UTC) + NIGHT))
    return took


if __name__ == "__main__":
    print(json.dumps(run(*map(int, sys.argv[1:3]))))
