"""The aggregations over raw events that answers are made of.

Every one begins with `match_events`, so no read leaves its project. Grouping is by `$group`,
which spills to disk, never by `distinct` or a set that grows within one document.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from analytics.databases.mongo import EVENTS, Document
from analytics.events.event import PAGEVIEW
from analytics.rollups.dimensions import BOT
from reporting.answers import Counts, Row
from reporting.questions.bots import Bots
from reporting.questions.fields import Field
from reporting.questions.query import Query, Window
from reporting.raw.expressions import property_path, value_expression
from reporting.snapshot import Snapshot

COUNT_VIEWS: Document = {"$sum": {"$cond": [{"$eq": ["$event", PAGEVIEW]}, 1, 0]}}
COUNT_EVENTS: Document = {"$sum": 1}

_HAS_USER = {"$eq": [{"$type": "$_id.user"}, "string"]}
_IDENTITIES = {"$cond": [_HAS_USER, ["$_id.visitor", "$_id.user"], ["$_id.visitor"]]}
_IS_USER = {"$eq": [{"$type": "$_id.id"}, "string"]}
_IS_VISITOR = {"$isNumber": "$_id.id"}  # else null: the event counts nobody

_OF_BOTS: dict[Bots, Document] = {"excluded": {"$eq": None}, "only": {"$ne": None}}


@dataclass(frozen=True, slots=True)
class Ranking:
    """A page of values by rank, without people; `total` values in all; `whole` every event."""

    rows: Sequence[Row]
    total: int
    whole: Counts


def match_events(query: Query, window: Window | None = None) -> Document:
    """The one place where events are chosen: the key's project comes first."""
    window = window or query.window
    condition: Document = {"project": {"$eq": query.project}}
    bounds = {"$gte": window.start, "$lt": window.end}
    if known := {sign: moment for sign, moment in bounds.items() if moment is not None}:
        condition["timestamp"] = known
    if query.bots in _OF_BOTS:
        condition[BOT] = _OF_BOTS[query.bots]
    return {"$match": condition}


def read_events(snapshot: Snapshot, *stages: Document) -> list[Document]:
    return snapshot.aggregate(EVENTS, stages)


def count_people(
    snapshot: Snapshot,
    query: Query,
    key: Any = None,
    *,
    window: Window | None = None,
    before: Sequence[Document] = (),
    after: Sequence[Document] = (),
) -> dict[Any, Counts]:
    """Count events and people by `key`, an expression (None: all together).

    Stages go `before` the grouping or `after` it, where `_id` is the key. Users and visitors are
    both counted from one grouping by person: each of its rows is then taken apart into its
    visitor, a number, and its user, a text. Who has no visitor counts nobody.
    """
    person = {"key": key, "visitor": "$visitor", "user": "$userId"}
    rows = read_events(
        snapshot,
        match_events(query, window),
        *before,
        {"$group": {"_id": person, "views": COUNT_VIEWS, "events": COUNT_EVENTS}},
        {"$project": {"_id": 0, "key": "$_id.key", "id": _IDENTITIES, "views": 1, "events": 1}},
        {"$unwind": "$id"},
        {
            "$group": {
                "_id": {"key": "$key", "id": "$id"},
                "views": {"$sum": "$views"},
                "events": {"$sum": "$events"},
            }
        },
        {
            "$group": {
                "_id": "$_id.key",
                "views": {"$sum": {"$cond": [_IS_USER, 0, "$views"]}},
                "events": {"$sum": {"$cond": [_IS_USER, 0, "$events"]}},
                "users": {"$sum": {"$cond": [_IS_USER, 1, 0]}},
                "visitors": {"$sum": {"$cond": [_IS_VISITOR, 1, 0]}},
            }
        },
        *after,
    )
    return {row.pop("_id"): Counts(**row) for row in rows}


def rank_values(
    snapshot: Snapshot,
    query: Query,
    field: Field,
    *,
    limit: int,
    offset: int = 0,
    none: bool = False,
) -> Ranking:
    """Order the values of `field` by views (some fields by events), then by value.

    Events without the field have a row, null, only with `none`; it comes after its equals. Values
    of a property may be of any type; they order as in BSON: null, numbers, text, objects, arrays,
    false, true.
    """
    rank = "events" if field.counts_events else "views"
    first = [_having(field)] if field.is_property and not none else []
    known: list[Document] = []
    if not field.is_property and not none:
        known = [{"$match": {"_id": {"$ne": None}}}]
    order: Any = "$_id"
    if field.is_property:  # an array sorts by its least element, an object by the whole of it
        order = {"value": "$_id"}
    page: list[Document] = [
        {"$set": {"order": order, "isNone": {"$and": [none, {"$eq": ["$_id", None]}]}}},
        {"$sort": {rank: -1, "isNone": 1, "order": 1}},
        {"$skip": offset},
        {"$limit": limit},
    ]
    whole = {"_id": None, "views": {"$sum": "$views"}, "events": {"$sum": "$events"}}
    [found] = read_events(
        snapshot,
        match_events(query),
        *first,
        {"$group": {"_id": value_expression(field), "views": COUNT_VIEWS, "events": COUNT_EVENTS}},
        {
            "$facet": {
                "rows": [*known, *page],
                "total": [*known, {"$count": "values"}],
                "whole": [{"$group": whole}],
            }
        },
    )
    return Ranking(
        rows=[Row(row["_id"], _counts(row)) for row in found["rows"]],
        total=found["total"][0]["values"] if found["total"] else 0,
        whole=_counts(found["whole"][0]) if found["whole"] else Counts(),
    )


def _counts(row: Document) -> Counts:
    return Counts(row["views"], row["events"])


def add_people(
    snapshot: Snapshot, query: Query, field: Field, rows: Sequence[Row], *, none: bool = False
) -> list[Row]:
    """The rows with their users and visitors too; with `none` null is also what is absent."""
    if not rows:
        return []
    values = [row.value for row in rows]
    value = value_expression(field)
    index = {"$indexOfArray": [{"$literal": values}, "$_id"]}
    counts = count_people(
        snapshot,
        query,
        {"$ifNull": [value, None]} if none else value,
        before=_narrow(field, values, none=none),
        after=[{"$set": {"_id": index}}, {"$match": {"_id": {"$gte": 0}}}],
    )
    return [Row(row.value, counts[position]) for position, row in enumerate(rows)]


def _narrow(field: Field, values: Sequence[Any], *, none: bool) -> list[Document]:
    """Leave out events whose value of `field` is none of `values`, where that is cheap to see."""
    if not field.is_property:
        return [{"$match": {field.name: {"$in": list(values)}}}]
    stages: list[Document] = [] if none else [_having(field)]
    # What a path finds includes what the expression finds; an object might read as an operator.
    path = property_path(field)
    if path and not any(isinstance(value, (dict, list)) for value in values):
        stages.insert(0, {"$match": {path: {"$in": list(values)}}})
    return stages


def _having(field: Field) -> Document:
    """Null and missing group together, so the missing ones must go first."""
    return {"$match": {"$expr": {"$ne": [{"$type": value_expression(field)}, "missing"]}}}
