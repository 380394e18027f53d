"""Have the events of projects from before there were columns exported in the background.

Of every project: a worker of the release before may go on storing a while, and leaves nothing
fresh. Safe to run beside drains, and again: who has a head keeps it.
"""

from datetime import UTC, datetime, timedelta

from django.db import migrations

from analytics.databases import indexes, mongo
from analytics.databases.column_documents import ColumnHeadDocument
from analytics.databases.documents import typed
from analytics.projects.models import Project

# Above the timestamp of any event.
EVER = 1 << 62
# By then the workers of the release before are gone (docs/upgrading.md).
GRACE = timedelta(minutes=2)


def begin_with_old_events(apps: object, schema_editor: object) -> None:
    indexes.ensure_indexes()
    heads = typed(ColumnHeadDocument, mongo.COLUMN_HEADS)
    old = {"oldUntil": EVER, "oldFrom": datetime.now(UTC) + GRACE}
    for row in mongo.collection(Project._meta.db_table).find({}, {"_id": 1}):
        heads.update_one(
            {"_id": bytes.fromhex(row["_id"])},
            {"$setOnInsert": {"revision": 0, "generation": 0, **old}},
            upsert=True,
        )


class Migration(migrations.Migration):
    dependencies = [("upkeep", "0006_take_over"), ("analytics", "0001_initial")]
    operations = [migrations.RunPython(begin_with_old_events, migrations.RunPython.noop)]
