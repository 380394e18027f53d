"""Two releases at work at once: what either left behind is understood, or waits untouched.

The files in `golden/` were written by a release of the past. They are never made anew: a change
that cannot read them cannot be released.
"""

import re
import threading
from datetime import UTC, datetime, timedelta
from importlib import import_module
from typing import Any

import bson
import msgspec
import pytest
from django.apps import apps
from django.contrib.contenttypes.models import ContentType
from django.core.management import call_command
from django.db import connection
from django.db.migrations.executor import MigrationExecutor
from django.test import Client

from analytics.databases import indexes, mongo
from analytics.databases.mongo import collection
from analytics.databases.redis_clients import stream_client
from analytics.databases.redis_keys import (
    GROUP,
    accepted_key,
    api_key_key,
    stream_key,
    waiting_key,
)
from analytics.events import entry as entries
from analytics.events.ids import now_ms, parse_place
from analytics.keys import lookup
from analytics.keys.authentication import authenticate
from analytics.projects.key_mirror import make_record, mirror_keys
from analytics.projects.models import ApiKey, Project
from analytics.projects.policy import find_policy
from analytics.projects.zones import ALWAYS_UTC, read_zones
from analytics.rollups import codec, read_summaries
from analytics.web.problems import Unavailable
from ingestion.drain.loop import drain
from ingestion.drain.reader import Reader
from ingestion.stream.consumers import Consumer
from ingestion.stream.entries import MAX_SHARED_DELIVERIES
from reporting.questions.bots import BOTS
from tests.conftest import Api, TestProject, make_project
from tests.operate.golden_events import list_events, list_events_with_bots
from tests.paths import GOLDEN
from tests.stored import store_events
from upkeep.ledger.lines import read_ledger
from upkeep.rollups.compaction import MAX_RUNS, compact_summaries
from upkeep.rollups.copies import build_days
from upkeep.verify.verify import verify_day

GOLDEN_PROJECT = "0f1e2d3c4b5a6978"
DAY = datetime(2025, 11, 14, tzinfo=UTC)
DAY_NUMBER = (DAY - datetime(1970, 1, 1, tzinfo=UTC)).days
# The events of `golden/summary-1.hex`.
SUMMARISED = (
    {"timestamp": DAY + timedelta(hours=9, minutes=1), "path": "/home", "userId": "u1"},
    {"timestamp": DAY + timedelta(hours=9, minutes=2), "path": "/home", "event": "signup"},
)


def read_golden(name: str) -> bytes:
    return bytes.fromhex((GOLDEN / name).read_text())


def append(project: TestProject, version: bytes, data: bytes, events: int) -> None:
    """As the accept path of some release does."""
    client = stream_client()
    client.xadd(stream_key(0), {"v": version, "d": data})
    line = f"{project.row.pk}:{now_ms() // 86_400_000}"
    for key in (accepted_key(0), waiting_key(0)):
        client.hincrby(key, line, events)
    client.hincrby(waiting_key(0), "total", events)


def count_pending() -> int:
    pending: Any = stream_client().xpending(stream_key(0), GROUP)
    return int(pending["pending"])


@pytest.fixture
def golden_project(store: None) -> TestProject:
    """The project whose entry and summary the golden files are."""
    return make_project(id=GOLDEN_PROJECT)


def test_an_entry_of_the_first_format_is_stored(golden_project: TestProject) -> None:
    project = golden_project
    append(project, b"1", read_golden("entry-1.hex"), 1)

    assert drain(0).stored == 1

    event = collection(mongo.EVENTS).find_one({"project": project.id})
    assert event is not None
    assert (event["path"], event["userId"]) == ("/product/42", "user_123")
    [line] = read_ledger(project.id)
    assert (line.stored, line.difference) == (1, 0)


def test_an_entry_of_the_second_format_is_stored_part_by_part(golden_project: TestProject) -> None:
    project = golden_project
    append(project, b"2", read_golden("entry-2.hex"), 3)

    assert drain(0).stored == 3

    events = list(collection(mongo.EVENTS).find({"project": project.id}).sort("place", 1))
    assert [(event["path"], event["userAgent"]) for event in events] == [
        ("/product/42", "Mozilla/5.0"), ("/a", "curl/8.5.0"), ("/b", "curl/8.5.0"),
    ]  # fmt: skip
    assert [parse_place(event["place"])[1] for event in events] == [0, 1, 2]
    [line] = read_ledger(project.id)
    assert (line.stored, line.difference) == (3, 0)


