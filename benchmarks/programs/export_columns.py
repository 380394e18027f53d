"""Export all that is fresh, merge the segments, and print as JSON what both took.

python -m benchmarks.programs.export_columns
"""

import json
import time
from collections.abc import Callable

import django
import duckdb  # noqa: F401 that a worker has loaded by then

django.setup()

from analytics.projects.models import Project
from columns.export import export_project
from columns.merge import merge_project


def measure(step: Callable[[], int]) -> dict[str, float]:
    """CPU and wall seconds of `step` until it has nothing to do, and how much it took."""
    begun, used, total = time.perf_counter(), time.process_time(), 0
    while taken := step():
        total += taken
    return {
        "total": total,
        "cpu_seconds": time.process_time() - used,
        "seconds": time.perf_counter() - begun,
    }


if __name__ == "__main__":
    project = Project.objects.order_by("created_at").first()
    assert project
    project_id = project.id_bytes
    took = {
        "export": measure(lambda: export_project(project_id)),  # events
        "merge": measure(lambda: merge_project(project_id)),  # segments
    }
    print(json.dumps(took))
