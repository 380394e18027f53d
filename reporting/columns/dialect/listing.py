"""Events themselves, and what properties they have, out of columns."""

from datetime import datetime
from typing import TYPE_CHECKING

from analytics.events.ids import datetime_of_ms
from reporting.answers import EventsAnswer, PropertiesAnswer, PropertyRow, Provenance
from reporting.columns.dialect.inputs import Events, Inputs
from reporting.columns.dialect.patterns import check_patterns
from reporting.columns.dialect.values import Arguments
from reporting.columns.view import View
from reporting.questions.bots import Bots
from reporting.questions.conditions import Compare, Condition, Not
from reporting.questions.fields import Field
from reporting.questions.listing import EventPlace, EventsQuery, PropertiesQuery
from reporting.questions.table import Span
from reporting.questions.window import UNBOUNDED, Window

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

_TYPES = {
    "VARCHAR": "string",
    "BIGINT": "number",
    "UBIGINT": "number",
    "DOUBLE": "number",
    "BOOLEAN": "boolean",
    "NULL": "null",
    "ARRAY": "array",
    "OBJECT": "object",
}


def find_first_event(engine: "DuckDBPyConnection", view: View, bots: Bots) -> datetime | None:
    """When the first event was; None where there is none."""
    arguments = Arguments()
    events = _events_of(view, UNBOUNDED, bots, arguments)
    statement = f'SELECT min("timestamp") FROM ({events.select()})'
    [(first,)] = engine.execute(statement, arguments.values).fetchall()
    return None if first is None else datetime_of_ms(first)


def find_events(engine: "DuckDBPyConnection", view: View, query: EventsQuery) -> EventsAnswer:
    """The places of a page. Raises BadRequest (`bad_pattern`)."""
    check_patterns(engine, query.condition)
    arguments = Arguments()
    inputs = Inputs(_events_of(view, query.window, "included", arguments))
    passes = inputs.test(query.condition)
    if (after := query.after) is not None:
        time, id_ = arguments.add(after.timestamp_ms), arguments.add(after.id)
        passes += f' AND ("timestamp" < {time} OR ("timestamp" = {time} AND id < {id_}))'
    found = engine.execute(
        f'SELECT "timestamp", id FROM {inputs.rows()} WHERE {passes} '
        f'ORDER BY "timestamp" DESC, id DESC LIMIT {query.limit:d}',
        arguments.values,
    ).fetchall()
    places = [EventPlace(timestamp, id_) for timestamp, id_ in found]
    return EventsAnswer(places, _provenance(view), view.rows)


def list_properties(
    engine: "DuckDBPyConnection", view: View, query: PropertiesQuery
) -> PropertiesAnswer:
    """The keys at the top of objects; of as many events, by name."""
    arguments = Arguments()
    inputs = Inputs(_events_of(view, query.window, "included", arguments))
    keys, types = "json_keys(properties)", "json_type(properties, '$.*')"
    # Many events are of few shapes, told apart by 128 bits: lists take longer to compare.
    found = engine.execute(
        f"WITH shapes AS MATERIALIZED (SELECT any_value({keys}) AS keys, any_value({types}) AS "
        f'types, count(*) AS events, max("timestamp") AS last FROM {inputs.rows()} '
        f"WHERE {inputs.test(_write_condition(query))} GROUP BY hash({keys}), hash({types})), "
        "names AS (SELECT key, list(DISTINCT type), sum(events), max(last) "
        "FROM (SELECT unnest(keys) AS key, unnest(types) AS type, events, last FROM shapes) "
        f"GROUP BY key ORDER BY sum(events) DESC, key LIMIT {query.limit:d}) "
        "SELECT NULL, NULL, sum(events), NULL FROM shapes UNION ALL SELECT * FROM names",
        arguments.values,
    ).fetchall()
    rows = [
        PropertyRow(name, sorted({_TYPES[t] for t in types}), int(events), datetime_of_ms(last))
        for name, types, events, last in found
        if name is not None
    ]
    rows.sort(key=lambda row: (-row.events, row.name.encode()))
    [events_] = [events for name, _, events, _ in found if name is None]
    return PropertiesAnswer(rows, int(events_ or 0), _provenance(view), view.rows)


def _write_condition(query: PropertiesQuery) -> Condition | None:
    if query.event is not None:
        return Compare(Field("event"), "is", (query.event,))
    return Not(Compare(Field("event"), "startsWith", ("$",))) if query.leaves_out_ours else None


def _events_of(view: View, window: Window, bots: Bots, arguments: Arguments) -> Events:
    return Events(view=view, span=Span(window=window), bots=bots, arguments=arguments)


def _provenance(view: View) -> Provenance:
    return Provenance("columns", "exact", 0, view.fresh_as_of)
