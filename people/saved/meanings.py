"""What is saved, as conditions of the query language."""

from people.saved.filters import Json, parse_filter
from people.saved.models import Goal

PAGEVIEW: Json = {"field": "event", "op": "is", "values": ["pageview"]}


def read_goal_conditions(goal: Goal) -> tuple[Json, ...]:
    """All of which hold for an event that reaches it. Raises BadFilter."""
    return (*_read_what(goal), *(parse_filter(text).condition for text in goal.conditions))


def _read_what(goal: Goal) -> tuple[Json, ...]:
    if goal.what == Goal.What.EVENT:
        return ({"field": "event", "op": "is", "values": [goal.value]},)
    op = "startsWith" if goal.what == Goal.What.UNDER else "is"
    return (PAGEVIEW, {"field": "path", "op": op, "values": [goal.value]})
