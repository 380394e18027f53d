"""Have addresses that people typed themselves before that was kept asked like those of others.

The audit log knows whose account was made, or has another address, by themselves. What was noted
since then stays: also that an address was shown to be theirs. Safe to run again.
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
    typed = {"act": {"$in": BY_THEMSELVES}, "at": {"$lt": since}}
    names = mongo.collection(mongo.AUDIT).aggregate(
        [{"$match": typed}, {"$group": {"_id": "$actor"}}]
    )
    for found in names:
        user = users.objects.filter(username=found["_id"]).exclude(email="").first()
        if user is not None:
            claimed.objects.get_or_create(pk=user.pk, defaults={"address": user.email})


class Migration(migrations.Migration):
    dependencies = [("people", "0004_claimed_addresses")]
    operations = [migrations.RunPython(claim_old_addresses, migrations.RunPython.noop)]
