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


def record_long_ago(name: str, act: str) -> None:
    record(name, None, act, name)
    collection(mongo.AUDIT).update_many({"actor": name}, {"$set": {"at": LONG_AGO}})


def test_what_people_typed_before_is_asked_and_what_staff_wrote_is_not(store: None) -> None:
    made, moved, given, gone = (
        make_user(name, email=f"{name}@example.com") for name in ("made", "moved", "given", "gone")
    )
    record_long_ago("made", "account.made")
    for name in ("moved", "gone", "nobody"):
        record_long_ago(name, "email.changed")
    gone.email = ""
    gone.save()
    for _ in range(2):
        MIGRATION.claim_old_addresses(apps, None)

    assert [is_claimed(user) for user in (made, moved, given, gone)] == [True, True, False, False]


def test_what_people_typed_since_then_is_asked_until_it_is_shown_to_be_theirs(store: None) -> None:
    shown, asked = (make_user(name, email=f"{name}@example.com") for name in ("shown", "asked"))
    record_long_ago("shown", "account.made")
    record_long_ago("shown", "email.changed")
    record_long_ago("asked", "email.changed")
    for user in (shown, asked):
        note_claimed(user)
        record(user.username, None, "email.changed", user.username)
    note_shown(shown, shown.email)
    MIGRATION.claim_old_addresses(apps, None)

    assert [is_claimed(user) for user in (shown, asked)] == [False, True]
