"""Look a deployment over: what is well, what is doubtful, what is wrong, and what to do.

Each check looks at one thing and says what it found; nothing is changed. A check that cannot look
says so: silence would pass for health.
"""

from collections.abc import Callable, Iterable, Iterator

from pymongo.errors import PyMongoError
from redis.exceptions import RedisError

from upkeep.watch.clickhouse import check_clickhouse
from upkeep.watch.columns import check_columns
from upkeep.watch.finding import Finding, brief, doubtful
from upkeep.watch.notices import check_notices
from upkeep.watch.servers import check_broker, check_clocks, check_store, check_stream
from upkeep.watch.service import (
    check_keys,
    check_migrations,
    check_processes,
    check_projects,
    check_settings,
    check_waiting,
)

Check = Callable[[], Iterable[Finding]]

CHECKS: dict[str, Check] = {
    "settings": check_settings,
    "stream": check_stream,
    "broker": check_broker,
    "store": check_store,
    "clocks": check_clocks,
    "migrations": check_migrations,
    "columns": check_columns,
    "clickhouse": check_clickhouse,
    "keys": check_keys,
    "projects": check_projects,
    "processes": check_processes,
    "waiting": check_waiting,
    "notices": check_notices,
}


def examine() -> Iterator[tuple[str, Finding]]:
    """Every finding, with the name of its check."""
    for name, check in CHECKS.items():
        try:
            for finding in check():
                yield name, finding
        except (RedisError, PyMongoError, OSError) as exc:
            yield (
                name,
                doubtful(f"could not look: {brief(exc)}", "mend what is said above, try again"),
            )
