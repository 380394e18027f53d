"""Why an answer is empty, as far as every source can tell: no event, or none with a field."""

from reporting.answers import Reason
from reporting.questions.bots import Bots
from reporting.questions.fields import Field
from reporting.questions.query import Query

_NO_EVENTS: dict[Bots, str] = {
    "included": "No event lies in the window.",
    "excluded": "No event lies in the window, bots left out.",
    "only": "No event of a bot lies in the window.",
}


def miss_events(query: Query) -> Reason:
    return Reason("no_events", _NO_EVENTS[query.bots])


def miss_field(parameter: str, field: Field) -> Reason:
    """For groups that are empty although there are events."""
    detail = f"No event of this question has {field.name}."
    return Reason("field_absent", detail, parameter, field.name)
