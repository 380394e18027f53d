"""All groups of a table, whichever of its metrics they have."""

from reporting.columns.dialect.groups.asked import Table
from reporting.columns.dialect.groups.engaged import measure_views
from reporting.columns.dialect.groups.events import count_events
from reporting.columns.dialect.groups.visits import measure_visits
from reporting.columns.dialect.inputs import Canonical, Events
from reporting.columns.dialect.metrics import ENGAGED, OF_VISITS, is_zero, measure
from reporting.columns.dialect.values import Arguments
from reporting.questions.fields import Field
from reporting.questions.table import Metric, Span

_ZEROS = {"count": "0", "number": "{'d': 0::DOUBLE, 'i': 0::HUGEINT}"}


def select_groups(table: Table, span: Span, arguments: Arguments, canonical: Canonical) -> str:
    """Rows of g, nested, d0 .., m0 .. and x0 ..; there is always one of the totals."""
    query = table.query
    events = Events(
        view=table.view, span=span, bots=query.bots, arguments=arguments, zone=query.visit_zone
    )
    engaged = [n for n, metric in enumerate(query.metrics) if metric.name in ENGAGED]
    visits = [n for n, metric in enumerate(query.metrics) if metric.name in OF_VISITS]
    selects = []
    if len(visits) < len(query.metrics):
        selects.append(count_events(table, events, canonical))
    if engaged:
        selects.append(measure_views(table, events, canonical, engaged))
    if visits:
        selects.append(measure_visits(table, events, canonical, visits))
    if not (engaged or visits):
        return selects[0]
    merged = [f"{_merge(metric, n)} AS m{n}" for n, metric in enumerate(query.metrics)]
    merged += [f"coalesce(any_value(x{n}), false) AS x{n}" for n in table.sums]
    merged.append("coalesce(bool_or(nested), false) AS nested")
    keys = ", ".join(["g", *table.keys])
    # Of no event at all, nothing else may have the row of totals.
    selects.append("SELECT 1 AS g, false AS nested")
    return (
        f"SELECT {keys}, {', '.join(merged)} FROM ({' UNION ALL BY NAME '.join(selects)}) "
        f"GROUP BY {keys}"
    )


def _merge(metric: Metric, n: int) -> str:
    """Of the one statement that has it; a row may be in others alone."""
    if not is_zero(metric):
        return f"any_value(m{n})"
    return f"coalesce(any_value(m{n}), {_ZEROS[measure(metric, any_number).kind]})"


def any_number(_: Field) -> int:
    """For what is asked of a measure but its SQL."""
    return 0
