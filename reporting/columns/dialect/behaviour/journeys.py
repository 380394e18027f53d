"""Journeys, out of columns.

The values of all visits are put in order once; each visit then begins at a row, and goes on in the
rows that follow while these are its own.
"""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from analytics.events.event import PAGEVIEW
from columns.files.visits import OWNER, RESERVED
from reporting.answers import JourneysAnswer, Provenance
from reporting.columns.dialect.behaviour.at_once import KeepsNothing
from reporting.columns.dialect.behaviour.at_once.journeys import select_ways
from reporting.columns.dialect.inputs import Events, Inputs
from reporting.columns.dialect.patterns import check_places
from reporting.columns.dialect.values import Arguments, quote_text
from reporting.columns.view import View
from reporting.questions.journeys import JourneysQuery
from reporting.questions.table import Span

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

_IS_VIEW = f"event = {quote_text(PAGEVIEW)}"
_VALUES = {
    "path": ("path", _IS_VIEW),
    "event": (f"CASE WHEN {_IS_VIEW} THEN path ELSE event END", f"NOT {RESERVED}"),
}
"""What is followed, and of which events."""

_PLACE = "{'moment': moment, 'late': late, 'id': id}"


def answer_journeys(
    engine: "DuckDBPyConnection", view: View, query: JourneysQuery
) -> JourneysAnswer:
    """Raises BadRequest (`bad_pattern`)."""
    check_places(engine, {"filter": query.condition, "from": query.origin})
    found = _find_ways(engine, view, query)
    return JourneysAnswer(
        journeys=[(values, visits) for values, visits, _ in found],
        visits=int(found[0][2]) if found else 0,
        provenance=Provenance("columns", "exact", 0, view.fresh_as_of),
        rows_read=view.rows,
    )


def _find_ways(
    engine: "DuckDBPyConnection", view: View, query: JourneysQuery
) -> Sequence[tuple[list[str], int, int]]:
    """Rows of values, how many visits went that way, and how many went any."""
    if isinstance(engine, KeepsNothing):
        arguments = Arguments()
        rows = _select_events(view, query, arguments)
        statement = select_ways(query, rows, *_VALUES[query.field])
        return engine.execute(statement, arguments.values).fetchall()
    _store_values(engine, view, query)
    return engine.execute(_select_ways(query)).fetchall()


def _store_values(engine: "DuckDBPyConnection", view: View, query: JourneysQuery) -> None:
    """Make the table `followed` (owner, begun, value): the values of each visit in their order."""
    arguments = Arguments()
    rows = f"({_select_events(view, query, arguments)})"
    if query.condition is not None or query.origin is not None:
        # An event that a journey begins with need not be one that has a value.
        having = "bool_or(passes)" + (" AND bool_or(begins)" if query.origin else "")
        first = f"min({_PLACE}) FILTER (WHERE begins)" if query.origin else "NULL"
        engine.execute(
            f"CREATE OR REPLACE TEMP TABLE chosen AS SELECT owner, begun, {first} AS origin "
            f"FROM {rows} GROUP BY owner, begun HAVING {having}",
            arguments.values,
        )
        rows += " JOIN chosen USING (owner, begun)"
    value, has_one = _VALUES[query.field]
    after = f" AND {_PLACE} >= origin" if query.origin else ""
    engine.execute(
        f"CREATE OR REPLACE TEMP TABLE followed AS SELECT owner, begun, {value} AS value "
        f"FROM {rows} WHERE {has_one}{after} ORDER BY owner, moment, late, id",
        arguments.values,
    )


def _select_events(view: View, query: JourneysQuery, arguments: Arguments) -> str:
    """All events of the visits that begin in the window."""
    events = Events(
        view=view,
        span=Span(window=query.window),
        bots=query.bots,
        arguments=arguments,
        zone=query.visit_zone,
    )
    inputs = Inputs(events, by_visit=True)
    told = [
        f"{OWNER} AS owner",
        "moment",
        f"NOT ({_IS_VIEW}) AS late",
        "id",
        "path",
        f"{inputs.test(query.condition)} AS passes",
        f"{inputs.test(query.origin)} AS begins",
    ]
    return f'SELECT "timestamp" AS begun, * FROM ({inputs.select((), "true", also=told)})'


def _select_ways(query: JourneysQuery) -> str:
    """Rows of values, how many visits went that way, and how many went any."""
    same = "owner = lag(owner) OVER () AND begun = lag(begun) OVER ()"
    marked = (
        f"SELECT *, coalesce({same}, false) AS goes_on, lag(value) OVER () AS before FROM followed"
    )
    changes = f"SELECT * FROM ({marked}) WHERE NOT goes_on OR value <> before"
    nexts = [
        f"lead({name}, {n}) OVER () AS {name}{n}"
        for n in range(1, query.steps)
        for name in ("owner", "begun", "value")
    ]
    cases = " ".join(
        f"WHEN owner = owner{n} AND begun = begun{n} THEN [{_list_values(n)}]"
        for n in range(query.steps - 1, 0, -1)
    )
    way = f"CASE {cases} ELSE [value] END"
    return (
        f"WITH ways AS MATERIALIZED (SELECT {way} AS way, count(*) AS visits "
        f"FROM (SELECT *, {', '.join(nexts)} FROM ({changes})) WHERE NOT goes_on GROUP BY way) "
        "SELECT way, visits, sum(visits) OVER () FROM ways "
        f"ORDER BY visits DESC, way LIMIT {query.limit:d}"
    )


def _list_values(last: int) -> str:
    return ", ".join(["value", *(f"value{n}" for n in range(1, last + 1))])
