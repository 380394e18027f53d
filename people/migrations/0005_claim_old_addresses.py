"""Have addresses that people typed themselves before that was kept asked like those of others.

The audit log knows whose account was made, or has another address, by themselves. Who did either
since then is left out: what they typed was noted at once, and may be shown to be theirs by now.
Run again it has nobody asked but those it had asked before, at most once more.
"""

from typing import Any

from django.db import migrations
from django.db.migrations.recorder import MigrationRecorder

from analytics.databases import mongo

BY_THEMSELVES = ("account.made", "email.changed")


def claim_old_addresses(apps: Any, schema_editor: object) -> None:
    users, claimed = apps.get_model("auth", "User"), apps.get_model("people", "ClaimedAddress")
    noted = MigrationRecorder.Migration.objects.filter(app="people", name="0004_claimed_addresses")
    since = noted.order_by("applied")[0].applied
    names = mongo.collection(mongo.AUDIT).aggregate(
        [
            {"$match": {"act": {"$in": BY_THEMSELVES}}},
            {"$group": {"_id": "$actor", "last": {"$max": "$at"}}},
            {"$match": {"last": {"$lt": since}}},
        ]
    )
    for found in names:
        user = users.objects.filter(username=found["_id"]).exclude(email="").first()
        if user is not None:
            claimed.objects.get_or_create(pk=user.pk, defaults={"address": user.email})


class Migration(migrations.Migration):
    dependencies = [("people", "0004_claimed_addresses")]
    operations = [migrations.RunPython(claim_old_addresses, migrations.RunPython.noop)]
