"""The random salt of a UTC day, which makes an anonymous visitor of that day recognisable.

Shared by all workers through MongoDB, deleted 48 hours after it was made: the hashes that were
made with it stay, and nobody can make another.
"""

import os
from datetime import UTC, datetime, timedelta
from typing import Any

from pymongo import ReturnDocument

from analytics.databases.mongo import SALTS, collection
from analytics.remembered import forgets

SALT_BYTES = 16
KEPT = timedelta(hours=48)

_salts: dict[int, tuple[bytes, datetime]] = {}
forgets(_salts.clear)


def salt_of_day(day: int) -> bytes:
    """The salt of a day, in days since 1970; made by whoever asks first."""
    now = datetime.now(UTC)
    known = _salts.get(day)
    if known and known[1] > now:
        return known[0]
    made = {"salt": os.urandom(SALT_BYTES), "expiresAt": now + KEPT}
    document: Any = collection(SALTS).find_one_and_update(
        {"_id": day}, {"$setOnInsert": made}, upsert=True, return_document=ReturnDocument.AFTER
    )
    for old in [other for other, (_, expires_at) in _salts.items() if expires_at <= now]:
        del _salts[old]
    _salts[day] = (document["salt"], document["expiresAt"])
    return _salts[day][0]
