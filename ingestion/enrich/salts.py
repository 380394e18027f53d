"""The random salt of a project's day, which makes an anonymous visitor of that day recognisable.

Of the project and its local day of acceptance (`analytics/projects/zones.py`). Shared by all
workers through MongoDB, made when it is first needed, deleted 48 hours after the day has ended: the
hashes that were made with it stay, and nobody can make another.
"""

import os
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime, timedelta
from typing import NamedTuple, TypeAlias

from pymongo import DeleteOne, UpdateOne

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

ProjectDay: TypeAlias = tuple[bytes, LocalDay]


class _Known(NamedTuple):
    salt: bytes
    end_ms: int
    expires_at: datetime


_salts: BoundedCache[tuple[bytes, bytes], _Known] = BoundedCache(_MAX_SALTS)
forgets(_salts.clear)


def salt_of_day(project_id: bytes, day: LocalDay) -> bytes:
    """The salt of a project's day; made by whoever asks first. Raises PyMongoError."""
    return salts_of_days(((project_id, day),))[project_id, day]


def salts_of_days(wanted: Iterable[ProjectDay]) -> dict[ProjectDay, bytes]:
    """As `salt_of_day`, of many: those that are not known are looked for, or made, at once."""
    now = datetime.now(UTC)
    salts: dict[ProjectDay, bytes] = {}
    unknown: dict[bytes, ProjectDay] = {}
    for project_id, day in wanted:
        known = _salts.get((project_id, day.key))
        if known and known.end_ms == day.end_ms and known.expires_at > now:
            salts[project_id, day] = known.salt
        else:
            unknown[project_id + day.key] = project_id, day
    for salt_id, document in (_find_or_make(unknown, now) if unknown else {}).items():
        project_id, day = unknown[salt_id]
        known = _Known(document["salt"], day.end_ms, document["expiresAt"])
        _salts.set((project_id, day.key), known)
        salts[project_id, day] = known.salt
    return salts


def _find_or_make(wanted: Mapping[bytes, ProjectDay], now: datetime) -> dict[bytes, SaltDocument]:
    found = _find(wanted)
    lasting = {salt_id: datetime_of_ms(day.end_ms) + KEPT for salt_id, (_, day) in wanted.items()}
    # The end of a day moves when its project is given another zone.
    missing = [
        salt_id for salt_id, until in lasting.items()
        if salt_id not in found or found[salt_id]["expiresAt"] < max(until, now)
    ]  # fmt: skip
    if not missing:
        return found
    shared = _find_shared(wanted[salt_id][1] for salt_id in missing)
    steps: list[DeleteOne | UpdateOne] = []
    for salt_id in missing:
        until, day = lasting[salt_id], wanted[salt_id][1]
        made = {"salt": shared.get(day) or os.urandom(SALT_BYTES)}
        if until > now:
            update = {"$setOnInsert": made, "$max": {"expiresAt": until}}
        else:
            # What waits for ever keeps no salt: nor does one that MongoDB has yet to remove.
            steps.append(DeleteOne({"_id": salt_id, "expiresAt": {"$lte": now}}))
            update = {"$setOnInsert": made | {"expiresAt": now + KEPT_LATE}}
        steps.append(UpdateOne({"_id": salt_id}, update, upsert=True))
    typed(SaltDocument, SALTS).bulk_write(steps)
    return found | _find(missing)


def _find(salt_ids: Iterable[bytes]) -> dict[bytes, SaltDocument]:
    found = typed(SaltDocument, SALTS).find({"_id": {"$in": list(salt_ids)}})
    return {bytes(document["_id"]): document for document in found}


def _find_shared(days: Iterable[LocalDay]) -> dict[LocalDay, bytes]:
    """The salts that all projects shared on the day of an upgrade, where that is a UTC day.

    So nobody is counted twice on that day. The hash is of the project as well.
    """
    numbers = {
        day.begin_ms // MS_PER_DAY: day
        for day in days
        if day.begin_ms % MS_PER_DAY == 0 and day.end_ms - day.begin_ms == MS_PER_DAY
    }
    found = typed(SaltDocument, SALTS).find({"_id": {"$in": list(numbers)}}) if numbers else ()
    return {numbers[int(document["_id"])]: document["salt"] for document in found}
