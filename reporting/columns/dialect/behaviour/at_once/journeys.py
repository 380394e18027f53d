"""Journeys: the ways of all visits, counted in the statement that finds them."""

from reporting.questions.journeys import JourneysQuery

_OF_VISIT = "PARTITION BY owner, begun"
_IN_ORDER = f"{_OF_VISIT} ORDER BY moment, late, id"


def select_ways(query: JourneysQuery, rows: str, value: str, has_one: str) -> str:
    """Rows of values, how many visits went that way, and how many went any.

    `rows` are all events of the visits; `value` is what is followed, of those that have one.
    """
    marks, kept = [], [has_one]
    if query.condition is not None:
        marks.append(f"bool_or(passes) OVER ({_OF_VISIT}) AS is_chosen")
        kept.append("is_chosen")
    if query.origin is not None:  # an event that a journey begins with need not have a value
        until_now = "ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW"
        marks.append(f"bool_or(begins) OVER ({_IN_ORDER} {until_now}) AS has_begun")
        kept.append("has_begun")
    if marks:
        rows = f"SELECT *, {', '.join(marks)} FROM ({rows})"
    followed = (
        f"SELECT owner, begun, moment, late, id, {value} AS value FROM ({rows}) "
        f"WHERE {' AND '.join(kept)}"
    )
    marked = (
        f"SELECT *, row_number() OVER ({_IN_ORDER}) AS number, "
        f"lag(value) OVER ({_IN_ORDER}) AS before FROM ({followed})"
    )
    nexts = [
        f"lead({name}, {n}) OVER ({_IN_ORDER}) AS {name}{n}"
        for n in range(1, query.steps)
        for name in ("owner", "value")
    ]
    changes = (
        f"SELECT {', '.join(['value', 'number', *nexts])} FROM ({marked}) "
        "WHERE number = 1 OR value <> before"
    )
    cases = " ".join(
        f"WHEN owner{n} IS NOT NULL THEN [{_list_values(n)}]" for n in range(query.steps - 1, 0, -1)
    )
    way = f"CASE {cases} ELSE [value] END" if cases else "[value]"
    all_ways = f"SELECT {way} AS way FROM ({changes}) WHERE number = 1"
    ways = f"SELECT way, count(*) AS visits FROM ({all_ways}) GROUP BY way"
    return (
        f"SELECT way, visits, sum(visits) OVER () AS of_all FROM ({ways}) "
        f"ORDER BY visits DESC, way LIMIT {query.limit:d}"
    )


def _list_values(last: int) -> str:
    return ", ".join(["value", *(f"value{n}" for n in range(1, last + 1))])
