"""The cause of every alert, for real: how to break what it is about, and how to mend it.

A provocation is a generator that is asked again and again until its alerts fire: it breaks
something, keeps it broken, and mends it when it is closed.
"""

import resource
from collections.abc import Callable, Generator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from io import StringIO
from itertools import repeat
from typing import Any

import httpx
from bson import ObjectId
from django.core.management import call_command

from analytics.databases import mongo
from analytics.databases.mongo import collection
from analytics.databases.redis_clients import broker_client, stream_client
from analytics.databases.redis_keys import sightings_key
from analytics.events.entry import AcceptedEvent
from analytics.events.fresh import describe_fresh
from analytics.events.ids import ms_of_datetime
from analytics.metrics.sightings import note_columns_verified
from config.celery import app
from ingestion.accept.admit import Sender, admit
from ingestion.drain.reader import Reader
from ingestion.stream.consumers import this_consumer
from local.process.child import Child
from local.process.ports import LOOPBACK
from tests.conftest import TestProject, make_project
from tests.poison import POISON, accept_poison, record_of
from tests.processes import find_children
from tests.servers_plugin import Servers
from tests.service import Gunicorn
from upkeep.watch.columns import MAX_TAIL_EVENTS

REDIS_PAUSE_MS = 700
KEY_DELAY_US = 50_000


@dataclass(frozen=True)
class Scene:
    """The service at work."""

    servers: Servers
    web: Gunicorn
    worker: Child
    beat: Child
    project: TestProject
    fired: set[str] = field(default_factory=set)  # all alerts so far

    def post(self, requests: int, events: int = 1) -> None:
        """Send requests of so many events each, whatever the answers."""
        path = "/event" if events == 1 else "/events"
        event = '{"path": "/a"}'
        body = event if events == 1 else f"[{','.join([event] * events)}]"
        headers = {
            "Authorization": f"Bearer {self.project.ingest_key}",
            "Content-Type": "application/json",
        }
        with httpx.Client(base_url=f"http://{LOOPBACK}:{self.web.port}", headers=headers) as client:
            for _ in range(requests):
                client.post(path, content=body)

    def ask_for_stats(self) -> None:
        self.web.request("GET", "/stats", key=self.project.read_key)


Provocation = Callable[[Scene], Generator[None]]
forever = repeat(None)


# --- While everything is at work --------------------------------------------------------------


def bury_an_event(scene: Scene) -> Generator[None]:
    accept_poison(scene.project)
    yield


def bury_most_of_a_project(scene: Scene) -> Generator[None]:
    """Of one that is not that of the others, whose events go on."""
    sender = Sender(record_of(make_project("Misconfigured")), "203.0.113.9", None)
    for entry in range(110):
        admit(sender, [AcceptedEvent(f"bad-{entry}-{n}", POISON) for n in range(10)])
    try:
        yield from forever
    finally:
        collection(mongo.FUSES).delete_many({})
        call_command("drain", "--force", stdout=StringIO())


def slow_redis_down(scene: Scene) -> Generator[None]:
    client: Any = stream_client()
    while True:
        client.client_pause(REDIS_PAUSE_MS)
        scene.post(1)
        yield


def leave_a_summary_that_cannot_be_compacted(scene: Scene) -> Generator[None]:
    """Ten minutes old; compaction raises at each try."""
    now = datetime.now(UTC)
    old = ObjectId.from_datetime(now - timedelta(minutes=10))
    summary = {"_id": old, "project": b"12345678", "bucket": now}
    collection(mongo.SUMMARIES).insert_one(summary)
    try:
        while True:
            app.send_task("ingestion.compact_summaries")
            yield
    finally:
        collection(mongo.SUMMARIES).delete_one({"_id": old})


def fail_at_a_summary_again_and_again(scene: Scene) -> Generator[None]:
    """That of `leave_a_summary_that_cannot_be_compacted`; its rests are over at once."""
    while True:
        past = {"$set": {"retryAt": datetime.now(UTC) - timedelta(seconds=1)}}
        collection(mongo.SETBACKS).update_many({}, past)
        yield


