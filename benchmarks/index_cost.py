"""`python -m benchmarks.index_cost`: what each index of the stored events costs the writes.

Inserts the same documents, as the drain makes them, into an empty collection that has none of the
indexes, each of them alone, and all of them; interleaved, several times, in batches as the drain's.
Half of the ids are the client's own (random UUIDs), half are ours (UUIDv7).
"""

import argparse
import os
import random
import tempfile
import time
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from statistics import median
from uuid import UUID

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
os.environ.setdefault("SECRET_KEY", "only-to-read-the-settings")

import django

django.setup()

import bson
import pymongo
from bson.raw_bson import RawBSONDocument
from pymongo import ASCENDING, DESCENDING, IndexModel
from pymongo.collection import Collection
from pymongo.database import Database

from analytics.databases.mongo import DURABLE, Document
from analytics.events.entry import Part
from analytics.events.event import decode_event
from analytics.events.ids import EntryId, event_key, make_event_id, make_place, now_ms
from analytics.projects.policy import Policy
from benchmarks.programs.fill import USER_AGENTS, make_raw
from ingestion.store.document import encode_event
from ingestion.store.origins import Origin
from local.servers.mongo_server import MongoServer

BATCH_EVENTS = 1_000
EVENTS_PER_SECOND = 100  # so that the timestamps of a run span some buckets
RETENTION_DAYS = 90

_TIMESTAMP = IndexModel([("timestamp", ASCENDING)])
_TTL = IndexModel([("timestamp", ASCENDING)], expireAfterSeconds=RETENTION_DAYS * 86_400)
_PATH = IndexModel([("path", ASCENDING), ("timestamp", DESCENDING)])
_USER = IndexModel([("userId", ASCENDING), ("timestamp", DESCENDING)])
_EVENT_ID = IndexModel([("eventId", ASCENDING)], unique=True)
_PROJECT = IndexModel([("project", ASCENDING), ("timestamp", ASCENDING)])
_EXPIRY = IndexModel(
    [("expiresAt", ASCENDING)],
    expireAfterSeconds=0,
    partialFilterExpression={"expiresAt": {"$exists": True}},
)


@dataclass(frozen=True, slots=True)
class Way:
    """Indexes beside `_id`, and which documents go in: plain, with eventId, with expiresAt."""

    name: str
    indexes: tuple[IndexModel, ...] = ()
    documents: str = "plain"


WAYS = (
    Way("_id only"),
    Way("{project, timestamp}", (_PROJECT,)),
    Way("{timestamp}", (_TIMESTAMP,)),
    Way("{timestamp} with TTL", (_TTL,)),
    Way("{path, timestamp}", (_PATH,)),
    Way("{userId, timestamp}", (_USER,)),
    Way("eventId as text, no index", (), "eventId"),
    Way("{eventId} unique", (_EVENT_ID,), "eventId"),
    Way("all of the specification's", (_TTL, _PATH, _USER, _EVENT_ID), "eventId"),
    Way("ours, events kept for ever", (_PROJECT, _EXPIRY)),
    Way("ours, events that expire", (_PROJECT, _EXPIRY), "expiresAt"),
)


@dataclass(slots=True)
class Figures:
    """Of each round: events/s and CPU time of mongod; of the last: bytes per event.

    The bytes are those of all indexes beside `_id`.
    """

    rates: list[float] = field(default_factory=list)
    cpu_us: list[float] = field(default_factory=list)  # per event
    index_bytes: float = 0.0


