"""What each project holds, in a few words, for whoever has to choose one."""

from collections import Counter
from collections.abc import Sequence
from typing import Any, NamedTuple

from django.template.defaultfilters import pluralize

from analytics.databases import mongo
from analytics.databases.mongo import collection
from analytics.projects.models import ApiKey, Project


class Holding(NamedTuple):
    events: int
    keys: int  # that are not revoked

    def __str__(self) -> str:
        events = f"{self.events:,} stored event{pluralize(self.events)}"
        return f"{events}, {self.keys:,} API key{pluralize(self.keys)}"


def read_holdings(ids: Sequence[str] | None = None) -> dict[str, Holding]:
    """By project id, of these or of all; a project without events and keys is left out.

    Events are those that the books have as stored: what age removed counts, what was erased does
    not.
    """
    events = _count_events(ids)
    query = ApiKey.objects.filter(revoked_at=None)
    if ids is not None:
        query = query.filter(project__in=ids)
    keys = Counter(query.values_list("project_id", flat=True))
    return {pk: Holding(events[pk], keys[pk]) for pk in {*events, *keys}}


def read_holding(project: Project) -> Holding:
    return read_holdings([project.id]).get(project.id, Holding(0, 0))


def _count_events(ids: Sequence[str] | None) -> Counter[str]:
    match: list[dict[str, Any]] = []
    if ids is not None:
        match = [{"$match": {"project": {"$in": [bytes.fromhex(pk) for pk in ids]}}}]
    kept = {"$subtract": [{"$ifNull": ["$stored", 0]}, {"$ifNull": ["$erased", 0]}]}
    found = collection(mongo.LEDGER).aggregate([
        *match,
        {"$unionWith": {"coll": mongo.LEDGER_SUMMARIES, "pipeline": match}},
        {"$group": {"_id": "$project", "events": {"$sum": kept}}},
    ])  # fmt: skip
    return Counter({bytes(row["_id"]).hex(): row["events"] for row in found})
