"""A hundred projects of a thousand events a day: what their columns take in the background."""

import json
import subprocess
from typing import Any

from benchmarks.columns.stored import list_segments, start
from benchmarks.stack import open_stack

Result = dict[str, Any]

PROGRAM = "benchmarks.programs.many_projects"
PROJECTS = 100
_SECONDS = 3_600


def run(*, quick: bool) -> Result:
    """Of a day, or of as many hours as a merge needs, of a part of the projects.

    `core_percent` is what exporting and merging take of a core for PROJECTS of them, MongoDB not
    counted, where each is exported once an hour.
    """
    projects, hours = (15, 9) if quick else (PROJECTS, 24)
    with open_stack(reference=False) as stack:
        tending = start(stack, PROGRAM, str(projects), str(hours), stdout=subprocess.PIPE)
        printed, _ = tending.communicate()
        if tending.returncode:
            raise RuntimeError("the program failed")
        took = json.loads(printed.splitlines()[-1])
        segments = list_segments(stack)
    share = took["cpu_seconds"] / (hours * _SECONDS) * PROJECTS / projects
    return {
        "projects": {
            "projects": projects,
            "hours": hours,
            **took,
            "core_percent": 100 * share,
            "files_per_project": len(segments) / projects,
            "bytes_per_event": sum(size for _, size, _ in segments) / took["events"],
        }
    }
