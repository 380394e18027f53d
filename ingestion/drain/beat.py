"""Beat's scheduler: it stays quiet while workers are behind, and where nothing is to be done."""

import os
from contextlib import suppress
from time import monotonic
from typing import Any, Final

from celery.beat import ScheduleEntry, Scheduler
from django.conf import settings
from kombu import Producer
from redis.exceptions import RedisError

from analytics.databases.redis_clients import broker_client, stream_client
from analytics.databases.redis_keys import DRAINING, beat_key, stored_key, stream_key, wake_key
from analytics.metrics.sightings import note_alive
from analytics.task_names import COMPACT_SUMMARIES, DRAIN, EXPORT_COLUMNS

MAX_WAITING_MAINTENANCE_TASKS = 20
WAKE_MS = 5_000
LEASE_MS: Final = 5_000
"""Another beat takes over so long after this one published for the last time."""
RENEW_SECONDS: Final = 2.0

FOLLOW_STORING: Final = (COMPACT_SUMMARIES, EXPORT_COLUMNS)
"""Tasks that have something to do only after batches were stored."""
ROUNDS_AFTER_STORING: Final = 3  # a task may have found its lane taken, or failed
REST_SECONDS: Final = 60.0  # then they are asked for as seldom as all else


class QuietScheduler(Scheduler):
    """Publishes a drain only while its partition holds entries, has none queued, and none that
    will read once more; and sets the wake flag as a request would.

    Keeps no file: what is due is due from the start of the process on. Without this a stopped
    worker would find a queue of a day's drains. Of several beats one publishes: who has the lease.
    """

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self._name = os.urandom(8).hex().encode()
        self._leased_at = 0.0
        self._followed: dict[str, _Followed] = {}

    def apply_entry(self, entry: ScheduleEntry, producer: Producer | None = None) -> None:
        try:
            wanted = self._is_wanted(entry)
        except (RedisError, OSError):
            return
        if wanted:
            super().apply_entry(entry, producer=producer)

    def _is_wanted(self, entry: ScheduleEntry) -> bool:
        queue: str = (entry.options or {}).get("queue", self.app.conf.task_default_queue)
        look = broker_client().pipeline(transaction=False)
        look.get(beat_key())
        look.llen(queue)
        look.get(stored_key())
        holder, waiting_tasks, stored = look.execute()
        if not self._holds_lease(holder):
            return False
        note_alive("beat")
        if entry.task == DRAIN:
            (partition,) = entry.args or (0,)
            return self._wants_drain(partition, int(waiting_tasks))
        if waiting_tasks >= MAX_WAITING_MAINTENANCE_TASKS:
            return False
        if entry.task in FOLLOW_STORING:
            return self._followed.setdefault(entry.task, _Followed()).is_due(int(stored or 0))
        return True

    def adjust(self, n: float, drift: float = 0.0) -> float:
        """Sleep until something is due. Celery wakes 10 ms before, and spins until it is."""
        return n

    def close(self) -> None:
        """At the end: another one need not wait until the lease is over."""
        with suppress(RedisError, OSError):
            if broker_client().get(beat_key()) == self._name:
                broker_client().delete(beat_key())
        super().close()

    def _holds_lease(self, holder: bytes | None) -> bool:
        """Takes the lease that nobody has, and renews its own in time."""
        if holder is None:
            return bool(broker_client().set(beat_key(), self._name, nx=True, px=LEASE_MS))
        if holder == self._name and monotonic() - self._leased_at > RENEW_SECONDS:
            broker_client().pexpire(beat_key(), LEASE_MS)
            self._leased_at = monotonic()
        return holder == self._name

    def _wants_drain(self, partition: int, waiting_tasks: int) -> bool:
        stream = stream_client()
        look = stream.pipeline(transaction=False)
        look.get(wake_key(partition))
        look.xlen(stream_key(partition))
        flag, entries = look.execute()
        if not entries or flag == DRAINING:
            return False
        if not waiting_tasks:
            stream.set(wake_key(partition), 1, px=WAKE_MS)
            return True
        # What waits may be the drain of another partition, which would go first for ever.
        if waiting_tasks >= settings.STREAM_PARTITIONS:
            return False
        return bool(stream.set(wake_key(partition), 1, nx=True, px=WAKE_MS))


class _Followed:
    """When a task that follows upon storing was asked for, and after how many batches."""

    def __init__(self) -> None:
        self._stored = -1
        self._rounds = 0
        self._asked_at = 0.0

    def is_due(self, stored: int) -> bool:
        now = monotonic()
        if stored != self._stored:
            self._stored, self._rounds = stored, ROUNDS_AFTER_STORING
        if not self._rounds and now - self._asked_at < REST_SECONDS:
            return False
        self._rounds = max(0, self._rounds - 1)
        self._asked_at = now
        return True
