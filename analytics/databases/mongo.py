"""The MongoDB client of a process, and the names of the collections."""

from datetime import UTC
from functools import cache
from typing import Any

from bson.codec_options import CodecOptions
from django.conf import settings
from pymongo import MongoClient
from pymongo.collection import Collection
from pymongo.database import Database
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
SAMPLES = "samples"
ADMIN_SESSIONS = "admin_sessions"
AUDIT = "audit"
MEMBERS = "members"
INVITATIONS = "invitations"
SECOND_FACTORS = "second_factors"
PASSWORD_RESETS = "password_resets"
CLAIMED_ADDRESSES = "claimed_addresses"
SHARE_LINKS = "share_links"
COLUMN_FRESH = "column_fresh"
COLUMN_SEGMENTS = "column_segments"
COLUMN_HEADS = "column_heads"
COLUMN_VEILS = "column_veils"
COLUMN_GARBAGE = "column_garbage"
COLUMN_STORE = "column_store"
SAVED_SEGMENTS = "saved_segments"
SAVED_FUNNELS = "saved_funnels"
GOALS = "goals"
PINS = "pins"
NOTES = "notes"
SERVICE_KEYS = "service_keys"
ADMIN_REQUESTS = "admin_requests"

# What people keep of a project, by its `project_id`; it ends with the project.
SAVED = (SAVED_SEGMENTS, SAVED_FUNNELS, GOALS, PINS, NOTES)
COLUMN_PINS = "column_pins"
COLUMN_LEASES = "column_leases"
EXPORTS = "exports"
NOTICE_RECIPIENTS = "notice_recipients"
NOTICE_RULES = "notice_rules"
NOTICES = "notices"
IMPORTS = "imports"

Document = dict[str, Any]

DURABLE = WriteConcern(w="majority", j=True, wtimeout=10_000)


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
