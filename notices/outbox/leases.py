"""Who sends a notice: one at a time, by a lease that MongoDB's clock ends.

A notice is *claimed*, then handed over, then *ended*. Whoever dies in between keeps the lease until
it lapses, and then another hands the notice over again, with the same `key`: what had been taken
by the other side the first time it can tell by that. All moments are MongoDB's, whatever the
clocks of the workers show; a test may give one of its own.
"""

import random
import secrets
from collections.abc import Collection as Names
from datetime import UTC, datetime, timedelta
from typing import Any

from pymongo import ReturnDocument

from analytics.databases import mongo
from analytics.databases.documents import typed
from notices.documents import SEND_SECONDS, NoticeDocument, Outcome
from notices.outbox.notices import KEPT

LEASE = timedelta(seconds=4 * SEND_SECONDS)
# After each attempt that did not work out, with jitter; after the last there is no other.
PAUSES = tuple(
    timedelta(minutes=minutes) for minutes in (1, 2, 5, 10, 20, 40, 60, 120, 240, 240, 240, 480)
)
GIVEN_UP = "given up after so many attempts"
MAX_DETAIL_CHARS = 300
LONGEST_ASKED = timedelta(hours=12)
"""The longest pause that the other side can ask for."""

_JITTER = 0.2
NOW = "$$NOW"

Clock = datetime | None
"""None: MongoDB's."""


def read_clock() -> datetime:
    """What MongoDB's clock shows."""
    shown: datetime = mongo.database().command("hello")["localTime"]
    return shown.replace(tzinfo=UTC) if shown.tzinfo is None else shown


def claim(resting: Names[bytes] = (), now: Clock = None) -> NoticeDocument | None:
    """A notice that is due, held from now on; None where there is none.

    What was tried least goes first, so that first attempts need not wait for failing ones. Those
    of the projects in `resting` are left alone. One whose lease lapsed is due.
    """
    moment: Any = now or NOW
    holder = secrets.token_hex(8)
    due: dict[str, Any] = {"$lte": ["$nextAt", moment]}
    query: dict[str, Any] = {"open": True, "$expr": due}
    if resting:
        query["project"] = {"$nin": list(resting)}
    until = _add(moment, LEASE)
    return typed(NoticeDocument, mongo.NOTICES).find_one_and_update(
        query,
        [
            {
                "$set": {
                    "state": "sending",
                    "holder": holder,
                    "attempts": {"$add": ["$attempts", 1]},
                    "leaseUntil": until,
                    "nextAt": until,  # when it is due again, if nothing is heard of it
                }
            }
        ],
        sort=[("attempts", 1), ("nextAt", 1)],
        return_document=ReturnDocument.AFTER,
    )


def end(notice: NoticeDocument, outcome: Outcome, now: Clock = None) -> bool:
    """Write down how an attempt went; whether the lease still was this one's."""
    moment: Any = now or NOW
    result, pause = outcome["result"], find_pause(notice["attempts"], outcome)
    detail = outcome["detail"][:MAX_DETAIL_CHARS]
    if result == "retry" and pause is None:
        result, detail = "failed", f"{detail} ({GIVEN_UP}: {notice['attempts']})"
    change: dict[str, Any] = {"detail": {"$literal": detail}}
    gone = ["holder", "leaseUntil"]
    if result == "retry":
        assert pause is not None
        change |= {"state": "waiting", "nextAt": _add(moment, pause)}
    else:
        change |= {"state": result, "endedAt": moment, "expiresAt": _add(moment, KEPT)}
        gone.append("open")
    written = mongo.collection(mongo.NOTICES).update_one(
        {"_id": notice["_id"], "holder": notice["holder"]},
        [{"$set": change}, {"$unset": gone}],
    )
    return bool(written.matched_count)


def is_spent(notice: NoticeDocument) -> bool:
    """Whether it was claimed more often than it may be tried: who held it died each time."""
    return notice["attempts"] > len(PAUSES) + 1


def find_pause(attempts: int, outcome: Outcome) -> timedelta | None:
    """Until the next attempt, after so many; None: that was the last."""
    if attempts > len(PAUSES):
        return None
    pause = PAUSES[attempts - 1] * random.uniform(1 - _JITTER, 1 + _JITTER)
    asked = timedelta(seconds=outcome.get("retryAfterSeconds", 0.0))
    return max(pause, min(asked, LONGEST_ASKED))


def _add(moment: Any, length: timedelta) -> Any:
    if isinstance(moment, datetime):
        return moment + length
    return {"$add": [moment, int(length.total_seconds() * 1000)]}