def make_documents(count: int) -> dict[str, list[bytes]]:
    """`count` stored events as BSON, in the three forms that the ways need."""
    rng = random.Random(1)
    project = rng.randbytes(8)
    first_ms = now_ms() - count * 1_000 // EVENTS_PER_SECOND
    forms: dict[str, list[bytes]] = {"plain": [], "eventId": [], "expiresAt": []}
    for number in range(count):
        ms = first_ms + number * 1_000 // EVENTS_PER_SECOND
        event_id = make_event_id(ms) if number % 2 else str(UUID(bytes=rng.randbytes(16)))
        event = decode_event(make_raw(rng))
        event.event_id, event.user_agent = event_id, rng.choice(USER_AGENTS)
        event.ip = f"203.0.{rng.randrange(256)}.{rng.randrange(256)}"
        origin = Origin(project, ms, Policy("truncate", None), b"salt")
        place = make_place(EntryId(ms, 0), 0)
        key = event_key(project, event_id)
        part = Part(project, None, None, [])
        plain, _ = encode_event(event, key, place, origin, part)
        document = bson.decode(plain)
        expires_at = document["timestamp"] + timedelta(days=RETENTION_DAYS)
        forms["plain"].append(plain)
        forms["eventId"].append(bson.encode({**document, "eventId": event_id}))
        forms["expiresAt"].append(bson.encode({**document, "expiresAt": expires_at}))
    return forms


def insert(events: Collection[Document], documents: list[bytes]) -> float:
    """Events/s."""
    begun = time.monotonic()
    for start in range(0, len(documents), BATCH_EVENTS):
        batch = [RawBSONDocument(raw) for raw in documents[start : start + BATCH_EVENTS]]
        events.insert_many(batch, ordered=False)
    return len(documents) / (time.monotonic() - begun)


def read_cpu_seconds(pid: int) -> float:
    """User and system time of a process so far (proc(5), stat, fields 14 and 15)."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def measure(
    database: Database[Document], pid: int, forms: dict[str, list[bytes]], repeats: int
) -> dict[str, Figures]:
    """A first round, in which the server warms up, does not count."""
    figures = {way.name: Figures() for way in WAYS}
    for number in range(repeats + 1):
        for way in random.sample(WAYS, len(WAYS)):
            database.drop_collection("events")
            events = database.create_collection("events", write_concern=DURABLE)
            if way.indexes:
                events.create_indexes(list(way.indexes))
            cpu_before = read_cpu_seconds(pid)
            rate = insert(events, forms[way.documents])
            cpu_seconds = read_cpu_seconds(pid) - cpu_before
            database.client.admin.command("fsync")  # else the sizes are of the last checkpoint
            sizes = database.command("collStats", "events")["indexSizes"]
            found = figures[way.name]
            found.index_bytes = (sum(sizes.values()) - sizes["_id_"]) / len(forms["plain"])
            if number:
                found.rates.append(rate)
                found.cpu_us.append(cpu_seconds * 1e6 / len(forms["plain"]))
    return figures


def print_table(figures: dict[str, Figures]) -> None:
    """Ratios are the median of each round's own, so that a slow round does not count."""
    plain = figures[WAYS[0].name]
    print(f"{'indexes beside _id':<28}{'events/s':>10}{'of none':>9}", end="")
    print(f"{'mongod us/event':>17}{'of none':>9}{'bytes/event':>13}")
    for name, found in figures.items():
        rate = median(a / b for a, b in zip(found.rates, plain.rates, strict=True))
        cpu = median(a / b for a, b in zip(found.cpu_us, plain.cpu_us, strict=True))
        print(f"{name:<28}{median(found.rates):>10,.0f}{rate:>9.2f}", end="")
        print(f"{median(found.cpu_us):>17.1f}{cpu:>9.2f}{found.index_bytes:>13.0f}")


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.index_cost", description=__doc__)
    parser.add_argument("--events", type=int, default=100_000)
    parser.add_argument("--repeats", type=int, default=3)
    options = parser.parse_args()
    forms = make_documents(options.events)
    with tempfile.TemporaryDirectory(prefix="analytics-indexes-") as folder:
        server = MongoServer(Path(folder))
        server.start()
        try:
            client: pymongo.MongoClient[Document] = pymongo.MongoClient(server.uri)
            database = client.get_default_database()
            print_table(measure(database, server.pid, forms, options.repeats))
            client.close()
        finally:
            server.kill()


if __name__ == "__main__":
    main()
