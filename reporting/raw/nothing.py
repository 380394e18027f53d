"""Why an answer is empty: a name that no event has, a value, or a window without events."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from pymongo.errors import ExecutionTimeout

from analytics.databases.mongo import Document
from reporting.answers import Reason
from reporting.questions.bots import Bots
from reporting.questions.conditions import And, Compare, Condition, Not, list_fields
from reporting.questions.fields import Field
from reporting.questions.query import Query, Window
from reporting.raw.conditions import condition_of
from reporting.raw.counting import match_events, read_events
from reporting.snapshot import Snapshot

_NO_EVENTS: dict[Bots, str] = {
    "included": "No event lies in the window.",
    "excluded": "No event lies in the window, bots left out.",
    "only": "No event of a bot lies in the window.",
}

_ANY: tuple[Document, ...] = ({"$limit": 1}, {"$project": {"_id": 1}})


def miss_events(query: Query) -> Reason:
    return Reason("no_events", _NO_EVENTS[query.bots])


def miss_field(parameter: str, field: Field) -> Reason:
    """For groups that are empty although there are events."""
    detail = f"No event of this question has {field.name}."
    return Reason("field_absent", detail, parameter, field.name)


def explain_nothing(
    snapshot: Snapshot, query: Query, window: Window | None = None
) -> Sequence[Reason]:
    """Why no event of the window passes the filters; nothing where finding out takes too long."""
    parts = split_condition(query.condition)
    facets: dict[str, list[Document]] = {"window": [*_ANY]}
    for index, part in enumerate(parts):
        facets[f"passes{index}"] = [{"$match": condition_of(part)}, *_ANY]
        for field in list_fields(part):
            facets[f"has{index}"] = [{"$match": condition_of(Compare(field, "exists"))}, *_ANY]
    events = match_events(replace(query, condition=None), window)
    try:
        [found] = read_events(snapshot, events, {"$facet": facets})
    except ExecutionTimeout:
        return ()
    return give_reasons(query, found)


def give_reasons(query: Query, found: Mapping[str, Any]) -> Sequence[Reason]:
    """`found` tells whether there is anything in the `window`, and of each part of the condition,
    by number, whether an event has its field (`has0`) and whether one passes (`passes0`)."""
    if not found["window"]:
        return [miss_events(query)]
    parts = split_condition(query.condition)
    reasons = [
        _explain_part(part, has=bool(found[f"has{index}"]))
        for index, part in enumerate(parts)
        if not found[f"passes{index}"]
    ]
    if not reasons and len(parts) > 1:
        detail = "Events of the window pass each of the filters, and none passes all of them."
        reasons.append(Reason("no_overlap", detail, "filter"))
    return reasons


def split_condition(condition: Condition | None) -> Sequence[Condition]:
    """What all of which must hold."""
    if isinstance(condition, And):
        return condition.parts
    return [condition] if condition else []


def _explain_part(part: Condition, *, has: bool) -> Reason:
    """In the words of the old filters where it may be one."""
    is_not, compare = isinstance(part, Not), part.part if isinstance(part, Not) else part
    if not isinstance(compare, Compare):
        return Reason("value_absent", "No event of the window passes the filter.", "filter")
    field = compare.field.name
    if has or (is_not and compare.operator == "exists"):
        values = "".join(f":{value}" for value in compare.values)
        text = f"{field}:{'not_' if is_not else ''}{compare.operator}{values}"
        detail = f"No event of the window passes the filter {text}."
        return Reason("value_absent", detail, "filter", field)
    return Reason("field_absent", f"No event of the window has {field}.", "filter", field)