def test_an_entry_of_an_import_is_stored_as_it_says(golden_project: TestProject) -> None:
    append(golden_project, b"4", read_golden("entry-4.hex"), 2)

    assert drain(0).stored == 2

    found = collection(mongo.EVENTS).find({"project": golden_project.id}).sort("place", 1)
    first, second = found
    assert bytes(first["_id"])[8:].hex() == "019d929865f67c2b8baf1d2a63b4a56e"
    assert first["timestamp"] == DAY + timedelta(hours=9, minutes=1, milliseconds=123)
    names = ("path", "userId", "visitor", "country", "browser", "channel", "properties")
    assert [first[name] for name in names] == [
        "/product/42", "user_123", -4611686018427387905, "NZ", "Firefox", "Organic Search",
        {"price": 5.0},
    ]  # fmt: skip
    assert bytes(second["_id"])[8:].hex() == "0300112233445566778899aabbccddeeff"
    assert (second["event"], second["path"]) == ("buy", "/a")
    [line] = read_ledger(golden_project.id)
    assert (line.stored, line.difference) == (2, 0)


def test_a_timestamp_that_only_an_earlier_release_accepted_is_stored(
    golden_project: TestProject,
) -> None:
    raw = b'{"path":"/old","timestamp":"20251114T090000Z"}'
    part = entries.Part(golden_project.id, None, None, [entries.AcceptedEvent("e1", raw)])
    append(golden_project, b"2", entries.encode_entry([part]), 1)

    assert drain(0).stored == 1

    event = collection(mongo.EVENTS).find_one({"project": golden_project.id})
    assert event is not None
    assert event["timestamp"] == DAY + timedelta(hours=9)


def test_an_entry_of_an_unknown_format_waits_for_a_worker_that_knows_it(
    golden_project: TestProject, monkeypatch: pytest.MonkeyPatch
) -> None:
    project = golden_project
    append(project, b"9", read_golden("entry-2.hex"), 3)
    assert Api(project.ingest_key).post("/event", {"path": "/after"}).status_code == 202

    for _ in range(3):
        drain(0)

    assert collection(mongo.EVENTS).count_documents({}) == 1  # the one after it
    assert count_pending() == 1
    [line] = read_ledger(project.id)
    assert (line.accepted, line.stored, line.waiting, line.difference) == (4, 1, 3, 0)

    monkeypatch.setattr(entries, "FORMAT_VERSION", b"9")  # the newer release
    assert drain(0).stored == 3
    assert count_pending() == 0


def test_an_older_worker_beside_newer_ones_leaves_no_tail_of_suspects(
    golden_project: TestProject, monkeypatch: pytest.MonkeyPatch
) -> None:
    """That it looks at what it cannot read is no delivery, and keeps nobody from taking over."""
    project, older = golden_project, Consumer("another-host", 1, "1")
    for _ in range(3):
        append(project, b"9", read_golden("entry-2.hex"), 3)

    for _ in range(MAX_SHARED_DELIVERIES + 2):
        reader = Reader(0, older)
        reader.ensure_group()
        assert reader.next_batch() == []

    pending: Any = stream_client().xpending_range(stream_key(0), GROUP, "-", "+", 10)
    assert [item["times_delivered"] for item in pending] == [1, 1, 1]
    assert {item["consumer"] for item in pending} == {b"format:39"}
    monkeypatch.setattr(entries, "FORMAT_VERSION", b"9")  # a newer worker, while the older lives
    assert len(Reader(0, Consumer("yet-another", 1, "1")).next_batch()) == 3