def lose_a_stored_event(scene: Scene) -> Generator[None]:
    """From MongoDB, behind the back of the rollups; the nightly verification finds out."""
    collection(mongo.EVENTS).delete_one({"project": scene.project.id})
    while True:
        app.send_task("ingestion.verify_sample")
        yield


def stop_the_web_and_lose_the_books(scene: Scene) -> Generator[None]:
    """A web process looks at the books once a minute; one that just began, at once."""
    scene.web.stop()
    try:
        while "AnalyticsWebAbsent" not in scene.fired:
            yield
        for name in (mongo.LEDGER, mongo.LEDGER_SUMMARIES):
            collection(name).delete_many({})
    finally:
        scene.web.start()
    yield


# --- Without a worker and beat ----------------------------------------------------------------


def kill_the_worker(scene: Scene) -> Generator[None]:
    scene.worker.kill()
    yield


def kill_beat(scene: Scene) -> Generator[None]:
    scene.beat.kill()
    yield


def send_more_than_is_stored(scene: Scene) -> Generator[None]:
    scene.post(11, events=1_000)
    while True:
        scene.post(1, events=10)
        yield


def leave_entries_in_hand(scene: Scene) -> Generator[None]:
    """As a worker does that hangs, or dies with nobody there to take over."""
    scene.post(1)
    reader = Reader(0, this_consumer())
    reader.ensure_group()
    assert reader.next_batch()
    yield


def store_more_than_is_exported(scene: Scene) -> Generator[None]:
    """Two hours ago."""
    now_ms = ms_of_datetime(datetime.now(UTC) - timedelta(hours=2))
    keys = [scene.project.id + n.to_bytes(16, "big") for n in range(MAX_TAIL_EVENTS + 1)]
    fresh = describe_fresh(scene.project.id, keys, now_ms)
    collection(mongo.COLUMN_FRESH).insert_one(fresh)
    try:
        yield from forever
    finally:
        collection(mongo.COLUMN_FRESH).delete_one({"_id": fresh["_id"]})


def leave_a_rule_that_nobody_looks_at(scene: Scene) -> Generator[None]:
    """It was due an hour ago, with nobody there to look at it."""
    rule = {"project": scene.project.id, "nextAt": datetime.now(UTC) - timedelta(hours=1)}
    found = collection(mongo.NOTICE_RULES).insert_one(rule)
    try:
        yield from forever
    finally:
        collection(mongo.NOTICE_RULES).delete_one({"_id": found.inserted_id})


def leave_a_notice_that_nobody_sends(scene: Scene) -> Generator[None]:
    """The same, of what an alert has to say."""
    long_ago = datetime.now(UTC) - timedelta(hours=1)
    notice = {"project": scene.project.id, "open": True, "madeAt": long_ago, "nextAt": long_ago}
    found = collection(mongo.NOTICES).insert_one(notice)
    try:
        yield from forever
    finally:
        collection(mongo.NOTICES).delete_one({"_id": found.inserted_id})


def damage_a_segment(scene: Scene) -> Generator[None]:
    """With nobody there to make it anew."""
    segment = {"project": scene.project.id, "bytes": 1, "damagedAt": datetime.now(UTC)}
    found = collection(mongo.COLUMN_SEGMENTS).insert_one(segment)
    try:
        yield from forever
    finally:
        collection(mongo.COLUMN_SEGMENTS).delete_one({"_id": found.inserted_id})


def find_columns_to_drift(scene: Scene) -> Generator[None]:
    note_columns_verified(3)
    try:
        yield from forever
    finally:
        note_columns_verified(0)


# --- The servers ------------------------------------------------------------------------------


def fill_redis(scene: Scene) -> Generator[None]:
    client: Any = stream_client()
    limit = client.config_get("maxmemory")["maxmemory"]
    client.config_set("maxmemory", int(client.info("memory")["used_memory"] * 1.1))
    try:
        while True:
            scene.post(20)  # refused with 503
            yield
    finally:
        client.config_set("maxmemory", limit)


