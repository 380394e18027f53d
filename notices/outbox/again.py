"""A notice that failed for good, tried anew because somebody asks."""

from analytics.databases import mongo
from analytics.databases.documents import typed
from notices.documents import NoticeDocument
from notices.outbox.leases import NOW


def try_again(project_id: bytes, key: str) -> bool:
    """Whether there was such a notice. It keeps its `key`: whoever got it after all can tell."""
    change = {
        "$set": {"state": "waiting", "open": True, "attempts": 0, "nextAt": NOW},
    }
    found = {"project": project_id, "key": key, "state": "failed"}
    gone = {"$unset": ["endedAt", "expiresAt"]}
    changed = typed(NoticeDocument, mongo.NOTICES).update_one(found, [change, gone])
    return bool(changed.modified_count)
