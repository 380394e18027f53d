"""Small projects, hour by hour: store what each sends, export it, merge what is due.

    python -m benchmarks.programs.many_projects PROJECTS HOURS

Prints as JSON what the exporting and merging took of this process.
"""

import itertools
import json
import random
import sys
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from resource import RUSAGE_SELF, getrusage
from statistics import median

import django

django.setup()

from analytics.events.entry import AcceptedEvent, Entry, Part
from analytics.events.ids import EntryId, make_event_id, now_ms
from analytics.projects.models import Project
from benchmarks.programs.fill import USER_AGENTS
from benchmarks.programs.load_events import NETWORKS, make_varied
from columns.export import export_project
from columns.merge import list_merges, merge_project
from ingestion.store.prepare import prepare
from ingestion.store.transaction import write_batch
from ingestion.stream.entries import ReadEntry

EVENTS_A_DAY = 1_000
_HOUR = timedelta(hours=1)
_numbers = itertools.count(1)


def store_hour(rng: random.Random, project_id: bytes, hour: datetime) -> int:
    """Store what a project sends in an hour; how many events."""
    count = EVENTS_A_DAY // 24
    return store_events(rng, project_id, hour, count, _HOUR / count)


def store_events(
    rng: random.Random, project_id: bytes, begin: datetime, count: int, step: timedelta
) -> int:
    """Store so many events, one after the other; how many."""
    raws = make_varied(rng, iter([begin + step * n for n in range(count)]), step)
    entry_id = EntryId(now_ms(), next(_numbers))
    accepted = [AcceptedEvent(make_event_id(entry_id.ms), raw) for raw in raws]
    agent, address = rng.choice(USER_AGENTS), f"{rng.choice(NETWORKS)}.{rng.randrange(256)}"
    entry = Entry([Part(project_id, address, agent, accepted, from_page=True)])
    raw_id = f"{entry_id.ms}-{entry_id.sequence}".encode()
    write_batch(0, prepare([ReadEntry(raw_id, entry_id, entry, 1)]))
    return count


def tend(projects: list[bytes], now: datetime) -> Iterator[float]:
    """Export all, then merge what is due; the wall seconds of each export."""
    for project_id in projects:
        begun = time.perf_counter()
        export_project(project_id)
        yield time.perf_counter() - begun
    for loose in list_merges(now):
        merge_project(loose.project_id)


def run(projects: int, hours: int) -> dict[str, float]:
    rng = random.Random(1)
    made = [Project.objects.create(name=f"Site {n}").id_bytes for n in range(projects)]
    first = datetime.now(UTC) - _HOUR * hours
    events, cpu_seconds = 0, 0.0
    exports: list[float] = []
    for hour in (first + _HOUR * n for n in range(hours)):
        events += sum(store_hour(rng, project_id, hour) for project_id in made)
        used = time.process_time()
        exports += tend(made, datetime.now(UTC))
        cpu_seconds += time.process_time() - used
    return {
        "events": events,
        "cpu_seconds": cpu_seconds,
        "export_p50_ms": 1_000 * median(exports),
        "peak_mib": getrusage(RUSAGE_SELF).ru_maxrss / 1024,
    }


if __name__ == "__main__":
    print(json.dumps(run(*map(int, sys.argv[1:3]))))
