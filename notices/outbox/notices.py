"""Notices as they are made: frozen, and named so that each is there once."""

import hashlib
import json
from collections.abc import Sequence
from datetime import datetime, timedelta

from pymongo import UpdateOne
from pymongo.client_session import ClientSession

from analytics.databases import mongo
from analytics.databases.documents import typed
from notices.documents import Facts, NoticeDocument, Target

KEPT = timedelta(days=90)
"""How long one is shown that was sent, or failed."""
MOST_OPEN = 2_000
"""Of a project: what would be more is not made, and its rule says so."""

_KEY_CHARS = 32
_TARGET_CHARS = 16


def make_notice(
    project_id: bytes, rule_id: str, what: str, target: Target, facts: Facts, now: datetime
) -> NoticeDocument:
    """`what` names what is said within the rule: `report:2026-11-23`, `fired:2026-11-23T10:02Z`."""
    notice_id = f"{project_id.hex()}:{rule_id}:{what}:{digest_target(target)}"
    return {
        "_id": notice_id,
        "key": hashlib.sha256(notice_id.encode()).hexdigest()[:_KEY_CHARS],
        "project": project_id,
        "rule": rule_id,
        "target": target,
        "facts": facts,
        "state": "waiting",
        "open": True,
        "attempts": 0,
        "madeAt": now,
        "nextAt": now,
    }


def digest_target(target: Target) -> str:
    """Of what is reached; the secret and the shape of a webhook may change."""
    reached = target["address"].lower() if target["kind"] == "mail" else target["url"]
    text = json.dumps([target["kind"], reached])
    return hashlib.sha256(text.encode()).hexdigest()[:_TARGET_CHARS]


def add_notices(notices: Sequence[NoticeDocument], session: ClientSession | None = None) -> None:
    """Keep those that are not there yet."""
    writes = [
        UpdateOne({"_id": notice["_id"]}, {"$setOnInsert": notice}, upsert=True)
        for notice in notices
    ]
    if writes:
        typed(NoticeDocument, mongo.NOTICES).bulk_write(writes, session=session)


def has_room(project_id: bytes, count: int) -> bool:
    """Whether so many more may wait of a project."""
    counted = mongo.collection(mongo.NOTICES).count_documents(
        {"project": project_id, "open": True}, limit=MOST_OPEN
    )
    return counted + count <= MOST_OPEN


def list_notices(project_id: bytes, rule_id: str, limit: int) -> list[NoticeDocument]:
    """Of a rule, the latest first."""
    found = typed(NoticeDocument, mongo.NOTICES).find({"project": project_id, "rule": rule_id})
    return list(found.sort([("madeAt", -1), ("_id", 1)]).limit(limit))


def is_kept(project_id: bytes, rule_id: str) -> bool:
    """Whether there still is the rule that a notice is of."""
    rule = {"_id": rule_id, "project": project_id}
    return mongo.collection(mongo.NOTICE_RULES).find_one(rule, {"_id": 1}) is not None


def remove_waiting(project_id: bytes, rule_id: str) -> None:
    """What a rule that is gone would still have said. What is being sent just now is sent, and not
    tried again."""
    mongo.collection(mongo.NOTICES).delete_many(
        {"project": project_id, "rule": rule_id, "open": True, "state": "waiting"}
    )
