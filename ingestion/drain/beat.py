"""Beat's scheduler: it stays quiet while workers are behind."""

from celery.beat import ScheduleEntry, Scheduler
from django.conf import settings
from kombu import Producer
from redis.exceptions import RedisError

from analytics.databases.redis_clients import broker_client, stream_client
from analytics.databases.redis_keys import wake_key
from analytics.metrics.sightings import note_alive
from analytics.task_names import DRAIN

MAX_WAITING_MAINTENANCE_TASKS = 20
WAKE_MS = 5_000


class QuietScheduler(Scheduler):
    """Publishes a drain only while its partition has none queued, and sets the wake flag as a
    request would.

    Keeps no file: what is due is due from the start of the process on. Without this a stopped
    worker would find a queue of a day's drains.
    """

    def apply_entry(self, entry: ScheduleEntry, producer: Producer | None = None) -> None:
        note_alive("beat")
        try:
            wanted = self._is_wanted(entry)
        except (RedisError, OSError):
            return
        if wanted:
            super().apply_entry(entry, producer=producer)

    def _is_wanted(self, entry: ScheduleEntry) -> bool:
        queue: str = (entry.options or {}).get("queue", self.app.conf.task_default_queue)
        waiting_tasks = int(broker_client().llen(queue))
        if entry.task != DRAIN:
            return waiting_tasks < MAX_WAITING_MAINTENANCE_TASKS
        (partition,) = entry.args or (0,)
        if not waiting_tasks:
            stream_client().set(wake_key(partition), 1, px=WAKE_MS)
            return True
        # What waits may be the drain of another partition, which would go first for ever.
        if waiting_tasks >= settings.STREAM_PARTITIONS:
            return False
        return bool(stream_client().set(wake_key(partition), 1, nx=True, px=WAKE_MS))
