"""The random salt of a project's day, which makes an anonymous visitor of that day recognisable.

Of the project and its local day of acceptance (`analytics/projects/zones.py`). Shared by all
workers through MongoDB, made when it is first needed, deleted 48 hours after the day has ended: the
hashes that were made with it stay, and nobody can make another.
"""

import os
from datetime import UTC, datetime, timedelta
from typing import NamedTuple

from pymongo import ReturnDocument

from analytics.bounded_cache import BoundedCache
from analytics.databases.documents import SaltDocument, typed
from analytics.databases.mongo import SALTS
from analytics.events.ids import MS_PER_DAY, datetime_of_ms
from analytics.projects.zones import LocalDay
from analytics.remembered import forgets

SALT_BYTES = 16
KEPT = timedelta(hours=48)
# Of a day that is long over, whose events waited until now.
KEPT_LATE = timedelta(hours=1)
_MAX_SALTS = 10_000


class _Known(NamedTuple):
    salt: bytes
    end_ms: int
    expires_at: datetime


_salts: BoundedCache[tuple[bytes, bytes], _Known] = BoundedCache(_MAX_SALTS)
forgets(_salts.clear)


def salt_of_day(project_id: bytes, day: LocalDay) -> bytes:
    """The salt of a project's day; made by whoever asks first. Raises PyMongoError."""
    now = datetime.now(UTC)
    known = _salts.get((project_id, day.key))
    if known and known.end_ms == day.end_ms and known.expires_at > now:
        return known.salt
    document = _find_or_make(project_id, day, now)
    found = _Known(document["salt"], day.end_ms, document["expiresAt"])
    _salts.set((project_id, day.key), found)
    return found.salt


def _find_or_make(project_id: bytes, day: LocalDay, now: datetime) -> SaltDocument:
    salts, salt_id = typed(SaltDocument, SALTS), project_id + day.key
    expires_at = datetime_of_ms(day.end_ms) + KEPT
    made: dict[str, bytes | datetime] = {"salt": _first_salt(day)}
    if expires_at > now:
        # The end of a day moves when its project is given another zone.
        update = {"$setOnInsert": made, "$max": {"expiresAt": expires_at}}
    else:
        # What waits for ever keeps no salt: nor does one that MongoDB has yet to remove.
        salts.delete_one({"_id": salt_id, "expiresAt": {"$lte": now}})
        update = {"$setOnInsert": made | {"expiresAt": now + KEPT_LATE}}
    found = salts.find_one_and_update(
        {"_id": salt_id}, update, upsert=True, return_document=ReturnDocument.AFTER
    )
    assert found is not None
    return found


def _first_salt(day: LocalDay) -> bytes:
    """Random; on the day of an upgrade, where that is a UTC day, the one that all projects shared.

    So nobody is counted twice on that day. The hash is of the project as well.
    """
    if day.begin_ms % MS_PER_DAY == 0 and day.end_ms - day.begin_ms == MS_PER_DAY:
        shared = typed(SaltDocument, SALTS).find_one({"_id": day.begin_ms // MS_PER_DAY})
        if shared:
            return shared["salt"]
    return os.urandom(SALT_BYTES)
