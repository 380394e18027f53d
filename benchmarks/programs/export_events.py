"""Export what a project has, with each segment listed so many times, and print what it took.

python -m benchmarks.programs.export_events FORMAT COPIES

FORMAT may end with -filtered or -addresses.
"""

import json
import os
import resource
import shutil
import sys
import time
from datetime import UTC
from pathlib import Path

import django

django.setup()

from bson.binary import Binary
from django.conf import settings

from analytics.databases import mongo
from analytics.databases.mongo import collection
from analytics.projects.models import Project
from columns.files.local import LocalFolder
from exchange.outgoing.asking import parse_options
from exchange.outgoing.job import ask_export, file_of, find_export, give_up
from exchange.outgoing.run import EXPORTS
from upkeep.jobs.engine import run_job


def list_copies(project_id: bytes, copies: int) -> None:
    """Have each segment `copies` times in the list, each with a file of its own."""
    folder, segments = LocalFolder(Path(settings.COLUMNS_URL)), collection(mongo.COLUMN_SEGMENTS)
    found = list(segments.find({"project": project_id, "copy": None}))
    segments.delete_many({"project": project_id, "copy": True})
    for segment in found:
        for _ in range(copies - 1):
            copied = Binary(project_id + os.urandom(16))
            shutil.copyfile(folder.path_of(bytes(segment["_id"])), folder.path_of(copied))
            segments.insert_one({**segment, "_id": copied, "copy": True})


def main(kind: str, copies: int) -> None:
    project = Project.objects.order_by("created_at").first()
    assert project
    list_copies(project.id_bytes, copies)
    format_, _, how = kind.partition("-")
    asked = {"format": format_, "withAddresses": how == "addresses"}
    if how == "filtered":
        asked["filter"] = json.dumps({"not": {"field": "path", "op": "is", "values": ["/none"]}})
    job = ask_export(project.id_bytes, project.partition, parse_options(asked, UTC), "benchmark")
    begun, used = time.perf_counter(), time.process_time()
    run_job(EXPORTS, job["_id"])
    seconds, cpu_seconds = time.perf_counter() - begun, time.process_time() - used
    done = find_export(project.id_bytes, job["_id"])
    assert done
    events, size = done["counts"]["events"], file_of(done).stat().st_size
    give_up(project.id_bytes, job["_id"], "benchmark")
    print(
        json.dumps(
            {
                "events": events,
                "cpu_us_per_event": cpu_seconds * 1e6 / events,
                "events_per_second": events / seconds,
                "bytes_per_event": size / events,
                "peak_mib": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
            }
        )
    )


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]))
