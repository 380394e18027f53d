"""How many events were accepted per month, for a project and for each of its keys.

Counted by the admission script in the same step as the append, by the month of acceptance (UTC).
"""

from typing import Any, NamedTuple

from analytics.databases.redis_clients import stream_client
from analytics.databases.redis_keys import quota_key
from analytics.projects.models import ApiKey, Project


class MonthUsage(NamedTuple):
    month: str  # YYYY-MM
    events: int


def read_project_usage(project: Project) -> list[MonthUsage]:
    """The latest month first. Raises RedisError."""
    return _list_months(_read(project), suffix="")


def read_key_usage(key: ApiKey) -> list[MonthUsage]:
    """The latest month first. Raises RedisError."""
    return _list_months(_read(key.project), suffix=f":{key.id}")


def _read(project: Project) -> dict[str, int]:
    raw: Any = stream_client().hgetall(quota_key(project.partition, project.id))
    return {field.decode(): int(events) for field, events in raw.items()}


def _list_months(counts: dict[str, int], suffix: str) -> list[MonthUsage]:
    """The counts whose field is a month, `YYYYMM`, and then `suffix`."""
    return [
        MonthUsage(f"{field[:4]}-{field[4:6]}", counts[field])
        for field in sorted(counts, reverse=True)
        if field[6:] == suffix
    ]
