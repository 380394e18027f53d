"""Questions about visits, funnels, retention and journeys, and what says the same to bare DuckDB.

A visit that begins in the window is told there by its events in the window alone.
"""

from benchmarks.columns.asked import MONTH, QUARTER, YEAR, Asked, Body

_LIKE = "avg(CAST(visitBounced AS INTEGER)), avg(visitMs) / 1000, avg(visitViews)"
_METRICS = ["visits", "bounceRate", "visitDuration", "viewsPerVisit"]
_FIRST = "visitFirst AND begins"
_WEEK = "(timestamp + 259200000) // 604800000"  # from Monday


def _is(field: str, value: str) -> Body:
    return {"field": field, "op": "is", "values": [value]}


def _top(column: str) -> str:
    return (
        f"SELECT {column} AS value, count(*), {_LIKE}, count(*) OVER () FROM flat WHERE {_FIRST} "
        "GROUP BY value ORDER BY 2 DESC, 1 LIMIT 10"
    )


_ALL_VISITS = f"SELECT count(*), {_LIKE} FROM flat WHERE {_FIRST}"
_WITH_PURCHASE = (
    f"SELECT count(*), {_LIKE} FROM (SELECT DISTINCT owner, visitStart, visitBounced, visitMs, "
    "visitViews FROM flat WHERE event = 'purchase' AND begins)"
)

_STEPS = ("path = '/page/1'", "path = '/page/2'", "event = 'purchase'", "path = '/page/3'")
_WITHIN_MS = 7 * 86_400_000
# From the last step back: of each event the first that follows and matches, and what comes of it.
_AFTER = "(PARTITION BY visitor ORDER BY t ROWS BETWEEN 1 FOLLOWING AND UNBOUNDED FOLLOWING)"
_FUNNEL = f"""
    WITH held AS (
        SELECT visitor, timestamp AS t, {", ".join(f"{s} AS s{n}" for n, s in enumerate(_STEPS, 1))}
        FROM flat WHERE visitor IS NOT NULL AND ({" OR ".join(_STEPS)})
    ),
    fourth AS (SELECT *, min(t) FILTER (s4) OVER {_AFTER} AS t4 FROM held),
    third AS (SELECT *, min([t, t4]) FILTER (s3) OVER {_AFTER} AS t3 FROM fourth),
    second AS (SELECT *, min([[t], t3]) FILTER (s2) OVER {_AFTER} AS t2 FROM third),
    started AS (
        SELECT visitor, list_filter([t, t2[1][1], t2[2][1], t2[2][2]],
            lambda time: time <= t + {_WITHIN_MS}) AS chain FROM second WHERE s1
    ),
    reached AS (
        SELECT min([[-len(chain)], chain])[2] AS chain FROM started GROUP BY visitor
    )
    SELECT {", ".join(f"count(*) FILTER (len(chain) >= {n})" for n in range(1, 5))},
        {", ".join(f"median(chain[{n}] - chain[{n - 1}])" for n in range(2, 5))} FROM reached
"""

_RETENTION = f"""
    WITH weeks AS (SELECT DISTINCT userId, {_WEEK} AS week FROM flat WHERE userId IS NOT NULL),
    cohorts AS (SELECT userId, min(week) AS cohort FROM weeks GROUP BY userId)
    SELECT cohort, week - cohort AS after, count(*) FROM weeks JOIN cohorts USING (userId)
    GROUP BY ALL ORDER BY ALL
"""

_JOURNEYS = """
    WITH views AS (
        SELECT owner, visitStart, timestamp, path, lag(path) OVER (
            PARTITION BY owner, visitStart ORDER BY timestamp
        ) AS before FROM flat WHERE begins AND event = 'pageview'
    ),
    journeys AS (
        SELECT list(path ORDER BY timestamp)[:4] AS journey FROM views
        WHERE before IS DISTINCT FROM path GROUP BY owner, visitStart
    )
    SELECT journey, count(*), sum(count(*)) OVER () FROM journeys GROUP BY journey
    ORDER BY 2 DESC, 1 LIMIT 100
"""

VISIT_QUESTIONS: dict[str, Asked] = {
    "visits by source": Asked(
        {"metrics": _METRICS, "dimensions": ["source"], "limit": 10},
        (_ALL_VISITS, _top("visitSource")),
        {MONTH: 60, YEAR: 200},
    ),
    "visits with a purchase": Asked(
        {"metrics": _METRICS, "filter": _is("event", "purchase")},
        (_WITH_PURCHASE,),
        {MONTH: 90, YEAR: 450},
    ),
    "entry pages": Asked(
        {"metrics": _METRICS, "dimensions": ["entryPath"], "limit": 10},
        (_ALL_VISITS, _top("entryPath")),
        {MONTH: 60, YEAR: 200},
    ),
    "funnel of four steps": Asked(
        {
            "steps": [
                _is("path", "/page/1"),
                _is("path", "/page/2"),
                _is("event", "purchase"),
                _is("path", "/page/3"),
            ],
            "within": _WITHIN_MS // 1000,
        },
        (_FUNNEL,),
        {MONTH: 250, YEAR: 2_000},
        path="/query/funnel",
    ),
    "retention": Asked(
        {"interval": "week", "periods": 12},
        (_RETENTION,),
        {QUARTER: 1_000},
        path="/query/retention",
        widths=(QUARTER,),
    ),
    "journeys": Asked(
        {"steps": 4, "field": "path"},
        (_JOURNEYS,),
        {MONTH: 600},
        path="/query/journeys",
    ),
}
