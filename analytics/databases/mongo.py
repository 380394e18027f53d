"""The MongoDB client of a process, the collections and their indexes."""

from datetime import UTC
from functools import cache
from typing import Any

from bson.codec_options import CodecOptions
from django.conf import settings
from pymongo import ASCENDING, IndexModel, MongoClient
from pymongo.collection import Collection
from pymongo.database import Database
from pymongo.errors import CollectionInvalid, OperationFailure
from pymongo.read_concern import ReadConcern
from pymongo.write_concern import WriteConcern

EVENTS = "events"
DUPLICATES = "duplicates"
DEAD_LETTERS = "dead_letters"
SUMMARIES = "summaries"
LEDGER_SUMMARIES = "ledger_summaries"
LEDGER = "ledger"
LEDGER_CHECKPOINTS = "ledger_checkpoints"
LEDGER_GAPS = "ledger_gaps"
ROLLUP_CHUNKS = "rollup_chunks"
ROLLUP_DAYS = "rollup_days"
ROLLUP_MONTHS = "rollup_months"
ROLLUP_GARBAGE = "rollup_garbage"
SALTS = "salts"
FUSES = "fuses"
ERASURES = "erasures"
ERASURE_DAYS = "erasure_days"
PROJECT_DELETIONS = "project_deletions"
SETBACKS = "setbacks"
ADMIN_SESSIONS = "admin_sessions"
COLUMN_FRESH = "column_fresh"
COLUMN_SEGMENTS = "column_segments"
COLUMN_HEADS = "column_heads"
COLUMN_VEILS = "column_veils"
COLUMN_GARBAGE = "column_garbage"
COLUMN_STORE = "column_store"

Document = dict[str, Any]

_NAMESPACE_EXISTS = 48

DURABLE = WriteConcern(w="majority", j=True, wtimeout=10_000)

# _id carries uniqueness and retries; each further index must earn its write cost
# (docs/decisions/0003-indexes.md).
_DIRTY = IndexModel(
    [("changedAt", ASCENDING)], name="dirty", partialFilterExpression={"dirty": True}
)
_INDEXES = {
    EVENTS: [
        IndexModel([("project", ASCENDING), ("timestamp", ASCENDING)], name="project_timestamp"),
        IndexModel(
            [("expiresAt", ASCENDING)],
            name="expiry",
            expireAfterSeconds=0,
            partialFilterExpression={"expiresAt": {"$exists": True}},
        ),
    ],
    DUPLICATES: [IndexModel([("expiresAt", ASCENDING)], name="expiry", expireAfterSeconds=0)],
    DEAD_LETTERS: [
        IndexModel(
            [("project", ASCENDING), ("status", ASCENDING), ("buriedAt", ASCENDING)],
            name="project_status_buried",
        ),
        IndexModel([("status", ASCENDING), ("buriedAt", ASCENDING)], name="status_buried"),
        IndexModel([("eventKey", ASCENDING)], name="event_key"),
        IndexModel([("expiresAt", ASCENDING)], name="expiry", expireAfterSeconds=0),
    ],
    SUMMARIES: [IndexModel([("project", ASCENDING), ("bucket", ASCENDING)], name="project_bucket")],
    FUSES: [],
    LEDGER_SUMMARIES: [],
    LEDGER: [],
    LEDGER_CHECKPOINTS: [],
    LEDGER_GAPS: [],
    ROLLUP_DAYS: [_DIRTY],
    ROLLUP_MONTHS: [_DIRTY],
    ROLLUP_GARBAGE: [],
    ROLLUP_CHUNKS: [],
    ERASURES: [
        IndexModel([("open", ASCENDING)], name="open", partialFilterExpression={"open": True}),
    ],
    ERASURE_DAYS: [],
    PROJECT_DELETIONS: [],
    SETBACKS: [IndexModel([("expiresAt", ASCENDING)], name="expiry", expireAfterSeconds=0)],
    SALTS: [IndexModel([("expiresAt", ASCENDING)], name="expiry", expireAfterSeconds=0)],
    COLUMN_FRESH: [],
    COLUMN_SEGMENTS: [
        IndexModel(
            [("project", ASCENDING), ("generation", ASCENDING), ("from", ASCENDING)],
            name="project_generation_from",
        ),
    ],
    COLUMN_HEADS: [],
    COLUMN_VEILS: [IndexModel([("project", ASCENDING)], name="project")],
    COLUMN_GARBAGE: [IndexModel([("dueAt", ASCENDING)], name="due")],
    COLUMN_STORE: [],
    ADMIN_SESSIONS: [
        IndexModel([("expiresAt", ASCENDING)], name="expiry", expireAfterSeconds=0),
        IndexModel([("user", ASCENDING)], name="user"),
    ],
}


@cache
def client() -> MongoClient[Document]:
    """One client per process, made on first use so that it is never shared across a fork."""
    return MongoClient(
        settings.MONGO_URI,
        tz_aware=True,
        tzinfo=UTC,
        connectTimeoutMS=2_000,
        serverSelectionTimeoutMS=5_000,
        socketTimeoutMS=30_000,
        appname="analytics",
    )


@cache
def database() -> Database[Document]:
    """The service's database, named by the path of MONGO_URI; reads and writes with majority."""
    return client().get_default_database(
        default="analytics",
        codec_options=CodecOptions(tz_aware=True, tzinfo=UTC),
        write_concern=DURABLE,
        read_concern=ReadConcern("majority"),
    )


def collection(name: str) -> Collection[Document]:
    return database()[name]


def ensure_indexes() -> None:
    """Create what is missing: collections (a transaction should not) and their indexes."""
    have = set(database().list_collection_names())
    for name, indexes in _INDEXES.items():
        if name not in have:
            _create_collection(name)
        if indexes:
            collection(name).create_indexes(indexes)


def _create_collection(name: str) -> None:
    try:
        database().create_collection(name)
    except CollectionInvalid:  # another `migrate` was faster
        pass
    except OperationFailure as exc:
        if exc.code != _NAMESPACE_EXISTS:
            raise
