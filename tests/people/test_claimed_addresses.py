"""Addresses that people typed before that was kept."""

from datetime import UTC, datetime, timedelta
from importlib import import_module

from django.apps import apps

from analytics.audit import record
from analytics.databases import mongo
from analytics.databases.mongo import collection
from people.accounts.addresses import is_claimed, note_claimed, note_shown
from tests.people.conftest import make_user

MIGRATION = import_module("people.migrations.0005_claim_old_addresses")
LONG_AGO = datetime.now(UTC) - timedelta(days=400)


def test_what_people_typed_before_is_asked_and_what_staff_wrote_is_not(store: None) -> None:
    made, moved, given, gone, shown = (
        make_user(name, email=f"{name}@example.com")
        for name in ("made", "moved", "given", "gone", "shown")
    )
    record("made", None, "account.made", "made")
    for name in ("moved", "gone", "nobody", "shown"):
        record(name, None, "email.changed", name)
    collection(mongo.AUDIT).update_many({}, {"$set": {"at": LONG_AGO}})
    gone.email = ""
    gone.save()
    for _ in range(2):
        MIGRATION.claim_old_addresses(apps, None)

    assert [is_claimed(user) for user in (made, moved, given, gone)] == [True, True, False, False]
    # From then on it is kept: what was shown to be theirs is not asked again.
    note_claimed(shown)
    note_shown(shown, shown.email)
    record("shown", None, "email.changed", "shown")
    collection(mongo.AUDIT).delete_many({"actor": "shown", "at": LONG_AGO})
    MIGRATION.claim_old_addresses(apps, None)
    assert not is_claimed(shown)
