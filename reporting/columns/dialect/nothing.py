"""Why an answer out of columns is empty."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from reporting.answers import Reason
from reporting.columns.dialect.inputs import Events, Inputs
from reporting.columns.dialect.values import Arguments
from reporting.columns.view import View
from reporting.questions.conditions import Compare, Or, list_fields
from reporting.questions.query import Query
from reporting.questions.table import Span
from reporting.raw.nothing import give_reasons, split_condition

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection


def explain_nothing(engine: "DuckDBPyConnection", view: View, query: Query) -> Sequence[Reason]:
    """Why no event of the window passes the condition."""
    arguments = Arguments()
    events = Events(view=view, span=Span(window=query.window), bots=query.bots, arguments=arguments)
    inputs = Inputs(events)
    tests = {"window": "true"}
    for index, part in enumerate(split_condition(query.condition)):
        exists = Or(tuple(Compare(field, "exists") for field in list_fields(part)))
        tests[f"has{index}"] = inputs.test(exists)
        tests[f"passes{index}"] = inputs.test(part)
    columns = ", ".join(f"bool_or({test})" for test in tests.values())
    [row] = engine.execute(f"SELECT {columns} FROM {inputs.rows()}", arguments.values).fetchall()
    return give_reasons(query, dict(zip(tests, row, strict=True)))
