"""Have the copies of days made anew that were made before there were parts of days."""

from django.db import migrations

from analytics.databases import mongo


def mark_days(apps: object, schema_editor: object) -> None:
    without = {"whole": {"$ne": None}, "whole.parts": None}
    mongo.collection(mongo.ROLLUP_DAYS).update_many(without, {"$set": {"dirty": True}})


class Migration(migrations.Migration):
    dependencies = [("upkeep", "0002_erasure")]
    operations = [migrations.RunPython(mark_days, migrations.RunPython.noop)]
