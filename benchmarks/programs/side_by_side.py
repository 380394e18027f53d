"""Projects with events to export: store them, or export them as one of several workers.

    python -m benchmarks.programs.side_by_side store PROJECTS EVENTS
    python -m benchmarks.programs.side_by_side export

An exporter says that it is ready, and begins with the next line that it reads.
"""

import sys
from datetime import UTC, datetime, timedelta

import django

django.setup()

import random

from analytics.projects.models import Project
from benchmarks.programs.many_projects import store_events
from columns.files.folder import make_folder
from upkeep.columns.rounds import export_columns

_BUDGET_SECONDS = 600.0
_STEP = timedelta(milliseconds=200)


def store(projects: int, events: int) -> None:
    rng = random.Random(7)
    for n in range(projects):
        project, _ = Project.objects.get_or_create(name=f"Beside {n}")
        begin = datetime.now(UTC) - timedelta(days=1)
        for at in range(0, events, 2_000):
            store_events(rng, project.id_bytes, begin + at * _STEP, 2_000, _STEP)


def export() -> None:
    make_folder()
    print("ready", flush=True)
    sys.stdin.readline()
    while export_columns(_BUDGET_SECONDS):
        pass


if __name__ == "__main__":
    if sys.argv[1] == "store":
        store(int(sys.argv[2]), int(sys.argv[3]))
    else:
        export()
