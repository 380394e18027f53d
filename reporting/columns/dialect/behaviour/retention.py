"""Retention, out of columns."""

from typing import TYPE_CHECKING

from reporting.answers import Cohort, Provenance, RetentionAnswer
from reporting.columns.dialect.behaviour.hits import PERSONS
from reporting.columns.dialect.inputs import Events, Inputs
from reporting.columns.dialect.patterns import check_places
from reporting.columns.dialect.relation import index_units
from reporting.columns.dialect.values import Arguments
from reporting.columns.view import View
from reporting.questions.retention import RetentionQuery
from reporting.questions.table import Span

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection


def answer_retention(
    engine: "DuckDBPyConnection", view: View, query: RetentionQuery
) -> RetentionAnswer:
    """Raises BadRequest (`bad_pattern`)."""
    check_places(engine, {"cohort": query.cohort, "return": query.returned})
    arguments = Arguments()
    found = engine.execute(_select(view, query, arguments), arguments.values).fetchall()
    people = {unit: number for unit, after, number in found if after is None}
    returned = {(unit, after): number for unit, after, number in found if after is not None}
    units = len(query.boundaries) - 1
    return RetentionAnswer(
        cohorts=[
            Cohort(
                people.get(unit, 0),
                [returned.get((unit, after), 0) for after in range(query.periods)],
            )
            for unit in range(units)
        ],
        provenance=Provenance("columns", "exact", 0, view.fresh_as_of),
        rows_read=view.rows,
    )


def _select(view: View, query: RetentionQuery, arguments: Arguments) -> str:
    """Rows of a cohort's unit, of a unit after it, by number, and how many came in both; without a
    unit after it those of the cohort."""
    person = PERSONS[query.by]
    events = Events(
        view=view,
        span=Span(window=query.window),
        bots=query.bots,
        arguments=arguments,
        zone=query.visit_zone,
        person=person,
    )
    inputs = Inputs(events)
    cohort, returned = inputs.test(query.cohort), inputs.test(query.returned)
    marked = (
        f"SELECT {person} AS person, {index_units(query.boundaries)} AS unit, {cohort} AS begins, "
        f"{returned} AS returns FROM {inputs.rows()} WHERE {person} IS NOT NULL"
    )
    return (
        "WITH units AS MATERIALIZED (SELECT person, unit, bool_or(begins) AS begins, "
        f"bool_or(returns) AS returns FROM ({marked}) WHERE begins OR returns GROUP BY ALL), "
        "cohorts AS MATERIALIZED (SELECT person, min(unit) AS first FROM units WHERE begins "
        "GROUP BY person) "
        "SELECT first, NULL AS after, count(*) FROM cohorts GROUP BY first UNION ALL "
        "SELECT first, unit - first AS after, count(*) FROM units JOIN cohorts USING (person) "
        f"WHERE returns AND unit - first BETWEEN 0 AND {query.periods - 1:d} GROUP BY ALL"
    )
