"""When beat and a worker were last seen at work, and what the last verification found.

One hash in the broker's Redis: with that gone, beat and workers do nothing anyway.
"""

import time
from collections.abc import Mapping
from typing import Any, Literal

import structlog
from redis.exceptions import RedisError

from analytics.databases.redis_clients import broker_client
from analytics.databases.redis_keys import sightings_key
from analytics.remembered import forgets

log = structlog.get_logger(__name__)

Process = Literal["beat", "worker"]
PROCESSES: tuple[Process, ...] = ("beat", "worker")
NOTED_SECONDS = 5.0

_VERIFIED_AT = "verified_at"
_DRIFT_TABLES = "drift_tables"
_COLUMNS_VERIFIED_AT = "columns_verified_at"
_COLUMN_DRIFT = "column_drift"
_noted_at: dict[Process, float] = {}
forgets(_noted_at.clear)


def note_alive(process: Process) -> None:
    """This process is at work; written every NOTED_SECONDS at most. Never raises."""
    now = time.monotonic()
    if now - _noted_at.get(process, -NOTED_SECONDS) >= NOTED_SECONDS:
        _noted_at[process] = now
        _note({process: int(time.time())})


def note_verified(drift_tables: int) -> None:
    """Rollups were verified just now; `drift_tables` were not what the raw events say."""
    _note({_VERIFIED_AT: int(time.time()), _DRIFT_TABLES: drift_tables})


def note_columns_verified(drift: int) -> None:
    """Columns were verified just now; `drift` events or files were not as they should be."""
    _note({_COLUMNS_VERIFIED_AT: int(time.time()), _COLUMN_DRIFT: drift})


def _note(fields: Mapping[Any, Any]) -> None:
    try:
        broker_client().hset(sightings_key(), mapping=fields)
    except (RedisError, OSError) as error:
        log.warning("sighting_not_noted", error=repr(error))


class Sightings:
    """What was noted, 0 where nothing was. Raises RedisError."""

    def __init__(self) -> None:
        noted: Any = broker_client().hgetall(sightings_key())
        self._noted: dict[str, int] = {name.decode(): int(value) for name, value in noted.items()}

    def seen_at(self, process: Process) -> int:
        """Unix seconds."""
        return self._noted.get(process, 0)

    @property
    def verified_at(self) -> int:
        """Unix seconds."""
        return self._noted.get(_VERIFIED_AT, 0)

    @property
    def drift_tables(self) -> int:
        return self._noted.get(_DRIFT_TABLES, 0)

    @property
    def columns_verified_at(self) -> int:
        """Unix seconds."""
        return self._noted.get(_COLUMNS_VERIFIED_AT, 0)

    @property
    def column_drift(self) -> int:
        return self._noted.get(_COLUMN_DRIFT, 0)