def let_the_file_of_redis_grow(scene: Scene) -> Generator[None]:
    """Past four times its memory, which takes a small memory to be quick.

    A rewrite from before may make the file smaller meanwhile.
    """
    client: Any = stream_client()
    limit = client.config_get("maxmemory")["maxmemory"]
    try:
        while True:
            file_bytes = client.info("persistence")["aof_current_size"]
            client.config_set("maxmemory", max(1, file_bytes // 50))
            yield
    finally:
        client.config_set("maxmemory", limit)


def fail_to_rewrite_the_file_of_redis(scene: Scene) -> Generator[None]:
    """The process that rewrites it may write no byte, as on a full disk."""
    client: Any = stream_client()
    client.config_set("rdb-key-save-delay", KEY_DELAY_US)  # time to find it
    client.bgrewriteaof()
    [rewriter] = find_children(scene.servers.stream.pid)
    resource.prlimit(rewriter, resource.RLIMIT_FSIZE, (0, resource.RLIM_INFINITY))
    try:
        yield from forever
    finally:
        client.config_set("rdb-key-save-delay", 0)
        client.bgrewriteaof()


def verify_nothing_for_three_nights(scene: Scene) -> Generator[None]:
    long_ago = datetime.now(UTC) - timedelta(days=3)
    for verified in ("verified_at", "columns_verified_at"):
        broker_client().hset(sightings_key(), verified, str(int(long_ago.timestamp())))
    yield


def stop_the_broker(scene: Scene) -> Generator[None]:
    scene.servers.broker.stop()
    try:
        yield from forever
    finally:
        scene.servers.broker.start()


# What fires of what. The phases follow one another: none of the alerts of a phase may fire before
# it, and all of them must fire in it.
PHASES: tuple[Mapping[str, Provocation], ...] = (
    {
        "AnalyticsDeadLetters": bury_an_event,
        "AnalyticsTaskFailing": leave_a_summary_that_cannot_be_compacted,
        "AnalyticsCompactionBehind": leave_a_summary_that_cannot_be_compacted,
        "AnalyticsMaintenanceFailing": fail_at_a_summary_again_and_again,
        "AnalyticsRollupDrift": lose_a_stored_event,
        "AnalyticsFuseOpen": bury_most_of_a_project,
    },
    {"AnalyticsAcceptSlow": slow_redis_down},
    {
        "AnalyticsWebAbsent": stop_the_web_and_lose_the_books,
        "AnalyticsLedgerDifference": stop_the_web_and_lose_the_books,
    },
    {
        "AnalyticsTargetDown": kill_the_worker,
        "AnalyticsWorkerAbsent": kill_the_worker,
        "AnalyticsBeatAbsent": kill_beat,
        "AnalyticsBacklogGrowing": send_more_than_is_stored,
        "AnalyticsLagHigh": send_more_than_is_stored,
        "AnalyticsStaleEntries": leave_entries_in_hand,
        "AnalyticsColumnsBehind": store_more_than_is_exported,
        "AnalyticsColumnsTailLong": store_more_than_is_exported,
        "AnalyticsColumnsDamaged": damage_a_segment,
        "AnalyticsColumnsDrift": find_columns_to_drift,
        "AnalyticsNoticesStuck": leave_a_rule_that_nobody_looks_at,
        "AnalyticsNoticesUnsent": leave_a_notice_that_nobody_sends,
    },
    {
        "AnalyticsRedisDiskFailing": fail_to_rewrite_the_file_of_redis,
        "AnalyticsRedisMemory": fill_redis,
        "AnalyticsServerErrors": fill_redis,
        "AnalyticsRollupsUnverified": verify_nothing_for_three_nights,
        "AnalyticsColumnsUnverified": verify_nothing_for_three_nights,
    },
    {
        "AnalyticsRedisFileLarge": let_the_file_of_redis_grow,
        "AnalyticsComponentDown": stop_the_broker,
    },
)