def test_a_fuse_lets_entries_of_a_later_format_wait_for_who_can_read_them(
    golden_project: TestProject, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An older worker tries the fuse again, and looks at what a newer one held back."""
    project = golden_project
    append(project, b"9", read_golden("entry-2.hex"), 3)
    Reader(0, Consumer("another-host", 1, "1")).ensure_group()
    client: Any = stream_client()
    client.xreadgroup(GROUP, b"fuse:" + project.row.pk.encode(), {stream_key(0): ">"})
    collection(mongo.FUSES).insert_one(
        {"_id": project.id, "partition": 0, "reason": "invalid", "openedAt": DAY, "tryAt": DAY}
    )

    drain(0)

    [item] = client.xpending_range(stream_key(0), GROUP, "-", "+", 10)
    assert (item["consumer"], item["times_delivered"]) == (b"format:39", 1)
    monkeypatch.setattr(entries, "FORMAT_VERSION", b"9")
    assert drain(0).stored == 3


def insert_golden_summary(project: TestProject, fmt: int) -> None:
    """In place of the one that this release would write."""
    store_events(project, SUMMARISED)
    summary = bson.decode(read_golden("summary-1.hex"), mongo.database().codec_options)
    for table in summary["tables"].values():
        table["f"] = fmt
    [written] = collection(mongo.SUMMARIES).find({"project": project.id})
    [(_, tables)] = read_summaries([written])
    for dimension, table in tables.items():
        if golden := summary["tables"].get(dimension):
            # The golden visitors are of another salt.
            summary["tables"][dimension] = {**golden, "wl": table["wl"], "wm": table["wm"]}
        else:
            summary["tables"][dimension] = {**table, "f": fmt}
    collection(mongo.SUMMARIES).delete_one({"_id": written["_id"]})
    collection(mongo.SUMMARIES).insert_one({"project": project.id, **summary})


def test_a_summary_of_the_first_format_counts_before_and_after_compaction(
    golden_project: TestProject,
) -> None:
    project, read = golden_project, Api(golden_project.read_key)
    insert_golden_summary(project, 1)
    for _ in range(2):
        assert read.get("/stats").json()["totalViews"] == 1
        assert read.get("/stats").json()["uniqueUsers"] == 1
        assert verify_day(project.id, DAY_NUMBER) == []
        compact_summaries()
    assert collection(mongo.SUMMARIES).count_documents({}) == 0


def test_a_summary_of_an_unknown_format_waits_and_the_others_go_on(
    golden_project: TestProject, monkeypatch: pytest.MonkeyPatch, settings: Any
) -> None:
    project, other_project = golden_project, make_project("Other")
    insert_golden_summary(project, codec.FORMAT + 1)
    store_events(other_project, [{"timestamp": DAY, "path": "/other"}])

    assert compact_summaries() == 1

    assert [row["project"] for row in collection(mongo.SUMMARIES).find()] == [project.id]
    assert Api(other_project.read_key).get("/stats").json()["totalViews"] == 1

    monkeypatch.setattr(codec, "FORMAT", codec.FORMAT + 1)  # the newer release
    settings.VERSION = "the next"
    assert compact_summaries() == 1
    assert Api(project.read_key).get("/stats").json()["totalViews"] == 1


@pytest.mark.parametrize(
    ("name", "events"), [("day-1.hex", list_events()), ("day-2.hex", list_events_with_bots())]
)
def test_runs_of_past_releases_count_what_their_events_do_and_go_into_new_ones(
    golden_project: TestProject, name: str, events: list[mongo.Document]
) -> None:
    project, read = golden_project, Api(golden_project.read_key)
    collection(mongo.EVENTS).insert_many(
        [
            {"_id": project.id + bytes([n]) * 16, "project": project.id, **event}
            for n, event in enumerate(events)
        ]
    )
    golden = bson.decode(read_golden(name), mongo.database().codec_options)
    collection(mongo.ROLLUP_DAYS).insert_one(golden["head"])
    collection(mongo.ROLLUP_CHUNKS).insert_many(golden["pieces"])

    def compare() -> None:
        assert verify_day(project.id, DAY_NUMBER) == []
        window = {"start": "2025-11-14", "end": "2025-11-15"}
        for bots in BOTS:
            for query in ({"groupBy": "hostname"}, {"groupBy": "utmSource"}):
                asked = {**window, **query, "bots": bots}
                ours, exact = read.get("/stats", **asked), read.get("/stats", **asked, exact="true")
                assert ours.json() | {"meta": 0} == exact.json() | {"meta": 0}
            # Hours there begin at a quarter past: of day parts and of slots.
            asked = {**window, "bots": bots, "interval": "hour", "timezone": "Asia/Kathmandu"}
            ours, exact = (
                read.get("/stats/timeseries", **asked, exact=exact).json()["series"]
                for exact in ("false", "true")
            )
            assert ours == exact

    compare()
    for n in range(MAX_RUNS + 1):
        store_events(project, [{"timestamp": DAY + timedelta(minutes=n), "path": "/new"}])
        compact_summaries()
        compare()
    assert build_days(quiet=timedelta(0)) == 1
    compare()


def forget_rollups(project: TestProject) -> None:
    """As a release left it that had no rollups yet."""
    for name in (mongo.SUMMARIES, mongo.ROLLUP_DAYS, mongo.ROLLUP_MONTHS):
        collection(name).delete_many({"project": project.id})


def run_first_migration() -> None:
    import_module("upkeep.migrations.0001_build_rollups").build_rollups(apps, None)


def test_the_data_migration_counts_old_events_beside_running_workers_and_twice(
    project: TestProject, read: Api
) -> None:
    for hour in range(4):
        store_events(
            project,
            [{"timestamp": DAY + timedelta(hours=hour, seconds=n), "path": f"/{n % 5}"}
             for n in range(100)],
        )  # fmt: skip
    forget_rollups(project)

    def work() -> None:
        for n in range(20):
            store_events(project, [{"timestamp": DAY + timedelta(hours=n), "path": "/new"}])
            compact_summaries()

    worker = threading.Thread(target=work)
    worker.start()
    run_first_migration()
    worker.join()
    run_first_migration()

    assert verify_day(project.id, DAY_NUMBER) == []
    assert read.get("/stats").json()["totalViews"] == 420


def test_the_data_migration_leaves_alone_what_an_earlier_release_counted(
    project: TestProject,
) -> None:
    store_events(project, [{"timestamp": DAY, "path": "/"}])
    forget_rollups(project)
    recorded = collection("django_migrations")
    done = recorded.insert_one({"app": "ingestion", "name": "0001_build_rollups"})
    try:
        run_first_migration()
    finally:
        recorded.delete_one({"_id": done.inserted_id})

    assert collection(mongo.ROLLUP_DAYS).find_one({"project": project.id}) is None


def test_who_might_see_erasures_still_may_after_their_page_moved(project: TestProject) -> None:
    erasures = ContentType.objects.get(app_label="upkeep", model="erasure")
    ContentType.objects.filter(pk=erasures.pk).update(app_label="ingestion")  # as it was

    import_module("upkeep.migrations.0006_take_over").take_over(apps, None)

    assert ContentType.objects.get(app_label="upkeep", model="erasure").pk == erasures.pk


def test_bookmarks_of_pages_that_moved_lead_to_them(project: TestProject, client: Client) -> None:
    for page in ("erasure/", "projectdeletion/add/?project=0", "ledgerline/?day=1"):
        answer = client.get(f"/admin/ingestion/{page}")
        assert (answer.status_code, answer["Location"]) == (302, f"/admin/upkeep/{page}")
    assert client.get("/admin/ingestion/deadletter/")["Location"].startswith("/admin/login/")


RULES_OF_PROJECTS = ("analytics", "0007_rules_of_projects")
NEW_IN_PROJECTS = (
    "allowed_events", "allowed_properties", "excluded_addresses", "excluded_hostnames",
    "excluded_paths", "honours_do_not_track", "hostnames", "leaves_out_bots",
    "public_max_age_hours", "public_quota_events_per_month", "tidies_addresses", "time_zone",
    "zones",
)  # fmt: skip


def forget_rules(project: TestProject) -> None:
    """As a release left it that had neither rules nor public keys."""
    fields = dict.fromkeys(NEW_IN_PROJECTS, 1)
    collection("projects").update_one({"_id": project.row.pk}, {"$unset": fields})
    collection("api_keys").update_many({}, {"$unset": {"is_public": 1, "text": 1}})


def test_a_project_of_before_counts_as_it_did_until_somebody_says_otherwise(
    project: TestProject,
) -> None:
    forget_rules(project)
    loader = MigrationExecutor(connection).loader
    migration = loader.get_migration(*RULES_OF_PROJECTS)
    [before] = [name for name in migration.dependencies if name[0] == "analytics"]
    for _ in range(2):  # it may be run again
        with connection.schema_editor() as editor:
            migration.apply(loader.project_state(before), editor)

    row, new = Project.objects.get(pk=project.row.pk), Project.objects.create(name="New")
    for name in ("leaves_out_bots", "tidies_addresses", "honours_do_not_track"):
        assert (getattr(row, name), getattr(new, name)) == (False, True)
    assert (row.time_zone, read_zones(row.zones)) == ("UTC", ALWAYS_UTC)
    assert (row.public_max_age_hours, row.public_quota) == (24, None)
    assert [row.hostnames, row.allowed_events, row.allowed_properties] == [[], [], []]
    row.full_clean()
    for key in ApiKey.objects.all():
        assert (key.is_public, key.text, key.kind) == (False, "", "secret")
    assert ApiKey.objects.count() == 3
    mirror_keys()
    assert not authenticate(f"Bearer {project.ingest_key}").public


def test_until_migrate_a_project_of_before_has_no_switch_on_and_secret_keys(
    project: TestProject,
) -> None:
    forget_rules(project)

    policy = find_policy(project.id)

    assert policy.zones == ALWAYS_UTC
    assert not (policy.tidies_addresses or policy.honours_do_not_track or policy.hostnames)
    mirror_keys()
    record = authenticate(f"Bearer {project.ingest_key}")
    assert not (record.public or record.allowed_events or record.allowed_properties)


def test_a_project_that_a_web_process_of_before_made_after_migrate_can_be_changed(
    project: TestProject,
) -> None:
    forget_rules(project)
    row = Project.objects.get(pk=project.row.pk)

    row.name = "Renamed"
    row.full_clean()
    row.save()
    row = Project.objects.get(pk=project.row.pk)
    row.time_zone = "Europe/Berlin"
    row.save()

    row = Project.objects.get(pk=project.row.pk)
    assert (row.name, row.time_zone) == ("Renamed", "Europe/Berlin")
    assert [change.zone for change in read_zones(row.zones)] == ["UTC", "Europe/Berlin"]
    assert not (row.leaves_out_bots or row.tidies_addresses or row.honours_do_not_track)
    assert [row.hostnames, row.allowed_events, row.allowed_properties] == [[], [], []]


def test_a_key_that_an_earlier_release_mirrored_is_secret(project: TestProject) -> None:
    key = ApiKey.objects.get(name="ingest")
    record = msgspec.to_builtins(make_record(key, project.row))
    for name in (
        "public", "public_quota_events_per_month", "public_max_age_hours", "allowed_events",
        "allowed_properties",
    ):  # fmt: skip
        del record[name]
    stream_client().set(api_key_key(key.digest), msgspec.json.encode(record))

    assert authenticate(f"Bearer {project.ingest_key}") == make_record(key, project.row)


def test_a_public_key_that_a_worker_of_before_mirrored_is_taken_for_no_secret_one(
    project: TestProject, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lookup, "request_mirror_restore", lambda: None)
    key = ApiKey.issue_public(project.row, "Website")
    key.save()
    record = msgspec.to_builtins(make_record(key, project.row))
    del record["public"]
    stream_client().set(api_key_key(key.digest), msgspec.json.encode(record))

    with pytest.raises(Unavailable):
        authenticate(f"Bearer {key.text}")

    mirror_keys()
    lookup.forget_keys()
    assert authenticate(f"Bearer {key.text}").public


def test_two_migrations_at_once_do_no_harm(store: None) -> None:
    failures: list[BaseException] = []

    def ensure() -> None:
        try:
            indexes.ensure_indexes()
        except BaseException as exc:
            failures.append(exc)

    mongo.database().drop_collection(mongo.ROLLUP_GARBAGE)
    threads = [threading.Thread(target=ensure) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []
    assert mongo.ROLLUP_GARBAGE in mongo.database().list_collection_names()


def test_what_is_kept_for_long_is_made_with_zstd_and_what_is_there_stays_as_it_is(
    store: None,
) -> None:
    def compressor(name: str) -> str:
        found = mongo.database().command("collStats", name)["wiredTiger"]["creationString"]
        return str(re.search(r"block_compressor=(\w+)", found)[1])  # type: ignore[index]

    mongo.database().drop_collection(mongo.ROLLUP_CHUNKS)
    mongo.database().create_collection(mongo.ROLLUP_CHUNKS)
    indexes.ensure_indexes()
    assert compressor(mongo.ROLLUP_CHUNKS) == "snappy"

    mongo.database().drop_collection(mongo.ROLLUP_CHUNKS)
    indexes.ensure_indexes()
    assert [compressor(name) for name in indexes.KEPT_LONG] == ["zstd"] * len(indexes.KEPT_LONG)


def test_nothing_is_left_to_migrate_after_migrate(store: None) -> None:
    call_command("makemigrations", "--check", "--dry-run", verbosity=0)
    call_command("migrate", "--check", verbosity=0)
