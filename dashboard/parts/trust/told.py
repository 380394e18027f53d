"""What became of events that are not counted, and what was verified."""

from collections import Counter
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta, tzinfo

from analytics.databases import mongo
from analytics.databases.mongo import collection
from analytics.databases.redis_clients import stream_client
from analytics.databases.redis_commands import typed_commands
from analytics.databases.redis_keys import stream_key
from analytics.events.ids import EntryId
from analytics.keys.refusals import (
    EXCLUDED,
    IGNORED_FIELD,
    KEPT_DAYS,
    LOST_BY_CLIENT,
    PROPERTY_LEFT_OUT,
    read_refusals,
)
from analytics.metrics.sightings import Sightings
from analytics.projects.models import ApiKey, Project
from ingestion.letters.letter import DEAD

_NOT_REFUSED = {
    EXCLUDED: "left out, as the project's settings say",
    IGNORED_FIELD: "fields ignored that a public key may not send",
    PROPERTY_LEFT_OUT: "properties left out, as the project's settings say",
    LOST_BY_CLIENT: "given up by browsers before they got here, as these say themselves",
}
_WORDS = {
    "origin_not_allowed": "sent by a web page that is not allowed to",
    "rate_limited": "too many at once for the key",
    "over_address_rate": "too many at once from one address",
    "over_quota": "over the project's quota",
    "over_public_quota": "over the quota of public keys",
    "timestamp_too_old": "too old when they came",
    "timestamp_in_future": "dated in the future",
    "event_not_allowed": "of a name that public keys may not send",
    "event_too_large": "too large",
    "unknown_field": "with a field that no event has",
    "missing_field": "without a field that every event has",
    "properties_too_large": "with too many properties",
}


@dataclass(frozen=True, slots=True)
class Counted:
    """`what` in words, `key` by its name where it is of one."""

    what: str
    code: str
    key: str
    count: int


@dataclass(frozen=True, slots=True)
class Verified:
    """The last look of the nightly kind, at days and projects drawn by chance; None: none yet."""

    what: str
    at: datetime | None
    drift: int


def list_dead(project: Project) -> list[Counted]:
    """The dead letters that are still to be looked at, by reason, most first."""
    found = collection(mongo.DEAD_LETTERS).aggregate(
        [
            {"$match": {"project": project.id_bytes, "status": DEAD}},
            {"$group": {"_id": "$reason", "n": {"$sum": 1}}},
            {"$sort": {"n": -1, "_id": 1}},
        ]
    )
    return [Counted(_WORDS.get(row["_id"], ""), row["_id"], "", row["n"]) for row in found]


def list_refusals(project: Project, day: date | None = None) -> tuple[list[Counted], list[Counted]]:
    """What the doors refused in the last KEPT_DAYS, and what they left out or were told of.

    Of one UTC day where it is given. Raises RedisError.
    """
    counts: Counter[tuple[str, str]] = Counter()
    for found in read_refusals(project.partition, project.id):
        if day in (None, found.day):
            counts[found.key_id, found.reason] += found.times
    names = name_keys(project)
    refused: list[Counted] = []
    told: list[Counted] = []
    for (key_id, reason), count in sorted(counts.items(), key=lambda each: (-each[1], each[0])):
        words = _NOT_REFUSED.get(reason)
        into = refused if words is None else told
        into.append(
            Counted(words or _WORDS.get(reason, ""), reason, names.get(key_id, key_id), count)
        )
    return refused, told


def name_keys(project: Project) -> dict[str, str]:
    """The names of its API keys by their ids."""
    return dict(ApiKey.objects.filter(project=project).values_list("pk", "name"))


def list_verified(zone: tzinfo) -> list[Verified]:
    """Of the whole deployment: the last of its verifications."""
    seen = Sightings()
    looks = (
        ("Reports against stored events", seen.verified_at, seen.drift_tables),
        ("Columns against stored events", seen.columns_verified_at, seen.column_drift),
    )
    return [
        Verified(what, datetime.fromtimestamp(at, UTC).astimezone(zone) if at else None, drift)
        for what, at, drift in looks
    ]


def count_erasures(project: Project, now: datetime) -> tuple[int, int]:
    """Of the last KEPT_DAYS those that are done, and those that are not, however old."""
    erasures = collection(mongo.ERASURES)
    theirs = {"project": project.id_bytes}
    since = now - timedelta(days=KEPT_DAYS)
    return (
        erasures.count_documents({**theirs, "finishedAt": {"$gte": since}}),
        erasures.count_documents({**theirs, "finishedAt": None}),
    )


def read_lag_seconds(project: Project) -> float | None:
    """How long what waits longest has waited, of all projects that share a stream; None: nothing.

    Raises RedisError.
    """
    client = typed_commands(stream_client())
    oldest = client.xrange(stream_key(project.partition), count=1)
    seconds, microseconds = client.time()
    if not oldest:
        return None
    return max(0.0, seconds + microseconds / 1e6 - EntryId.parse(oldest[0][0]).ms / 1000)
