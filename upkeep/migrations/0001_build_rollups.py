"""Give events that were stored before there were rollups theirs. Safe to run beside drains."""

import time

from django.db import migrations

from analytics.databases import indexes, mongo
from analytics.databases.transactions import Conflict
from upkeep.jobs.lane import enter_lane
from upkeep.verify.days import find_days
from upkeep.verify.rebuild import rebuild_day

PAUSE_SECONDS = 0.5
# It was one of `ingestion` before there was `upkeep`.
DONE_BEFORE = {"app": "ingestion", "name": "0001_build_rollups"}
# Workers of before there was a lane compact beside us, and win now and then.
MAX_TRIES = 100


def build_rollups(apps: object, schema_editor: object) -> None:
    indexes.ensure_indexes()
    if mongo.collection("django_migrations").find_one(DONE_BEFORE):
        return
    for project_id in mongo.collection(mongo.EVENTS).distinct("project"):
        for day in find_days(project_id):
            build_day(project_id, day)


def build_day(project_id: bytes, day: int) -> None:
    """Rebuild a day while nobody compacts, if they can be kept from it."""
    for attempt in range(MAX_TRIES):
        with enter_lane() as alone:
            try:
                if alone or attempt > MAX_TRIES // 2:
                    rebuild_day(project_id, day)
                    return
            except Conflict:
                if attempt == MAX_TRIES - 1:
                    raise
        time.sleep(PAUSE_SECONDS)


class Migration(migrations.Migration):
    dependencies = [("analytics", "0001_initial")]
    operations = [migrations.RunPython(build_rollups, migrations.RunPython.noop)]
