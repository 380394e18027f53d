"""Metrics of the visits that begin in the window and hold an event that passes, each whole.

A visit is in each group that one of these events falls into, in the unit in which it began.
"""

from collections.abc import Sequence

from columns.files.visits import OWNER
from reporting.columns.dialect.groups.asked import Table, find_property, group, tell_level
from reporting.columns.dialect.inputs import Canonical, Events, Inputs, is_nested
from reporting.columns.dialect.metrics import OF_VISITS
from reporting.questions.conditions import has_did, list_fields
from reporting.questions.table import TableQuery, Unit

_VISIT = ("owner", '"timestamp"')  # by which it is known


def measure_visits(
    table: Table, events: Events, canonical: Canonical, numbers: Sequence[int]
) -> str:
    measures = {n: OF_VISITS[table.query.metrics[n].name] for n in numbers}
    columns = [column for column in dict.fromkeys(each[1] for each in measures.values()) if column]
    told = ", ".join(f"{sql} AS m{n}" for n, (sql, _) in measures.items())
    if _passes_whole(table.query) and _is_in_one_group(table.query):
        return _measure_first_events(table, Inputs(events), columns, told)
    inputs = Inputs(events, canonical, by_visit=True)
    return _measure_by_visit(table, inputs, columns, told)


def _measure_first_events(table: Table, inputs: Inputs, columns: Sequence[str], told: str) -> str:
    """Of visits that pass or fail as a whole, and are in one group, the first event is enough."""
    passes = f"{inputs.test(table.query.condition)} AND {inputs.visit_column('visitFirst')}"
    also = [inputs.visit_column(column) for column in columns]
    rows = inputs.select(table.query.dimensions, passes, also=also)
    keys = ", ".join([tell_level(table), *table.keys])
    return f"SELECT {keys}, {told} FROM ({rows}){group(table)}"


def _measure_by_visit(table: Table, inputs: Inputs, columns: Sequence[str], told: str) -> str:
    query = table.query
    passes = inputs.test(query.condition)
    also = [f"{OWNER} AS owner", *(inputs.visit_column(column) for column in columns)]
    taken = ['"timestamp"', *(f'any_value("{column}") AS "{column}"' for column in columns)]
    if field := find_property(query.dimensions):
        nested = is_nested(f"p{inputs.number_of(field)}")
        taken.append(f"coalesce(bool_or({nested}), false) AS nested")
        told += ", bool_or(nested) AS nested"
    rows = inputs.select(query.dimensions, passes, also=also)
    if _is_in_one_group(query):
        taken += [f"any_value({key}) AS {key}" for key in table.keys]
        visits = f"SELECT {', '.join(taken)} FROM ({rows}) GROUP BY {', '.join(_VISIT)}"
        keys = ", ".join([tell_level(table), *table.keys])
        return f"SELECT {keys}, {told} FROM ({visits}){group(table)}"
    taken = [tell_level(table), *table.keys, *taken]
    visits = f"SELECT {', '.join(taken)} FROM ({rows}){group(table, *_VISIT)}"
    keys = ", ".join(["g", *table.keys])
    return f"SELECT {keys}, {told} FROM ({visits}) GROUP BY {keys}"


def _passes_whole(query: TableQuery) -> bool:
    """Whether of a visit all events pass or none."""
    of_visits = all(field.of_visit for field in list_fields(query.condition))
    return of_visits and not has_did(query.condition)


def _is_in_one_group(query: TableQuery) -> bool:
    """Whether all events of a visit are in the same group."""
    return all(isinstance(each, Unit) or each.of_visit for each in query.dimensions)
