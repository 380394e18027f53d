"""Give events that were stored before there were rollups theirs. Safe to run beside drains."""

from django.db import migrations

from analytics import mongo
from ingestion.recount import find_days, rebuild_day


def build_rollups(apps: object, schema_editor: object) -> None:
    mongo.ensure_indexes()
    for project_id in mongo.collection(mongo.EVENTS).distinct("project"):
        for day in find_days(project_id):
            rebuild_day(project_id, day)


class Migration(migrations.Migration):
    dependencies = [("analytics", "0001_initial")]
    operations = [migrations.RunPython(build_rollups, migrations.RunPython.noop)]
