"""Why an answer out of columns is empty: a name that no event has, a value, or no event at all."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from reporting.answers import Reason
from reporting.columns.dialect.inputs import Events, Inputs
from reporting.columns.dialect.values import Arguments
from reporting.columns.view import View
from reporting.nothing import miss_events
from reporting.questions.conditions import And, Compare, Condition, Not, Or, list_fields
from reporting.questions.query import Query
from reporting.questions.table import Span

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection


def explain_nothing(engine: "DuckDBPyConnection", view: View, query: Query) -> Sequence[Reason]:
    """Why no event of the window passes the condition."""
    arguments = Arguments()
    events = Events(view=view, span=Span(window=query.window), bots=query.bots, arguments=arguments)
    inputs = Inputs(events)
    parts = _split_condition(query.condition)
    tests = ["true"]
    for part in parts:
        exists = Or(tuple(Compare(field, "exists") for field in list_fields(part)))
        tests += [inputs.test(exists), inputs.test(part)]
    columns = ", ".join(f"bool_or({test})" for test in tests)
    statement = f"SELECT {columns} FROM {inputs.rows()}"
    [(any_event, *found)] = engine.execute(statement, arguments.values).fetchall()
    if not any_event:
        return [miss_events(query)]
    reasons = [
        _explain_part(part, has=has)
        for part, has, passes in zip(parts, found[::2], found[1::2], strict=True)
        if not passes
    ]
    if not reasons and len(parts) > 1:
        detail = "Events of the window pass each of the filters, and none passes all of them."
        reasons.append(Reason("no_overlap", detail, "filter"))
    return reasons


def _split_condition(condition: Condition | None) -> Sequence[Condition]:
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
