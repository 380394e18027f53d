"""Rules in MongoDB: each change holds only where the rule is still as it was read."""

from collections.abc import Collection as Names
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

import pymongo
from pymongo.collection import Collection

from analytics.databases import mongo
from analytics.databases.documents import typed
from analytics.databases.transactions import durable_transaction
from notices.documents import HistoryEntry, NoticeDocument, RuleDocument
from notices.outbox.notices import add_notices
from notices.rules.judging import Episode

MOST_ENTRIES = 50
"""Of the history of a rule."""
MOST_AT_ONCE = 50
"""Of the rules of a project that are due, read at once."""
WRITE_SECONDS = 5.0
"""Who died in a transaction leaves its rule locked for half a minute: the others go on."""
LONGEST_WAIT = timedelta(minutes=5)
"""A rule is looked at so often at least: its project's zone, or its clock, may have changed."""


def rules() -> Collection[RuleDocument]:
    return typed(RuleDocument, mongo.NOTICE_RULES)


def list_due_projects(now: datetime, besides: Names[str] = ()) -> list[bytes]:
    """Whose rules are to be looked at: first the one of which a rule has waited longest."""
    due = {"nextAt": {"$lte": now}, "_id": {"$nin": list(besides)}}
    grouped = mongo.collection(mongo.NOTICE_RULES).aggregate(
        [
            {"$match": due},
            {"$group": {"_id": "$project", "nextAt": {"$min": "$nextAt"}}},
            {"$sort": {"nextAt": 1, "_id": 1}},
        ]
    )
    return [bytes(found["_id"]) for found in grouped]


def list_due(project_id: bytes, now: datetime, besides: Names[str] = ()) -> list[RuleDocument]:
    """The rules of a project to look at, those that have waited longest first."""
    due = {"project": project_id, "nextAt": {"$lte": now}, "_id": {"$nin": list(besides)}}
    return list(rules().find(due).sort([("nextAt", 1), ("_id", 1)]).limit(MOST_AT_ONCE))


def find_rule(project_id: bytes, rule_id: str) -> RuleDocument | None:
    return rules().find_one({"_id": rule_id, "project": project_id})


def list_rules(project_id: bytes) -> list[RuleDocument]:
    """In the order in which they were made."""
    return list(rules().find({"project": project_id}).sort([("createdAt", 1), ("_id", 1)]))


def read_episode(rule: RuleDocument) -> Episode:
    return Episode(rule["firing"], rule["firingSince"], rule["told"], rule["toldAt"])


def write_episode(episode: Episode) -> dict[str, Any]:
    return {
        "firing": episode.firing,
        "firingSince": episode.since,
        "told": episode.told,
        "toldAt": episode.told_at,
    }


def write_look(
    rule: RuleDocument,
    change: Mapping[str, Any],
    notices: Sequence[NoticeDocument] = (),
    entry: HistoryEntry | None = None,
) -> bool:
    """What came of a look at a rule, with the notices that it makes: both or neither.

    False: somebody else was faster, or changed the rule, and nothing is written. Raises Conflict
    and PyMongoError.
    """
    update: dict[str, Any] = {"$set": dict(change), "$inc": {"revision": 1}}
    if entry:
        update["$push"] = {"history": {"$each": [entry], "$position": 0, "$slice": MOST_ENTRIES}}
    query = {"_id": rule["_id"], "project": rule["project"], "revision": rule["revision"]}
    with pymongo.timeout(WRITE_SECONDS):
        return _write(query, update, notices)


def _write(query: Any, update: Any, notices: Sequence[NoticeDocument]) -> bool:
    if not notices:
        return bool(rules().update_one(query, update).matched_count)
    with durable_transaction() as session:
        if not rules().update_one(query, update, session=session).matched_count:
            return False
        add_notices(notices, session)
    return True


def limit_wait(moment: datetime, now: datetime) -> datetime:
    return min(moment, now + LONGEST_WAIT)
