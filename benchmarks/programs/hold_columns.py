"""Have the columns of the first project to itself: nobody exports in the background meanwhile.

python -m benchmarks.programs.hold_columns

Says so in a line, and ends with its standard input.
"""

import sys

import django

django.setup()

from analytics.projects.models import Project
from upkeep.jobs.leases import lease_project

if __name__ == "__main__":
    project = Project.objects.order_by("created_at").first()
    assert project
    with lease_project(project.id_bytes, 60.0) as entered:
        assert entered
        print("held", flush=True)
        sys.stdin.read()
