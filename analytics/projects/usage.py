"""How many events were accepted per month, for a project and for each of its keys.

Counted by the admission script in the same step as the append, by the month of acceptance (UTC).
"""

from datetime import UTC, datetime
from typing import NamedTuple

from analytics.databases.redis_clients import stream_client
from analytics.databases.redis_keys import quota_key, usage_key
from analytics.projects.aliases import Alias
from analytics.projects.models import ApiKey, Project


class MonthUsage(NamedTuple):
    month: str  # YYYY-MM
    events: int


def read_project_usage(project: Project) -> list[MonthUsage]:
    """The latest month first. Raises RedisError."""
    return _read(project)


def read_key_usage(key: ApiKey) -> list[MonthUsage]:
    """The latest month first. Raises RedisError."""
    return _read(key.project, f":{key.id}")


def read_alias_usage(alias: Alias) -> list[MonthUsage]:
    """The latest month first. Raises RedisError."""
    return _read(alias.project, f":{alias.key_id}")


def list_months(project: Project) -> list[str]:
    """The months `YYYYMM` in which it may have accepted events, the latest first."""
    now, first = datetime.now(UTC), project.created_at
    months = range(first.year * 12 + first.month - 1, now.year * 12 + now.month)
    return [f"{month // 12}{month % 12 + 1:02}" for month in reversed(months)]


def read_accepted_by_month(project: Project, suffix: str = "") -> dict[str, int]:
    """Events by month `YYYYMM`, the latest first; `suffix` has those by one key, `:<key id>`.

    The release before had them in a hash of the project. Raises RedisError.
    """
    months = list_months(project)
    with stream_client().pipeline(transaction=False) as pipeline:
        for month in months:
            pipeline.hget(usage_key(project.partition, month), f"{project.id}{suffix}")
        pipeline.hmget(
            quota_key(project.partition, project.id), [f"{month}{suffix}" for month in months]
        )
        *counts, before = pipeline.execute()
    sums = [int(own or 0) + int(old or 0) for own, old in zip(counts, before, strict=True)]
    return {month: events for month, events in zip(months, sums, strict=True) if events}


def _read(project: Project, suffix: str = "") -> list[MonthUsage]:
    return [
        MonthUsage(f"{month[:4]}-{month[4:]}", events)
        for month, events in read_accepted_by_month(project, suffix).items()
    ]
