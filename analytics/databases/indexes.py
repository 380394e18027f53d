"""The collections, their indexes, and how they are kept."""

from collections.abc import Sequence

from pymongo import ASCENDING, IndexModel
from pymongo.errors import CollectionInvalid, OperationFailure

from analytics.databases.mongo import (
    ADMIN_REQUESTS,
    ADMIN_SESSIONS,
    AUDIT,
    CLAIMED_ADDRESSES,
    COLUMN_FRESH,
    COLUMN_GARBAGE,
    COLUMN_HEADS,
    COLUMN_PINS,
    COLUMN_SEGMENTS,
    COLUMN_STORE,
    COLUMN_VEILS,
    DEAD_LETTERS,
    DUPLICATES,
    ERASURE_DAYS,
    ERASURES,
    EVENTS,
    EXPORTS,
    FUSES,
    GOALS,
    IMPORTS,
    INVITATIONS,
    LEDGER,
    LEDGER_CHECKPOINTS,
    LEDGER_GAPS,
    LEDGER_SUMMARIES,
    MEMBERS,
    NOTES,
    NOTICE_RECIPIENTS,
    NOTICE_RULES,
    NOTICES,
    PASSWORD_RESETS,
    PINS,
    PROJECT_DELETIONS,
    ROLLUP_CHUNKS,
    ROLLUP_DAYS,
    ROLLUP_GARBAGE,
    ROLLUP_MONTHS,
    SALTS,
    SAMPLES,
    SAVED_FUNNELS,
    SAVED_SEGMENTS,
    SECOND_FACTORS,
    SERVICE_KEYS,
    SETBACKS,
    SHARE_LINKS,
    SUMMARIES,
    Document,
    collection,
    database,
)

KEPT_LONG = (EVENTS, DUPLICATES, DEAD_LETTERS, ROLLUP_CHUNKS)
"""Compressed by zstd where they are made anew: a third less on the disk than by default."""
_ZSTD = {"wiredTiger": {"configString": "block_compressor=zstd"}}

_NAMESPACE_EXISTS = 48

# _id carries uniqueness and retries; each further index must earn its write cost
# (docs/decisions/0003-indexes.md).
_DIRTY = IndexModel(
    [("changedAt", ASCENDING)], name="dirty", partialFilterExpression={"dirty": True}
)
_JOBS_OF_FILES = [
    IndexModel([("open", ASCENDING)], name="open", partialFilterExpression={"open": True}),
    IndexModel([("project", ASCENDING), ("requestedAt", ASCENDING)], name="project_requested"),
    IndexModel([("expiresAt", ASCENDING)], name="expiry", expireAfterSeconds=0),
    IndexModel(
        [("project", ASCENDING), ("slot", ASCENDING)],
        name="project_slot",
        unique=True,
        partialFilterExpression={"open": True, "slot": {"$exists": True}},
    ),
]
_INDEXES: dict[str, Sequence[IndexModel]] = {
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
    SAMPLES: [
        IndexModel(
            [(name, ASCENDING) for name in ("project", "keyId", "receiver", "reason", "_id")],
            name="kind",
        ),
        IndexModel([("expiresAt", ASCENDING)], name="expiry", expireAfterSeconds=0),
    ],
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
    COLUMN_PINS: [IndexModel([("project", ASCENDING)], name="project")],
    EXPORTS: _JOBS_OF_FILES,
    IMPORTS: _JOBS_OF_FILES,
    NOTICE_RECIPIENTS: [
        IndexModel([("project", ASCENDING), ("rule", ASCENDING)], name="project_rule"),
    ],
    NOTICE_RULES: [
        IndexModel([("project", ASCENDING)], name="project"),
        IndexModel([("nextAt", ASCENDING)], name="next"),
    ],
    NOTICES: [
        IndexModel(
            [("open", ASCENDING), ("nextAt", ASCENDING)],
            name="open_next",
            partialFilterExpression={"open": True},
        ),
        IndexModel(
            [("endedAt", ASCENDING)],
            name="failed_ended",
            partialFilterExpression={"state": "failed"},
        ),
        IndexModel(
            [("project", ASCENDING), ("rule", ASCENDING), ("madeAt", ASCENDING)],
            name="project_rule_made",
        ),
        IndexModel([("expiresAt", ASCENDING)], name="expiry", expireAfterSeconds=0),
    ],
    AUDIT: [
        IndexModel([("project", ASCENDING), ("at", ASCENDING)], name="project_at"),
        IndexModel([("at", ASCENDING)], name="at"),
    ],
    MEMBERS: [],
    SECOND_FACTORS: [],
    CLAIMED_ADDRESSES: [],
    PASSWORD_RESETS: [IndexModel([("expires_at", ASCENDING)], name="expiry", expireAfterSeconds=0)],
    SHARE_LINKS: [],
    **dict.fromkeys((SAVED_SEGMENTS, SAVED_FUNNELS, GOALS, PINS), ()),
    NOTES: [IndexModel([("project_id", ASCENDING), ("at", ASCENDING)], name="project_at")],
    SERVICE_KEYS: [],
    ADMIN_REQUESTS: [IndexModel([("expiresAt", ASCENDING)], name="expiry", expireAfterSeconds=0)],
    INVITATIONS: [IndexModel([("expires_at", ASCENDING)], name="expiry", expireAfterSeconds=0)],
    ADMIN_SESSIONS: [
        IndexModel([("expiresAt", ASCENDING)], name="expiry", expireAfterSeconds=0),
        IndexModel([("user", ASCENDING)], name="user"),
    ],
}


def ensure_indexes() -> None:
    """Create what is missing: collections (a transaction should not) and their indexes."""
    have = set(database().list_collection_names())
    for name, indexes in _INDEXES.items():
        if name not in have:
            _create_collection(name)
        if indexes:
            collection(name).create_indexes(list(indexes))


def _create_collection(name: str) -> None:
    """Does nothing where another `migrate` was faster."""
    options: list[Document] = [{"storageEngine": _ZSTD}] if name in KEPT_LONG else []
    for option in [*options, {}]:  # without where the server has another engine
        try:
            database().create_collection(name, **option)
        except CollectionInvalid:
            return
        except OperationFailure as exc:
            if exc.code == _NAMESPACE_EXISTS:
                return
            if not option:
                raise
        else:
            return
