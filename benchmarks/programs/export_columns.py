"""Export all that is fresh, merge the segments, and print as JSON what both took.

python -m benchmarks.programs.export_columns
"""

import json
import time
from collections.abc import Callable

import django

django.setup()

from analytics.projects.models import Project
from columns.export import export_project


def measure(step: Callable[[], int]) -> dict[str, float]:
    """CPU and wall seconds of `step` until it has nothing to do, and the rows it took."""
    begun, used, rows = time.perf_counter(), time.process_time(), 0
    while taken := step():
        rows += taken
    return {
        "rows": rows,
        "cpu_seconds": time.process_time() - used,
        "seconds": time.perf_counter() - begun,
    }


if __name__ == "__main__":
    project = Project.objects.order_by("created_at").first()
    assert project
    project_id = project.id_bytes
    print(json.dumps({"export": measure(lambda: export_project(project_id))}))
