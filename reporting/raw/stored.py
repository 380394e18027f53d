"""Stored events themselves, by their ids."""

from collections.abc import Sequence
from datetime import datetime

from analytics.databases.mongo import EVENTS, Document
from reporting.questions.listing import EventPlace
from reporting.snapshot import open_snapshot

SHOWN = (
    "eventId", "timestamp", "ingestedAt", "event", "path", "hostname", "title", "userId",
    "sessionId", "referrer", "referrerUrl", "source", "channel", "utmSource", "utmMedium",
    "utmCampaign", "utmTerm", "utmContent", "clickId", "language", "screen", "country", "region",
    "city", "browser", "browserVersion", "os", "osVersion", "device", "bot", "userAgent", "ip",
    "properties",
)  # fmt: skip
"""The fields of an event that are told at all; `ip` not to everyone."""


def read_stored(project: bytes, places: Sequence[EventPlace]) -> list[Document]:
    """The events of a project at `places`, in that order, but for those that are no more.

    Raises what `open_snapshot` does.
    """
    keys = [project + place.id for place in places]
    condition = {"_id": {"$in": keys}, "project": project}
    with open_snapshot() as snapshot:
        found = snapshot.find(EVENTS, condition, dict.fromkeys(SHOWN, 1))
        events = {event["_id"]: event for event in found}
    return [events[key] for key in keys if key in events]


def find_latest(project: bytes) -> datetime | None:
    """The timestamp of the latest event that is stored of a project; None without any.

    Raises what `open_snapshot` does.
    """
    with open_snapshot() as snapshot:
        stages: list[Document] = [
            {"$match": {"project": project}},
            {"$sort": {"timestamp": -1}},
            {"$limit": 1},
            {"$project": {"timestamp": 1}},
        ]
        found = snapshot.aggregate(EVENTS, stages)
    return found[0]["timestamp"] if found else None
