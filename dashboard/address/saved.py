"""Segments and goals of a project as filters of an address."""

from collections.abc import Iterable, Mapping
from typing import Any

from dashboard.address.named import GOAL, KINDS, SEGMENT, Named
from people.saved.filters import BadFilter, Filter, parse_filter
from people.saved.ids import read_reference
from people.saved.meanings import read_goal_conditions
from people.saved.models import Goal, Segment

Json = dict[str, Any]

OF_PROPERTIES = "properties"
_MODELS: Mapping[str, type[Segment] | type[Goal]] = {SEGMENT: Segment, GOAL: Goal}

assert set(_MODELS) == set(KINDS)


def find_named(project_id: str, user_id: Any, kind: str, reference: str) -> Named:
    """What an address names of this project, if this person may see it. Raises BadFilter."""
    saved_id = read_reference(reference)
    rows = _MODELS[kind].objects.filter(project_id=project_id, pk=saved_id)
    row = rows.first() if saved_id else None
    if row is None or (isinstance(row, Segment) and not is_seen_by(row, user_id)):
        raise BadFilter(f"names no {kind} that you may see")
    if row.deleted_at:
        told = f"names the {kind} \N{LEFT DOUBLE QUOTATION MARK}{row.name}"
        raise BadFilter(f"{told}\N{RIGHT DOUBLE QUOTATION MARK}, which was deleted")
    return read_goal(row) if isinstance(row, Goal) else read_segment(row)


def is_seen_by(segment: Segment, user_id: Any) -> bool:
    return segment.is_shared or segment.owner_id == user_id  # type: ignore[attr-defined]


def read_segment(segment: Segment) -> Named:
    """Raises BadFilter."""
    means = tuple(parse_filter(text).condition for text in segment.filters)
    return Named(SEGMENT, "", (segment.reference,), segment.name, means, tuple(segment.filters))


def read_goal(goal: Goal) -> Named:
    """Raises BadFilter."""
    return Named(GOAL, "", (goal.reference,), goal.name, read_goal_conditions(goal))


def flatten(filters: Iterable[Filter]) -> list[str]:
    """Filters as a segment keeps them: in the place of a segment what it holds.

    Raises BadFilter for a goal.
    """
    texts: list[str] = []
    for each in filters:
        if not isinstance(each, Named):
            texts.append(str(each))
        elif each.operator == GOAL:
            raise BadFilter("A segment says who is looked at: take the goal off first.")
        else:
            texts += each.texts
    return list(dict.fromkeys(texts))


def parse_of_property(line: str) -> Filter:
    """A condition on a property, without its prefix: `is:plan:pro`. Raises BadFilter."""
    head, _, rest = line.partition(":")
    field = rest if rest.startswith(OF_PROPERTIES) else f"{OF_PROPERTIES}.{rest}"
    return parse_filter(f"{head}:{field}")
