"""Whether the events of a window are in: accepted is not yet stored."""

from datetime import datetime

from redis.exceptions import RedisError

from analytics.databases.redis_clients import stream_client
from analytics.databases.redis_commands import typed_commands
from analytics.databases.redis_keys import stream_key
from analytics.events.ids import EntryId, ms_of_datetime
from analytics.projects.models import Project
from upkeep.ledger.lines import read_counters

UNKNOWN = -1
"""So many wait where nobody can tell."""


def count_waiting(project: Project, before: datetime) -> int:
    """Events of a project that may have been accepted before a moment and are not stored yet.

    0 means that there is none; more may count some that were accepted later. UNKNOWN while Redis
    does not answer.
    """
    try:
        oldest = typed_commands(stream_client()).xrange(stream_key(project.partition), count=1)
        if not oldest or EntryId.parse(oldest[0][0]).ms >= ms_of_datetime(before):
            return 0
        waiting = read_counters().waiting
    except (RedisError, OSError):
        return UNKNOWN
    return sum(count for (found, _), count in waiting.items() if found == project.id_bytes)
