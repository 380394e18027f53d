"""Metrics by their texts: `visitors`, `sum(properties.amount)`."""

import re

from reporting.questions.fields import BadField, parse_named_field
from reporting.questions.table import OF_VISITS, Metric

OF_EVENTS = ("views", "events", "visitors", "users", "engagedSeconds", "scrollDepth")
OF_GOALS = ("conversions", "conversionRate")
OF_NUMBERS = ("count", "sum", "avg", "min", "max", "p50", "p75", "p90", "p95", "p99", "unique")
NAMED = (*OF_EVENTS, *OF_VISITS, *OF_GOALS)

_CALL = re.compile(rf"({'|'.join(OF_NUMBERS)})\((.*)\)", re.DOTALL)


class UnknownMetric(ValueError):
    """A text that is no metric; its own text says why."""


def parse_metric(text: str) -> Metric:
    """Raises UnknownMetric; BadField where it is one of a field that is none."""
    if text in NAMED:
        return Metric(text, text)
    call = _CALL.fullmatch(text)
    if call is None:
        known = ", ".join(NAMED)
        raise UnknownMetric(f"is none of {known} and not one of {', '.join(OF_NUMBERS)} (…)")
    try:
        field = parse_named_field(call[2])
    except BadField as exc:
        raise BadField(f"is of a field that {exc}") from None
    if not field.is_property:
        raise BadField(f"is of {field.name}, and {call[1]} is of properties.<key> only")
    return Metric(text, call[1], field)
