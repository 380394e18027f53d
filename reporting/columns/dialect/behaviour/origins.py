"""What the first event of each chain had of the dimension.

Of events of one moment it is the first, in the order of events, that a chain of these times can
begin with.
"""

from collections.abc import Iterator
from itertools import groupby
from operator import itemgetter
from typing import TYPE_CHECKING, Any

from reporting.columns.dialect.behaviour.chains import list_batches
from reporting.columns.dialect.behaviour.hits import Hits
from reporting.columns.dialect.behaviour.matching import find_first_masks

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

_ROWS = 1_000


def find_origins(engine: "DuckDBPyConnection", hits: Hits) -> None:
    """Make the table `origins` (n, d0), from `hits` with d0, and `reached`."""
    engine.execute(
        "CREATE OR REPLACE TEMP TABLE begun AS SELECT n, first(d0) AS d0, "
        "count(DISTINCT d0) + (count(*) > count(d0))::INTEGER AS different "
        "FROM hits JOIN reached ON hits.person = reached.person AND t = chain[1] "
        "WHERE mask & 1 <> 0 GROUP BY n"
    )
    engine.execute(
        "CREATE OR REPLACE TEMP TABLE origins AS SELECT n, d0 FROM begun WHERE different = 1"
    )
    engine.execute(
        "CREATE OR REPLACE TEMP TABLE begun_otherwise AS SELECT n FROM begun WHERE different > 1"
    )
    [(unclear,)] = engine.execute("SELECT count(*) FROM begun_otherwise").fetchall()
    if not unclear:
        return
    place = "{'late': late, 'id': id}"
    engine.execute(
        "CREATE OR REPLACE TEMP TABLE rivals AS SELECT n, taken, mask, count(*) AS events, "
        f"min({place}) AS place, arg_min({{'key': d0}}, {place}).key AS d0 FROM ("
        "SELECT n, len(list_filter(chain, lambda time: time = chain[1])) AS taken, h.* "
        "FROM (SELECT * FROM reached SEMI JOIN begun_otherwise USING (n)) r "
        f"JOIN ({hits.select(with_key=True)}) h ON h.person = r.person AND t = chain[1]) "
        "GROUP BY n, taken, mask",
        hits.arguments.values,
    )
    for batch in list_batches(engine):
        found = list(_choose(engine, batch))
        engine.execute(
            "INSERT INTO origins SELECT unnest($n), unnest($keys)",
            {"n": [n for n, _ in found], "keys": [key for _, key in found]},
        )


def _choose(engine: "DuckDBPyConnection", batch: str) -> Iterator[tuple[int, str | None]]:
    found = engine.execute(
        f"SELECT n, taken, mask, events, d0 FROM rivals WHERE {batch} ORDER BY n, place"
    )

    def read() -> Iterator[tuple[Any, ...]]:
        while rows := found.fetchmany(_ROWS):
            yield from rows

    for n, group in groupby(read(), itemgetter(0)):
        rivals = list(group)
        counts = {mask: events for _, _, mask, events, _ in rivals}
        first = find_first_masks(counts, rivals[0][1])
        yield n, next(key for _, _, mask, _, key in rivals if mask in first)
